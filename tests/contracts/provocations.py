"""How to provoke each reason from outside: calls to real servers, and what anybody may do on the chain."""

import uuid
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from kalepool.v1 import admin_pb2, backend_pb2, farmer_pb2
from kalepool.v1.backend_pb2_grpc import BackendServiceStub
from kalepool.v1.errors_pb2 import Failure, Reason
from kalepool.v1.types_pb2 import SessionOpen
from localnet.genesis import ISSUER
from poolkit.grpc_client import open_channel
from tests.contracts.calls import Answer
from tests.contracts.methods import Caller, method
from tests.contracts.player import (
    Player,
    confirm_funding,
    current_block,
    failures,
    found,
    next_block_can_be_opened,
    register_farmer,
)
from tests.contracts.running_pool import RunningPool
from tests.contracts.stranger import somebody

Seen = Iterable[Reason.ValueType]
Provocation = Callable[[RunningPool], Awaitable[Seen]]
"""Does it and returns every reason that it was answered with; or raises the PoolError that refuses it."""

PROVOCATIONS: dict[Reason.ValueType, Provocation] = {}


def provokes(reason: Reason.ValueType) -> Callable[[Provocation], Provocation]:
    def register(provocation: Provocation) -> Provocation:
        assert reason not in PROVOCATIONS
        PROVOCATIONS[reason] = provocation
        return provocation

    return register


def _refusal(answer: Answer) -> Seen:
    return [] if answer.refusal is None else [answer.refusal.reason]


def _reasons(failed: Iterable[Failure]) -> Seen:
    return [failure.reason for failure in failed]


# Keys and fields.


@provokes(Reason.REASON_UNAUTHENTICATED)
async def _call_without_key(pool: RunningPool) -> Seen:
    answer = await pool.call_with_key(method("FarmerService/ListFarmers"), [b""], None)
    return _refusal(answer)


@provokes(Reason.REASON_FORBIDDEN)
async def _call_as_pooler_what_admins_may(pool: RunningPool) -> Seen:
    answer = await pool.call_with_key(method("AdminService/ListPoolers"), [b""], pool.keys[Caller.POOLER])
    return _refusal(answer)


@provokes(Reason.REASON_INVALID_FIELD)
async def _register_without_wallet(pool: RunningPool) -> Seen:
    return _refusal(await pool.call(method("FarmerService/RegisterFarmer"), b""))


@provokes(Reason.REASON_NOT_FOUND)
async def _get_unknown_farmer(pool: RunningPool) -> Seen:
    request = farmer_pb2.GetFarmerRequest(farmer_id=str(uuid.uuid4()))
    return _refusal(await pool.call(method("FarmerService/GetFarmer"), request))


@provokes(Reason.REASON_UNSUPPORTED)
async def _pause_the_pool(pool: RunningPool) -> Seen:
    return _refusal(await pool.call(method("AdminService/PausePool"), b""))


@provokes(Reason.REASON_REQUEST_ID_CONFLICT)
async def _create_two_poolers_with_one_request_id(pool: RunningPool) -> Seen:
    request_id = str(uuid.uuid4())
    for _ in range(2):
        request = admin_pb2.CreatePoolerRequest(request_id=request_id, name=f"pooler-{uuid.uuid4()}")
        answer = await pool.call(method("AdminService/CreatePooler"), request)
    return _refusal(answer)


@provokes(Reason.REASON_ALREADY_EXISTS)
async def _create_two_poolers_with_one_name(pool: RunningPool) -> Seen:
    name = f"pooler-{uuid.uuid4()}"
    for _ in range(2):
        request = admin_pb2.CreatePoolerRequest(request_id=str(uuid.uuid4()), name=name)
        answer = await pool.call(method("AdminService/CreatePooler"), request)
    return _refusal(answer)


@provokes(Reason.REASON_CAPACITY_EXCEEDED)
async def _register_two_farmers_with_a_pooler_for_one(pool: RunningPool) -> Seen:
    created = await pool.create_pooler(capacity=1)
    for _ in range(2):
        await register_farmer(pool, created.pooler.id)
    return []


@provokes(Reason.REASON_ACCOUNT_NOT_FUNDED)
async def _confirm_funding_that_never_came(pool: RunningPool) -> Seen:
    created = await pool.create_pooler()
    farmer = await register_farmer(pool, created.pooler.id)
    await confirm_funding(pool, farmer.id)
    return []


@provokes(Reason.REASON_BACKEND_UNAVAILABLE)
async def _call_a_backend_that_is_not_there(pool: RunningPool) -> Seen:
    async with open_channel("127.0.0.1:1") as channel:
        await BackendServiceStub(channel).GetHealth(backend_pb2.GetHealthRequest())
    return []


# Conversations.


@provokes(Reason.REASON_STREAM_OUT_OF_ORDER)
async def _ask_before_open(pool: RunningPool) -> Seen:
    request = backend_pb2.PlantRequest(sequence=1, plant_block=backend_pb2.PlantBlock(capacity=1))
    return _refusal(await pool.call(method("BackendService/Plant"), request))


@provokes(Reason.REASON_STREAM_SEQUENCE_GAP)
async def _skip_a_sequence(pool: RunningPool) -> Seen:
    requests = (
        backend_pb2.HarvestRequest(open=SessionOpen()),
        backend_pb2.HarvestRequest(
            sequence=1_000_000,
            idempotency_key=str(uuid.uuid4()),
            harvest_blocks=backend_pb2.HarvestBlocks(),
        ),
    )
    return _refusal(await pool.call(method("BackendService/Harvest"), *requests))


