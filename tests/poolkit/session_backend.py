"""A Backend in memory that keeps the rules of the stream sessions, and whose connections a test cuts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from kalepool.v1 import backend_pb2, backend_pb2_grpc, types_pb2
from poolkit.errors import StreamOutOfOrder, StreamSequenceGap, StreamSessionUnknown, StreamSuperseded
from poolkit.grpc_client import open_channel
from poolkit.grpc_server import GrpcServer
from poolkit.session import StreamSession
from tests.poolkit.services import BACKEND, Context


@dataclass
class Session:
    """What survives connections: committed requests by key, durable responses, numbers."""

    id: str
    committed: list[backend_pb2.HarvestRequest] = field(default_factory=list)
    responses: list[backend_pb2.HarvestResponse] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class SessionBackend(backend_pb2_grpc.BackendServiceServicer):
    """Serves Harvest: commits each request, answers each with one durable `totals`."""

    def __init__(self) -> None:
        self.session = Session("session-1")
        self.connections = 0
        self.opens: list[types_pb2.SessionOpen] = []
        self.goodbyes = 0
        self.cut_after_requests: int | None = None
        self.answers = True
        self.finished_blocks = False
        self.refuse_with: Exception | None = None
        self._cut = asyncio.Event()

    async def Harvest(  # type: ignore[override]  # noqa: N802
        self, request_iterator: AsyncIterator[backend_pb2.HarvestRequest], context: Context
    ) -> None:
        self.connections += 1
        if self.refuse_with is not None:
            raise self.refuse_with
        first = await anext(aiter(request_iterator))
        if first.WhichOneof("message") != "open":
            raise StreamOutOfOrder("the first message must be open")
        self.opens.append(first.open)
        if first.open.session_id not in ("", self.session.id):
            raise StreamSessionUnknown("no such session")
        session = self.session
        await context.write(
            backend_pb2.HarvestResponse(
                acknowledged_sequence=len(session.committed),
                opened=types_pb2.SessionOpened(
                    session_id=session.id,
                    last_request_sequence=len(session.committed),
                    last_response_sequence=len(session.responses),
                ),
            )
        )
        telling = asyncio.create_task(self._tell(session, first.open.last_sequence_seen, context))
        taking = asyncio.create_task(self._take(session, request_iterator))
        cut = asyncio.create_task(self._cut.wait())
        try:
            await asyncio.wait({taking, cut}, return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                raise RuntimeError("cut by the test")
            taking.result()
        finally:
            for task in (telling, taking, cut):
                task.cancel()
            await asyncio.wait({telling, taking, cut})
        self.goodbyes += 1
        await context.write(backend_pb2.HarvestResponse(goodbye=types_pb2.SessionGoodbye(message="bye")))

    async def _take(self, session: Session, requests: AsyncIterator[backend_pb2.HarvestRequest]) -> None:
        taken = 0
        async for request in requests:
            if request.WhichOneof("message") == "goodbye":
                return
            if request.sequence > len(session.committed) + 1:
                raise StreamSequenceGap(f"must be {len(session.committed) + 1} (got {request.sequence})")
            if request.sequence == len(session.committed) + 1:
                session.committed.append(request)
                totals = backend_pb2.HarvestTotals(request_sequence=request.sequence)
                number = len(session.responses) + 1
                session.responses.append(backend_pb2.HarvestResponse(sequence=number, totals=totals))
                session.changed.set()
            taken += 1
            if taken == self.cut_after_requests:
                raise RuntimeError("cut by the test")
        raise RuntimeError("hung up without goodbye")

    async def _tell(self, session: Session, seen: int, context: Context) -> None:
        if self.finished_blocks:
            seen = len(session.responses)
            await context.write(backend_pb2.HarvestResponse(acknowledged=types_pb2.SessionAcknowledged()))
        while True:
            session.changed.clear()
            for response in session.responses[seen:] if self.answers else ():
                response.acknowledged_sequence = len(session.committed)
                await context.write(response)
                seen = response.sequence
            await session.changed.wait()

    def harvested_blocks(self) -> list[int]:
        return [request.harvest_blocks.block_indexes[0] for request in self.session.committed]

    async def cut(self) -> None:
        """End the connection under way, and wait for the client to open the next one."""
        opens = len(self.opens)
        self._cut.set()
        while len(self.opens) == opens:
            await asyncio.sleep(0.005)
            self._cut.clear()

    def speak(self) -> None:
        """Begin to answer what was committed silently."""
        self.answers = True
        self.session.changed.set()


HarvestSession = StreamSession[backend_pb2.HarvestRequest, backend_pb2.HarvestResponse]


class Link:
    """A client session on a running server, with what it was told."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        stub: Any = backend_pb2_grpc.BackendServiceStub(channel)
        self.told: list[int] = []
        self.fail_on: int | None = None
        self.session: HarvestSession = StreamSession(
            "harvest", lambda: stub.Harvest(), backend_pb2.HarvestRequest, self._on_response
        )

    async def _on_response(self, response: backend_pb2.HarvestResponse) -> None:
        if response.totals.request_sequence == self.fail_on:
            self.fail_on = None
            raise ValueError("the handler failed")
        self.told.append(response.totals.request_sequence)

    async def wait_told(self, number: int) -> None:
        async with asyncio.timeout(60):
            while len(self.told) < number:
                await asyncio.sleep(0.005)


def harvest(block_index: int) -> backend_pb2.HarvestRequest:
    return backend_pb2.HarvestRequest(harvest_blocks=backend_pb2.HarvestBlocks(block_indexes=[block_index]))


def superseded() -> StreamSuperseded:
    return StreamSuperseded("a newer connection took over")


@asynccontextmanager
async def running_session_backend(
    backend: SessionBackend | None = None, port: int = 0
) -> AsyncIterator[tuple[SessionBackend, str]]:
    backend = backend or SessionBackend()  # type: ignore[abstract]
    server = GrpcServer("127.0.0.1", port, drain_wall_seconds=0.2)
    server.add(backend_pb2_grpc.add_BackendServiceServicer_to_server, backend, BACKEND)
    bound = await server.start()
    try:
        yield backend, f"127.0.0.1:{bound}"
    finally:
        await server.drain_and_stop()


@asynccontextmanager
async def linked(target: str) -> AsyncIterator[Link]:
    async with open_channel(target) as channel:
        yield Link(channel)
