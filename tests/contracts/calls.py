"""Calls any RPC with raw bytes, and tells how it was answered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from poolkit.errors import DETAILS_KEY, DOMAIN, PoolError, from_rpc_status
from tests.contracts.methods import Method

DEADLINE_WALL_SECONDS = 60.0
_MOST_ATTEMPTS = 10
_LOST_STATUS = (grpc.StatusCode.INTERNAL, "Internal error from Core")


@dataclass(frozen=True)
class Answer:
    """The messages that came back and the status at the end."""

    responses: tuple[Any, ...]
    code: grpc.StatusCode
    text: str = ""
    refusal: PoolError | None = None
    """The typed refusal; None with OK, and with a status that carries no ErrorInfo of ours."""

    def only(self) -> Any:
        """The one response of a call that must succeed."""
        if self.refusal is not None:
            raise self.refusal
        assert self.code == grpc.StatusCode.OK, f"{self.code} {self.text}"
        (response,) = self.responses
        return response


async def call(
    channel: grpc.aio.Channel, method: Method, requests: Sequence[Message | bytes], *, key: str | None
) -> Answer:
    """Send the requests, half-close, and read to the end.

    Of a stream that follows one request (Watch…, Reconcile) only the first message is read: some never end.
    """
    most = 1 if method.server_streaming and not method.client_streaming else None
    sent = [request if isinstance(request, bytes) else request.SerializeToString() for request in requests]

    async def attempt() -> Answer:
        running = _stream(channel, method, key)
        await _write(running, sent)
        return await _read(running, most)

    return await _answered(attempt)


async def converse(
    channel: grpc.aio.Channel, method: Method, next_request: Callable[[int], Message], *, key: str
) -> Answer:
    """Open the pooler's session of a stream, send the request of the next sequence, half-close, read all."""
    opening: Any = method.request()
    opening.open.SetInParent()

    async def attempt() -> Answer:
        running = _stream(channel, method, key)
        await running.write(opening.SerializeToString())
        opened = await running.read()
        request = next_request(opened.opened.last_request_sequence + 1)
        await _write(running, [request.SerializeToString()])
        return await _read(running, None)

    return await _answered(attempt)


async def _answered(attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """Make the call again if the client's own library lost its status.

    A write that comes too late, after the server has ended the call, makes grpc.aio replace the status that
    is on its way by INTERNAL.
    """
    answer = await attempt()
    for _ in range(_MOST_ATTEMPTS - 1):
        if (answer.code, answer.text) != _LOST_STATUS:
            break
        answer = await attempt()
    return answer


def _stream(channel: grpc.aio.Channel, method: Method, key: str | None) -> Any:
    # On the wire a unary call is a stream of one message, so one kind of call serves all four.
    multicallable: Any = channel.stream_stream(
        method.path, request_serializer=None, response_deserializer=method.response.FromString
    )
    metadata = (("authorization", f"Bearer {key}"),) if key is not None else ()
    return multicallable(metadata=metadata, timeout=DEADLINE_WALL_SECONDS)


async def _write(running: Any, requests: Sequence[bytes]) -> None:
    try:
        for request in requests:
            await running.write(request)
        await running.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        pass  # refused before everything was read; the status says why


async def _read(running: Any, most: int | None) -> Answer:
    responses: list[Any] = []
    try:
        while (response := await running.read()) is not grpc.aio.EOF:  # type: ignore[attr-defined]
            responses.append(response)
            if len(responses) == most:
                running.cancel()
                return Answer(tuple(responses), grpc.StatusCode.OK)
    except grpc.aio.AioRpcError as error:
        refusal = _refusal(error.trailing_metadata())
        return Answer(tuple(responses), error.code(), error.details() or "", refusal)
    return Answer(tuple(responses), grpc.StatusCode.OK)


def _refusal(trailing: Any) -> PoolError | None:
    """Read strictly: a status without our ErrorInfo is no typed refusal, whatever its code."""
    for name, value in trailing or ():
        if name == DETAILS_KEY:
            status = status_pb2.Status.FromString(value)
            info = error_details_pb2.ErrorInfo()
            if any(detail.Unpack(info) and info.domain == DOMAIN for detail in status.details):
                return from_rpc_status(status)
    return None