@provokes(Reason.REASON_STREAM_SESSION_UNKNOWN)
async def _open_a_session_that_never_was(pool: RunningPool) -> Seen:
    request = backend_pb2.WorkRequest(open=SessionOpen(session_id=str(uuid.uuid4())))
    return _refusal(await pool.call(method("BackendService/Work"), request))


@provokes(Reason.REASON_STREAM_SUPERSEDED)
async def _open_a_session_twice(pool: RunningPool) -> Seen:
    created = await pool.create_pooler()
    opening = backend_pb2.PlantRequest(open=SessionOpen())
    async with (
        open_channel(pool.local.backend_address, created.api_key) as first_channel,
        open_channel(pool.local.backend_address, created.api_key) as second_channel,
    ):
        stubs: list[Any] = [BackendServiceStub(first_channel), BackendServiceStub(second_channel)]
        first, second = (stub.Plant() for stub in stubs)
        for stream in (first, second):
            await stream.write(opening)
            assert (await stream.read()).HasField("opened")
        await first.read()
    return []


# Blocks.


@provokes(Reason.REASON_BLOCK_NOT_CURRENT)
async def _plant_far_ahead(pool: RunningPool) -> Seen:
    player = await Player.join(pool, farmers=0)
    index = (await current_block(pool)).block.index + 100
    return _reasons(failures(await player.plant(index)))


@provokes(Reason.REASON_FARMER_NOT_ACTIVE)
async def _report_a_block_without_farmers(pool: RunningPool) -> Seen:
    return [(await _report_current_block(await Player.join(pool, farmers=0))).reason]


@provokes(Reason.REASON_FARM_PAIL_EXISTS)
async def _report_a_block_with_everybody_planted(pool: RunningPool) -> Seen:
    player = await Player.join(pool)
    await player.plant_new_block()
    return [(await _report_current_block(player)).reason]


@provokes(Reason.REASON_BACKEND_TIMEOUT)
async def _plant_by_a_time_that_is_over(pool: RunningPool) -> Seen:
    player = await Player.join(pool)
    view = await next_block_can_be_opened(pool)
    told = await player.plant(view.block.index + 1, deadline=view.block.timestamp.seconds)
    return _reasons(failures(told))


@provokes(Reason.REASON_FARM_FARM_PAUSED)
async def _plant_while_the_owner_has_paused_the_farm(pool: RunningPool) -> Seen:
    player = await Player.join(pool)
    view = await next_block_can_be_opened(pool)
    async with somebody(pool, ISSUER) as owner:
        await owner.pause()
        try:
            told = await player.plant(view.block.index + 1)
        finally:
            await owner.unpause()
    return _reasons(failures(told))


# Works.


@provokes(Reason.REASON_NOT_PLANTED)
async def _work_without_a_pail(pool: RunningPool) -> Seen:
    player = await Player.join(pool)
    block = (await current_block(pool)).block
    return _reasons(failures(await player.work(found(block.index, player.solve(block)))))


@provokes(Reason.REASON_HASH_MISMATCH)
async def _work_with_another_hash(pool: RunningPool) -> Seen:
    player = await Player.join(pool)
    block = await player.plant_new_block()
    result = found(block.index, player.solve(block))
    result.nonce += 1
    return _reasons(failures(await player.work(result)))


@provokes(Reason.REASON_WORK_LATE)
async def _work_after_the_next_block_was_opened(pool: RunningPool) -> Seen:
    player = await Player.join(pool)
    block = await player.plant_new_block()
    await player.plant_new_block()
    return _reasons(failures(await player.work(found(block.index, player.solve(block)))))


@provokes(Reason.REASON_WORK_TIMEOUT)
async def _report_that_nothing_was_found(pool: RunningPool) -> Seen:
    return await _report_failed_work(pool, Reason.REASON_WORK_TIMEOUT)


@provokes(Reason.REASON_HASHER_CRASHED)
async def _report_a_crashed_hasher(pool: RunningPool) -> Seen:
    return await _report_failed_work(pool, Reason.REASON_HASHER_CRASHED)


@provokes(Reason.REASON_CANCELLED)
async def _report_a_cancelled_search(pool: RunningPool) -> Seen:
    return await _report_failed_work(pool, Reason.REASON_CANCELLED)


# Harvests.


@provokes(Reason.REASON_FARM_HARVEST_NOT_READY)
async def _harvest_the_current_block(pool: RunningPool) -> Seen:
    player = await Player.join(pool)
    block = await player.plant_new_block()
    await player.work(found(block.index, player.solve(block)))
    return _reasons(failures(await player.harvest(block.index)))


@provokes(Reason.REASON_FARM_WORK_MISSING)
async def _harvest_what_was_never_worked(pool: RunningPool) -> Seen:
    player = await Player.join(pool)
    block = await player.plant_new_block()
    await player.plant_new_block()
    return _reasons(failures(await player.harvest(block.index)))


async def _report_failed_work(pool: RunningPool, reason: Reason.ValueType) -> Seen:
    player = await Player.join(pool)
    block = await player.plant_new_block()
    result = backend_pb2.WorkResult(
        block_index=block.index,
        status=backend_pb2.WORK_STATUS_FAILED,
        attempts=1,
        failure_reason=reason,
        failure_message="as the test wants it",
    )
    return _reasons(failures(await player.work(result)))


async def _report_current_block(player: Player) -> backend_pb2.ReportBlockResponse:
    view = await current_block(player.pool)
    request = backend_pb2.ReportBlockRequest(
        request_id=str(uuid.uuid4()),
        block_index=view.block.index,
        timestamp=Timestamp(seconds=view.block.timestamp.seconds),
        entropy=view.block.entropy,
        ledger=view.ledger,
    )
    response = (await player.call("BackendService/ReportBlock", request)).only()
    assert isinstance(response, backend_pb2.ReportBlockResponse)
    return response
