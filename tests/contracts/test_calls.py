"""The contract tests' own calls, against servers whose servicers are the bare generated ones."""

from collections.abc import AsyncIterator

import grpc
import pytest

from kalepool.v1 import (
    admin_pb2_grpc,
    backend_pb2_grpc,
    farmer_pb2_grpc,
    miner_pb2_grpc,
)
from kalepool.v1.errors_pb2 import Reason
from poolkit.grpc_server import GrpcServer
from tests.contracts.calls import call
from tests.contracts.methods import METHODS


@pytest.fixture
async def bare_address() -> AsyncIterator[str]:
    server = GrpcServer("127.0.0.1", 0)
    for grpc_module, name in (
        (admin_pb2_grpc, "AdminService"),
        (backend_pb2_grpc, "BackendService"),
        (farmer_pb2_grpc, "FarmerService"),
        (miner_pb2_grpc, "MinerService"),
    ):
        register = getattr(grpc_module, f"add_{name}Servicer_to_server")
        server.add(register, getattr(grpc_module, f"{name}Servicer")(), f"kalepool.v1.{name}")
    await server.start()
    yield server.address
    await server.drain_and_stop()


async def test_every_kind_of_call_reads_the_typed_refusal_of_a_bare_servicer(bare_address: str) -> None:
    methods = [method for method in METHODS if "PoolerService" not in method.name]
    assert {(m.client_streaming, m.server_streaming) for m in methods} == {
        (False, False),
        (False, True),
        (True, False),
        (True, True),
    }
    async with grpc.aio.insecure_channel(bare_address) as channel:
        for method in methods:
            answer = await call(channel, method, [b""], key=None)
            assert answer.code == grpc.StatusCode.UNIMPLEMENTED, method
            assert answer.refusal is not None, method
            assert answer.refusal.reason == Reason.REASON_UNSUPPORTED, method


async def test_a_service_that_is_not_registered_gives_no_typed_refusal(bare_address: str) -> None:
    method = next(method for method in METHODS if method.name.endswith("PoolerService/GetStatus"))
    async with grpc.aio.insecure_channel(bare_address) as channel:
        answer = await call(channel, method, [b""], key=None)
    assert answer.code == grpc.StatusCode.UNIMPLEMENTED
    assert answer.refusal is None


async def test_a_server_that_is_not_there_gives_no_typed_refusal() -> None:
    async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
        answer = await call(channel, METHODS[0], [b""], key=None)
    assert answer.code == grpc.StatusCode.UNAVAILABLE
    assert answer.refusal is None
