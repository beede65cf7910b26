"""A real server and real channels: refusals, keys, health, reflection, draining."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import structlog
from grpc.aio import EOF  # type: ignore[attr-defined]
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.testing import capture_logs

from kalepool.v1 import backend_pb2, backend_pb2_grpc, farmer_pb2, farmer_pb2_grpc
from kalepool.v1.errors_pb2 import Reason
from poolkit.errors import (
    BackendUnavailable,
    CapacityExceeded,
    Forbidden,
    InternalFault,
    InvalidField,
    NotFound,
    PoolError,
    ShuttingDown,
    Unauthenticated,
    Unsupported,
    WrongStatus,
)
from poolkit.grpc_server import GrpcServer
from poolkit.startup_error import StartupError
from tests.poolkit.fakes import ADMIN_KEY, POOLER
from tests.poolkit.services import SECRET_INSIDE, Pool, running_pool, wait_deaf


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with running_pool() as pool:
        yield pool


@pytest.fixture
async def channel(pool: Pool) -> AsyncIterator[grpc.aio.Channel]:
    async with pool.channel() as channel:
        yield channel


@pytest.fixture
def backend(channel: grpc.aio.Channel) -> Any:
    return backend_stub(channel)


@pytest.fixture
def farmers(channel: grpc.aio.Channel) -> Any:
    return farmer_pb2_grpc.FarmerServiceStub(channel)


def backend_stub(channel: grpc.aio.Channel) -> Any:
    """Untyped: the generated types know the streaming calls with a request iterator only."""
    return backend_pb2_grpc.BackendServiceStub(channel)


def report(block_index: int, request_id: str | None = None) -> backend_pb2.ReportBlockRequest:
    return backend_pb2.ReportBlockRequest(
        request_id=request_id if request_id is not None else str(uuid.uuid4()), block_index=block_index
    )


async def plants(*sequences: int) -> AsyncIterator[backend_pb2.PlantRequest]:
    for sequence in sequences:
        yield backend_pb2.PlantRequest(sequence=sequence)


# Refusals, by kind of call


async def test_a_unary_call_is_answered(backend: Any) -> None:
    assert await backend.ReportBlock(report(1)) == backend_pb2.ReportBlockResponse()


async def test_a_refusal_comes_out_as_the_error_it_was(
    backend: Any,
) -> None:
    with pytest.raises(NotFound, match="no block 404"):
        await backend.ReportBlock(report(404))


async def test_a_bad_field_is_named(backend: Any) -> None:
    with pytest.raises(InvalidField) as caught:
        await backend.ReportBlock(report(1, request_id="nonsense"))
    (violation,) = caught.value.field_violations
    assert (violation.field, violation.description) == ("request_id", "must be a UUID (got 'nonsense')")


async def test_an_unexpected_error_shows_an_id_and_nothing_of_the_inside(
    backend: Any,
) -> None:
    with capture_logs() as lines, pytest.raises(InternalFault) as caught:
        await backend.ReportBlock(report(500))
    error_id = caught.value.metadata["request"]
    assert SECRET_INSIDE not in caught.value.message
    assert error_id in caught.value.message
    (line,) = [line for line in lines if line["event"] == "unexpected error"]
    assert line["request"] == error_id
    assert str(line["exc_info"]) == SECRET_INSIDE


async def test_a_generator_streams_until_it_refuses(
    backend: Any,
) -> None:
    received = []

    async def converse() -> None:
        async for response in backend.Plant(plants(1, 2, 404)):
            received.append(response.acknowledged_sequence)

    with pytest.raises(InvalidField, match="sequence 404"):
        await converse()
    assert received == [1, 2]


async def test_an_unexpected_error_in_a_stream_hides_the_inside(
    backend: Any,
) -> None:
    call = backend.Plant(plants(500))
    with pytest.raises(InternalFault) as caught:
        await call.read()
    assert SECRET_INSIDE not in caught.value.message


async def test_a_handler_that_writes_is_served_as_well(
    backend: Any,
) -> None:
    call = backend.Work()
    response = await call.read()
    assert isinstance(response, backend_pb2.WorkResponse)
    assert response.opened.session_id == "s"
    call.cancel()


async def test_a_response_stream_refuses_at_its_end(farmers: Any) -> None:
    received = 0

    async def export() -> None:
        nonlocal received
        async for _ in farmers.ExportStatement(farmer_pb2.ExportStatementRequest()):
            received += 1

    with pytest.raises(WrongStatus) as caught:
        await export()
    assert received == 2
    assert caught.value.metadata == {"status": POOLER.id}


async def test_a_request_stream_is_counted_and_refused(
    farmers: Any,
) -> None:
    async def uploads(number: int) -> AsyncIterator[farmer_pb2.UploadPlantAuthorizationsRequest]:
        for _ in range(number):
            yield farmer_pb2.UploadPlantAuthorizationsRequest()

    assert await farmers.UploadPlantAuthorizations(uploads(2)) is not None
    with pytest.raises(InvalidField, match="got 3"):
        await farmers.UploadPlantAuthorizations(uploads(3))


async def test_what_the_generated_servicer_leaves_open_is_our_refusal(farmers: Any, backend: Any) -> None:
    with pytest.raises(Unsupported, match=r"kalepool\.v1\.FarmerService/GetFarmer is not served"):
        await farmers.GetFarmer(farmer_pb2.GetFarmerRequest())
    with pytest.raises(Unsupported, match="Heartbeat is not served"):
        await backend.Heartbeat().read()


async def test_a_handler_is_finished_at_once_when_its_client_goes(pool: Pool, backend: Any) -> None:
    call = backend.Plant()
    await call.write(backend_pb2.PlantRequest(sequence=1))
    await call.read()
    call.cancel()
    async with asyncio.timeout(60):
        while pool.backend.finished != ["Plant"]:
            await asyncio.sleep(0.005)


# Keys


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ((), "needs an API key"),
        ((("authorization", "Basic abc"),), "'Bearer KEY'"),
        ((("authorization", "Bearer "),), "'Bearer KEY'"),
        ((("authorization", "Bearer wrong"),), "unknown or revoked"),
    ],
)
async def test_without_a_valid_key_a_call_is_refused(
    pool: Pool, metadata: tuple[tuple[str, str], ...], text: str
) -> None:
    async with pool.channel(key=None) as channel:
        stub = backend_stub(channel)
        with pytest.raises(Unauthenticated, match=text):
            await stub.ReportBlock(report(1), metadata=metadata)
        with pytest.raises(Unauthenticated, match=text):
            await stub.Plant(plants(1), metadata=metadata).read()


async def test_a_key_of_another_kind_is_refused(pool: Pool) -> None:
    async with pool.channel(ADMIN_KEY) as channel:
        stub = backend_stub(channel)
        with pytest.raises(Forbidden, match=r"API key of a pooler \(got that of a admin\)"):
            await stub.ReportBlock(report(1))


async def test_health_reflection_and_open_methods_need_no_key(pool: Pool) -> None:
    async with pool.channel(key=None) as channel:
        stub = backend_stub(channel)
        assert await stub.GetHealth(backend_pb2.GetHealthRequest()) is not None
        check = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert check.status == health_pb2.HealthCheckResponse.SERVING
        reflected = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo()
        await reflected.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        await reflected.done_writing()
        answer = await reflected.read()
    names = {service.name for service in answer.list_services_response.service}
    assert {"kalepool.v1.BackendService", "kalepool.v1.FarmerService", "grpc.health.v1.Health"} <= names


# Context and access log


async def test_each_call_leaves_one_access_line_with_its_principal(
    backend: Any,
) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await backend.ReportBlock(report(1), metadata=(("x-request-id", "mine"),))
        with pytest.raises(NotFound):
            await backend.ReportBlock(report(404))
    first, second = [line for line in lines if line["event"] == "call"]
    assert first["method"] == "kalepool.v1.BackendService/ReportBlock"
    assert (first["result"], first["request"]) == ("OK", "mine")
    assert first["principal"] == f"pooler:{POOLER.id}"
    assert second["result"] == "REASON_NOT_FOUND"
    assert second["request"] != "mine"


# Limits


async def test_streams_beyond_the_limit_are_refused_and_unary_calls_are_not() -> None:
    async with running_pool(most_streams=1) as pool, pool.channel() as channel:
        stub = backend_stub(channel)
        first = stub.Work()
        await first.read()
        with pytest.raises(CapacityExceeded, match="at most 1 streams"):
            await stub.Work().read()
        assert await stub.ReportBlock(report(1)) is not None
        assert "streams=1" in repr(pool.server)
        pool.backend.drained.set()
        assert (await first.read()).HasField("goodbye")
        assert await first.read() is EOF
        assert (await stub.Work().read()).HasField("opened")


async def test_a_message_above_the_limit_is_refused(
    backend: Any,
) -> None:
    with pytest.raises(PoolError) as caught:
        await backend.ReportBlock(report(1, request_id="x" * (5 * 1024 * 1024)))
    assert caught.value.reason == Reason.REASON_CAPACITY_EXCEEDED


# Start and end


async def test_a_taken_port_is_one_clear_line(pool: Pool) -> None:
    port = int(pool.target.rsplit(":", 1)[1])
    other = GrpcServer("127.0.0.1", port)
    with pytest.raises(StartupError, match=f"can not listen on 127.0.0.1:{port}: the port is taken"):
        await other.start()
    await other.drain_and_stop()


async def test_a_server_may_be_stopped_twice_and_before_it_started() -> None:
    server = GrpcServer("127.0.0.1", 0)
    await server.drain_and_stop()
    async with running_pool() as pool:
        await pool.server.drain_and_stop()
        await pool.server.drain_and_stop()


async def test_draining_says_not_serving_first_then_ends_streams_then_refuses() -> None:
    # Who waited for the whole grace would wait longer than any test.
    async with running_pool(drain_wall_seconds=1_000) as pool, pool.channel() as channel:
        order: list[str] = []

        async def end_streams() -> None:
            status = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            order.append(health_pb2.HealthCheckResponse.ServingStatus.Name(status.status))
            stub = backend_stub(channel)
            with pytest.raises(ShuttingDown):
                await stub.ReportBlock(report(1))
            pool.backend.drained.set()

        pool.server.on_drain(end_streams)
        stub = backend_stub(channel)
        stream = stub.Work()
        await stream.read()
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        await pool.server.drain_and_stop()
        assert order == ["NOT_SERVING"]
        assert (await stream.read()).HasField("goodbye")
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert pool.backend.finished == ["Work"]
        with pytest.raises(BackendUnavailable):
            await stub.ReportBlock(report(1))


async def test_a_stream_that_does_not_end_is_cancelled_after_the_grace() -> None:
    async with running_pool() as pool, pool.channel() as channel:
        stub = backend_stub(channel)
        stream = stub.Work()
        await stream.read()
        await pool.server.drain_and_stop()
        with pytest.raises(PoolError):
            await stream.read()
        assert pool.backend.finished == ["Work"]


async def test_a_drain_hook_that_fails_does_not_stop_the_drain() -> None:
    async with running_pool() as pool:

        async def fail() -> None:
            raise RuntimeError("no")

        pool.server.on_drain(fail)
        with capture_logs() as lines:
            await pool.server.drain_and_stop()
        assert "a service could not drain" in [line["event"] for line in lines]


async def test_a_handler_and_a_drain_hook_that_ignore_cancellation_do_not_hold_the_stop() -> None:
    async with running_pool() as pool, pool.channel() as channel:
        stream = backend_stub(channel).Harvest()
        await stream.read()
        pool.server.on_drain(lambda: wait_deaf(pool.backend.freed))
        async with asyncio.timeout(60):
            await pool.server.drain_and_stop()
        pool.backend.freed.set()
