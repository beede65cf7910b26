"""PoolerService as operators see it, over real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from google.protobuf.duration_pb2 import Duration
from grpc_health.v1 import health_pb2, health_pb2_grpc

from kalepool.v1 import pooler_pb2, types_pb2
from kalepool.v1.pooler_pb2_grpc import PoolerServiceStub
from localnet.testing import NodeHandle
from pooler_svc.server import Pooler
from pooler_svc.testing import running_pooler
from poolkit.errors import InvalidField, ShuttingDown, Unauthenticated, Unsupported
from poolkit.grpc_client import open_channel
from tests.pooler_svc.conftest import pooler_settings
from tests.pooler_svc.fakes import API_KEY, FakeBackend, FarmHand, QuickHasher, entropy_of, until

if TYPE_CHECKING:
    from kalepool.v1.pooler_pb2_grpc import PoolerServiceAsyncStub

OPERATOR_KEY = "kalepool_test_key_of_the_operator"
PATIENCE_WALL_SECONDS, POLL_WALL_SECONDS = 120, 0.01
REQUEST_ID = "0a4c1f0e-0000-4000-8000-000000000001"


@pytest.fixture
async def pooler(node: NodeHandle, backend_address: str, farm: FarmHand) -> AsyncIterator[Pooler]:
    farm.age_block(300)
    settings = pooler_settings(node, backend_address, pooler_operator_key=OPERATOR_KEY)
    async with running_pooler(settings, hasher=QuickHasher()) as running:
        await until(running.changes, lambda: running.board.block() is not None)
        yield running


@pytest.fixture
async def stub(pooler: Pooler) -> AsyncIterator["PoolerServiceAsyncStub"]:
    async with open_channel(pooler.server.address, API_KEY) as channel:
        yield PoolerServiceStub(channel)


async def test_get_block_shows_the_chains_block(stub: "PoolerServiceAsyncStub", farm: FarmHand) -> None:
    view = (await stub.GetBlock(pooler_pb2.GetBlockRequest())).view
    assert view.block.index in (0, 1)
    assert view.next_block_time.seconds == view.block.timestamp.seconds + 300
    assert view.ledger <= farm.latest_ledger


async def test_watch_blocks_tells_each_new_block(stub: "PoolerServiceAsyncStub", farm: FarmHand) -> None:
    watch = stub.WatchBlocks(pooler_pb2.WatchBlocksRequest())
    sequences = []
    async for message in watch:
        sequences.append(message.sequence)
        if message.view.block.index == 1:
            break
    assert sequences == list(range(1, len(sequences) + 1))
    assert message.view.block.entropy == entropy_of(1)


async def test_status_counts_the_farmers_through_the_block(
    pooler: Pooler, stub: "PoolerServiceAsyncStub", backend: FakeBackend
) -> None:
    await until(backend.changes, lambda: len(backend.planted) == 3)
    pooler.coordinator.drain()  # this block is the one that stays
    await until(pooler.changes, lambda: pooler.board.status().farmers.confirmed == 3)
    view = (await stub.GetStatus(pooler_pb2.GetStatusRequest())).view
    assert view.active_farmers == 3
    assert (view.farmers.planted, view.farmers.submitted, view.farmers.confirmed) == (3, 3, 3)
    assert (view.farmers.hashing, view.farmers.failed) == (0, 0)
    assert view.network == "local"
    assert view.backend_link.connected
    (endpoint,) = view.rpc_endpoints
    assert endpoint.available
    assert endpoint.HasField("last_answer_age")
    assert 0 < view.machine_load.memory_basis_points <= 10_000
    assert view.hash_rate.hashes_total > 0


async def test_on_a_chain_that_stands_the_status_shows_when_there_is_nothing_left_to_do(
    pooler: Pooler, stub: "PoolerServiceAsyncStub", backend: FakeBackend, node: NodeHandle
) -> None:
    await until(backend.changes, lambda: len(backend.candidates) == 3)
    node.clock.pause()

    async def at_rest() -> tuple[int, int] | None:
        view = (await stub.GetStatus(pooler_pb2.GetStatusRequest())).view
        link, sessions = view.backend_link, (backend.plant, backend.work, backend.harvest)
        has_followed = view.latest_ledger == view.current_block.ledger == node.chain.latest.sequence
        has_heard = link.responses_total == sum(len(session.responses) for session in sessions)
        if view.parts_behind or link.unacknowledged or not (has_followed and has_heard):
            return None
        assert link.requests_total == sum(len(session.requests) for session in sessions)
        return link.requests_total, link.responses_total

    async with asyncio.timeout(PATIENCE_WALL_SECONDS):
        while (rest := await at_rest()) is None:
            await asyncio.sleep(POLL_WALL_SECONDS)
    assert rest[0] >= 4  # a plant, and a candidate of each farmer
    assert await at_rest() == rest
    node.clock.resume()
    await until(backend.changes, lambda: len(backend.confirmed) == 3)


async def test_watch_status_follows_a_block_to_its_works(
    pooler: Pooler, stub: "PoolerServiceAsyncStub"
) -> None:
    request = pooler_pb2.WatchStatusRequest(interval=Duration(nanos=100_000_000))
    states = []
    watch = stub.WatchStatus(request)
    async for message in watch:
        states.append(message.view.status)
        if message.view.farmers.confirmed == 3:
            break
    assert types_pb2.POOLER_STATE_MINING in states


async def test_a_drained_pooler_plants_no_more_and_ends_idle(
    pooler: Pooler, stub: "PoolerServiceAsyncStub", backend: FakeBackend, farm: FarmHand
) -> None:
    await until(backend.changes, lambda: len(backend.planted) == 3)
    view = (await stub.Drain(pooler_pb2.DrainRequest(request_id=REQUEST_ID))).view
    assert view.draining
    await until(backend.changes, lambda: len(backend.confirmed) == 3)
    await pooler.clock.wait_until(farm.farm.block.timestamp + 310)
    assert farm.farm.index == 1
    view = (await stub.GetStatus(pooler_pb2.GetStatusRequest())).view
    assert view.status == types_pb2.POOLER_STATE_HARVESTING
    farm.open_next_block()
    await until(pooler.changes, lambda: pooler.board.status().blocks_harvested == 1)
    view = (await stub.GetStatus(pooler_pb2.GetStatusRequest())).view
    assert (view.status, view.pails_to_harvest) == (types_pb2.POOLER_STATE_IDLE, 0)
    assert backend.plant_asked == [1]


@pytest.mark.parametrize("seconds", [Duration(), Duration(nanos=1), Duration(seconds=61)])
async def test_an_interval_outside_its_limits_is_refused(
    stub: "PoolerServiceAsyncStub", seconds: Duration
) -> None:
    with pytest.raises(InvalidField) as refused:
        async for _ in stub.WatchStatus(pooler_pb2.WatchStatusRequest(interval=seconds)):
            pass
    assert [violation.field for violation in refused.value.field_violations] == ["interval"]


async def test_a_drain_without_a_request_id_is_refused_and_drains_nothing(
    pooler: Pooler, stub: "PoolerServiceAsyncStub"
) -> None:
    with pytest.raises(InvalidField) as refused:
        await stub.Drain(pooler_pb2.DrainRequest(request_id="today"))
    assert [violation.field for violation in refused.value.field_violations] == ["request_id"]
    assert not pooler.coordinator.draining


async def test_what_is_not_served_yet_says_so(stub: "PoolerServiceAsyncStub") -> None:
    with pytest.raises(Unsupported):
        await stub.SetStrategy(pooler_pb2.SetStrategyRequest())


async def test_watches_end_with_shutting_down(pooler: Pooler, stub: "PoolerServiceAsyncStub") -> None:
    watch = stub.WatchStatus(pooler_pb2.WatchStatusRequest())
    await anext(aiter(watch))
    await pooler.server.drain_and_stop()
    with pytest.raises(ShuttingDown):
        async for _ in watch:
            pass


@pytest.mark.parametrize("key", [None, "", "kalepool_wrong", API_KEY[:-1]])
async def test_every_call_needs_one_of_the_poolers_keys(pooler: Pooler, key: str | None) -> None:
    async with open_channel(pooler.server.address, key) as channel:
        stub = PoolerServiceStub(channel)
        with pytest.raises(Unauthenticated):
            await stub.GetBlock(pooler_pb2.GetBlockRequest())
        with pytest.raises(Unauthenticated):
            await stub.GetStatus(pooler_pb2.GetStatusRequest())
        with pytest.raises(Unauthenticated):
            await stub.Drain(pooler_pb2.DrainRequest(request_id=REQUEST_ID))
        with pytest.raises(Unauthenticated):
            async for _ in stub.WatchStatus(pooler_pb2.WatchStatusRequest()):
                pass
    assert not pooler.coordinator.draining


async def test_the_operators_own_key_opens_the_service_and_health_needs_none(pooler: Pooler) -> None:
    async with open_channel(pooler.server.address, OPERATOR_KEY) as channel:
        await PoolerServiceStub(channel).GetStatus(pooler_pb2.GetStatusRequest())
    async with open_channel(pooler.server.address) as channel:
        health = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert health.status == health_pb2.HealthCheckResponse.SERVING
