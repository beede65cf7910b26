import asyncio

from kalepool.v1 import backend_pb2, backend_pb2_grpc
from poolkit.grpc_client import open_channel
from tests.mesh.tcp_proxy import Connection, TcpProxy
from tests.poolkit.services import running_pool

LATE_WALL_SECONDS = 1.0


class FarProxy(TcpProxy):
    """Nothing comes through a new connection at first, as from a server that is far away, or busy."""

    async def forward(self, client: Connection, server: Connection) -> None:
        await asyncio.sleep(LATE_WALL_SECONDS)
        await super().forward(client, server)


async def test_a_server_that_answers_a_new_connection_late_is_waited_for() -> None:
    async with running_pool() as pool:
        host, _, port = pool.target.rpartition(":")
        async with FarProxy(host, int(port)) as proxy, open_channel(f"127.0.0.1:{proxy.port}") as channel:
            stub = backend_pb2_grpc.BackendServiceStub(channel)
            assert await stub.GetHealth(backend_pb2.GetHealthRequest()) == backend_pb2.GetHealthResponse()
