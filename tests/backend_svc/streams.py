"""The pooler's end of a stream, with or without gRPC: requests go in, responses come out."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message

from kalepool.v1.types_pb2 import SessionGoodbye, SessionOpen

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)

_PATIENCE_WALL_SECONDS = 120


def new_id() -> str:
    return str(uuid.uuid4())


class Conversation(Generic[Request, Response]):
    """One connection of one pooler. `connect` takes the requests and gives the responses."""

    def __init__(self, connect: Callable[[AsyncIterator[Request]], Any], request_type: type[Request]) -> None:
        self._request_type = request_type
        self._requests: asyncio.Queue[Request | None] = asyncio.Queue()
        self._responses = aiter(connect(self._sent()))
        self._sequence = 0

    async def _sent(self) -> AsyncIterator[Request]:
        while (request := await self._requests.get()) is not None:
            yield request

    async def open(self, session_id: str = "", last_sequence_seen: int = 0) -> Any:
        """Open, and take the answer; further requests count on from what it says."""
        make: Any = self._request_type
        opening = SessionOpen(session_id=session_id, last_sequence_seen=last_sequence_seen)
        self._requests.put_nowait(make(open=opening))
        opened = (await self.next()).opened
        self._sequence = opened.last_request_sequence
        return opened

    def ask(self, *, sequence: int | None = None, key: str | None = None, **message: Message) -> int:
        """Send a request; returns its sequence."""
        self._sequence = self._sequence + 1 if sequence is None else sequence
        make: Any = self._request_type
        self._requests.put_nowait(
            make(sequence=self._sequence, idempotency_key=new_id() if key is None else key, **message)
        )
        return self._sequence

    def send(self, request: Request) -> None:
        self._requests.put_nowait(request)

    def say_goodbye(self) -> None:
        make: Any = self._request_type
        self._requests.put_nowait(make(goodbye=SessionGoodbye()))

    def stop_asking(self) -> None:
        """Half-close, as grpcurl does at the end of its input."""
        self._requests.put_nowait(None)

    async def next(self) -> Any:
        return await asyncio.wait_for(anext(self._responses), _PATIENCE_WALL_SECONDS)

    async def next_durable(self) -> Any:
        """The next response that has a sequence; acknowledgements are passed over."""
        while True:
            response = await self.next()
            if response.sequence:
                return response

    async def until(self, message: str) -> list[Any]:
        """The durable responses up to and with the first that tells this kind of thing."""
        told = [await self.next_durable()]
        while told[-1].WhichOneof("message") != message:
            told.append(await self.next_durable())
        return told

    async def rest(self) -> list[Any]:
        """Everything up to the end of the stream."""
        return [response async for response in self._responses]

    async def break_off(self) -> None:
        """The connection is lost: the server's handler is cancelled."""
        await self._responses.aclose()
