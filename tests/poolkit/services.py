"""Small real servicers of all four kinds of calls, and a server for them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from kalepool.v1 import backend_pb2, backend_pb2_grpc, farmer_pb2, farmer_pb2_grpc, types_pb2
from poolkit.errors import InvalidField, NotFound, WrongStatus
from poolkit.fields import FieldChecks
from poolkit.grpc_client import open_channel
from poolkit.grpc_server import GrpcServer
from poolkit.principal import PrincipalKind, current_principal, require_principal
from tests.poolkit.fakes import POOLER_KEY, known_keys

Context = grpc.aio.ServicerContext[Any, Any]
BACKEND = "kalepool.v1.BackendService"
FARMER = "kalepool.v1.FarmerService"
SECRET_INSIDE = "the inside of the service"


async def wait_deaf(freed: asyncio.Event) -> None:
    """Wait, and ignore every cancellation."""
    while not freed.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await freed.wait()


class Backend(backend_pb2_grpc.BackendServiceServicer):
    """Plant as a generator, Work as a coroutine that writes, Harvest deaf, GetHealth open to all."""

    def __init__(self) -> None:
        self.finished: list[str] = []
        self.drained = asyncio.Event()
        self.freed = asyncio.Event()

    async def GetHealth(  # noqa: N802
        self, request: backend_pb2.GetHealthRequest, context: Context
    ) -> backend_pb2.GetHealthResponse:
        return backend_pb2.GetHealthResponse()

    async def ReportBlock(  # noqa: N802
        self, request: backend_pb2.ReportBlockRequest, context: Context
    ) -> backend_pb2.ReportBlockResponse:
        with FieldChecks() as check:
            check.uuid("request_id", request.request_id)
        require_principal(PrincipalKind.POOLER)
        if request.block_index == 404:
            raise NotFound("no block 404")
        if request.block_index == 500:
            raise RuntimeError(SECRET_INSIDE)
        return backend_pb2.ReportBlockResponse()

    async def Plant(  # noqa: N802
        self, request_iterator: AsyncIterator[backend_pb2.PlantRequest], context: Context
    ) -> AsyncIterator[backend_pb2.PlantResponse]:
        try:
            async for request in request_iterator:
                if request.sequence == 404:
                    raise InvalidField("sequence 404")
                if request.sequence == 500:
                    raise RuntimeError(SECRET_INSIDE)
                yield backend_pb2.PlantResponse(acknowledged_sequence=request.sequence)
        finally:
            self.finished.append("Plant")

    async def Work(  # type: ignore[override]  # noqa: N802
        self, request_iterator: AsyncIterator[backend_pb2.WorkRequest], context: Context
    ) -> None:
        await context.write(backend_pb2.WorkResponse(opened=types_pb2.SessionOpened(session_id="s")))
        try:
            await self.drained.wait()
            await context.write(backend_pb2.WorkResponse(goodbye=types_pb2.SessionGoodbye()))
        finally:
            self.finished.append("Work")

    async def Harvest(  # type: ignore[override]  # noqa: N802
        self, request_iterator: AsyncIterator[backend_pb2.HarvestRequest], context: Context
    ) -> None:
        """A handler with a fault: it ends when it is freed, whoever cancels it."""
        await context.write(backend_pb2.HarvestResponse(opened=types_pb2.SessionOpened(session_id="s")))
        await wait_deaf(self.freed)


class Farmers(farmer_pb2_grpc.FarmerServiceServicer):
    """One call whose response streams, one whose request streams; the rest stays generated."""

    async def ExportStatement(  # noqa: N802
        self, request: farmer_pb2.ExportStatementRequest, context: Context
    ) -> AsyncIterator[farmer_pb2.ExportStatementResponse]:
        yield farmer_pb2.ExportStatementResponse()
        yield farmer_pb2.ExportStatementResponse()
        raise WrongStatus("no more", metadata={"status": current_principal().id})

    async def UploadPlantAuthorizations(  # noqa: N802
        self, request_iterator: AsyncIterator[farmer_pb2.UploadPlantAuthorizationsRequest], context: Context
    ) -> farmer_pb2.UploadPlantAuthorizationsResponse:
        number = len([request async for request in request_iterator])
        if number > 2:
            raise InvalidField(f"at most 2 (got {number})")
        return farmer_pb2.UploadPlantAuthorizationsResponse()


class Pool:
    """A running server with both servicers."""

    def __init__(self, server: GrpcServer, backend: Backend, port: int) -> None:
        self.server = server
        self.backend = backend
        self.target = f"127.0.0.1:{port}"

    def channel(self, key: str | None = POOLER_KEY) -> grpc.aio.Channel:
        return open_channel(self.target, key)


@asynccontextmanager
async def running_pool(
    *, most_streams: int | None = None, drain_wall_seconds: float = 2.0
) -> AsyncIterator[Pool]:
    server = GrpcServer(
        "127.0.0.1",
        0,
        verifier=known_keys(),
        open_methods=frozenset({f"{BACKEND}/GetHealth"}),
        most_streams=most_streams,
        drain_wall_seconds=drain_wall_seconds,
    )
    backend = Backend()  # type: ignore[abstract]
    server.add(backend_pb2_grpc.add_BackendServiceServicer_to_server, backend, BACKEND)
    farmers = Farmers()  # type: ignore[abstract]
    server.add(farmer_pb2_grpc.add_FarmerServiceServicer_to_server, farmers, FARMER)
    bound = await server.start()
    try:
        yield Pool(server, backend, bound)
    finally:
        await server.drain_and_stop()
