import asyncio
from pathlib import Path

import pytest

from backend_svc.store import farmers, ledger, plantings
from backend_svc.store.records import FarmerStatus, PlantingStatus
from backend_svc.store.reports import list_unrecorded
from kalepool.v1.backend_pb2 import CancelPlant, PlantBlock
from kalepool.v1.errors_pb2 import Fault, Reason
from localnet.faults.rule import FaultKind, FaultPlan, FaultRule
from tests.backend_svc.playground import (
    KALE_EACH_STROOPS,
    Playground,
    new_id,
    plant_talk,
    playground,
    second_life,
)


async def test_every_active_farmer_is_planted_with_its_share_of_the_free_balance(ground: Playground) -> None:
    half = await ground.add_farmer(stake_basis_points=5_000)
    third = await ground.add_farmer(stake_basis_points=3_333)
    farm = await ground.skip_to(0)
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=ground.plant_request(farm.index + 1))
    *outcomes, told = await talk.until("summary")
    planted = {told.outcome.farmer_id: told.outcome.planted for told in outcomes}
    assert planted[half.id].stake_stroops == KALE_EACH_STROOPS * 5_000 // 10_000
    assert planted[third.id].stake_stroops == KALE_EACH_STROOPS * 3_333 // 10_000
    for farmer in (half, third):
        view = await ground.backend.chain.farms.find_pail(farmer.public_key, farm.index + 1)
        assert view is not None
        assert view.pail.stake == planted[farmer.id].stake_stroops
        assert view.pail.sequence == planted[farmer.id].plant_ledger
        balance = await ground.backend.database.run(ledger.balance_of, farmer.id)
        assert balance.in_play_stroops == view.pail.stake
    summary = told.summary
    assert (summary.requested, summary.planted, summary.failed) == (2, 2, 0)
    assert summary.total_staked_stroops == sum(each.stake_stroops for each in planted.values())
    block = await ground.backend.chain.farms.get_block(farm.index + 1)
    assert summary.block.entropy == block.block.entropy
    assert summary.block.timestamp.seconds == block.block.timestamp


async def test_a_farmer_without_kale_plants_nothing_and_is_planted_all_the_same(ground: Playground) -> None:
    farmer = await ground.add_farmer(kale=False)
    summary = await ground.plant_all()
    assert (summary.planted, summary.total_staked_stroops) == (1, 0)
    assert await ground.backend.chain.farms.find_pail(farmer.public_key, summary.block_index) is not None


async def test_more_farmers_than_are_planted_at_a_time_are_all_planted(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url, max_plant_batch_size=2) as ground:
        await asyncio.gather(*(ground.add_farmer(kale=False) for _ in range(5)))
        assert (await ground.plant_all()).planted == 5


async def test_a_farmer_that_can_not_be_planted_does_not_stop_the_others(ground: Playground) -> None:
    await ground.add_farmer(kale=False)
    penniless = await ground.register()
    await ground.backend.database.run(farmers.set_status, penniless.id, FarmerStatus.ACTIVE)
    farm = await ground.skip_to(0)
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=ground.plant_request(farm.index + 1))
    *outcomes, told = await talk.until("summary")
    assert (told.summary.planted, told.summary.failed) == (1, 1)
    failed = next(each.outcome for each in outcomes if each.outcome.farmer_id == penniless.id).failed
    assert failed.reason == Reason.REASON_TRUSTLINE_MISSING
    assert failed.fault == Fault.FAULT_FARMER


async def test_capacity_is_the_most_farmers_that_are_planted(ground: Playground) -> None:
    await asyncio.gather(*(ground.add_farmer(kale=False) for _ in range(3)))
    assert (await ground.plant_all(capacity=2)).requested == 2


async def test_without_active_farmers_the_summary_comes_alone(ground: Playground) -> None:
    summary = await ground.plant_all()
    assert (summary.requested, summary.planted, summary.failed) == (0, 0, 0)
    assert not summary.HasField("block")


@pytest.mark.parametrize("distance", [-1, 1, 2, 1_000_000])
async def test_a_block_index_that_is_not_current_is_refused_and_leaves_nothing(
    ground: Playground, distance: int
) -> None:
    await ground.add_farmer(kale=False)
    index = await ground.open_next_block() + distance
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=ground.plant_request(index))
    failure = (await talk.next_durable()).refused.failure
    assert failure.reason == Reason.REASON_BLOCK_NOT_CURRENT
    (violation,) = failure.field_violations
    assert violation.field == "plant_block.block_index"
    assert f"got {index}" in violation.description
    assert await ground.count("SELECT count(*) FROM block_operations") == 0
    assert await ground.count("SELECT count(*) FROM plantings") == 0


@pytest.mark.parametrize("capacity", [0, 1_001])
async def test_a_capacity_outside_its_limits_is_refused(ground: Playground, capacity: int) -> None:
    index = (await ground.current_block()).index
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=PlantBlock(block_index=index, capacity=capacity))
    failure = (await talk.next_durable()).refused.failure
    assert failure.reason == Reason.REASON_INVALID_FIELD
    assert failure.field_violations[0].field == "plant_block.capacity"
    assert "from 1 to 1,000" in failure.field_violations[0].description


async def test_a_second_request_for_the_block_plants_nobody_twice(ground: Playground) -> None:
    await ground.add_farmer()
    index = (await ground.plant_all()).block_index
    talk = plant_talk(ground)
    opened = await talk.open(last_sequence_seen=2)
    assert opened.last_response_sequence == 2
    talk.ask(plant_block=ground.plant_request(index))
    (told,) = await talk.until("summary")
    assert (told.summary.requested, told.summary.planted) == (1, 1)
    assert await ground.count("SELECT count(*) FROM transactions WHERE purpose = 'plant'") == 1


async def test_a_pail_that_is_there_already_is_adopted(ground: Playground) -> None:
    farmer = await ground.add_farmer()
    index = await ground.open_next_block()
    outcome = await ground.backend.chain.calls.plant(new_id(), farmer.id, farmer.public_key, 77)
    assert outcome is not None
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=ground.plant_request(index))
    planted = (await talk.next_durable()).outcome.planted
    assert planted.stake_stroops == 77
    assert planted.block_index == index
    _, summary = await ground.reconcile()
    assert summary.reconciled


async def test_a_block_that_passed_unasked_for_is_missed_for_a_reason(ground: Playground) -> None:
    farmer = await ground.add_farmer()
    first = (await ground.plant_all()).block_index
    passed = await ground.open_next_block()
    last = (await ground.plant_all()).block_index
    assert (first, last) == (passed - 1, passed + 1)
    (row,) = await ground.backend.database.run(list_unrecorded, first, last)
    assert (row.block_index, row.public_key) == (passed, farmer.public_key)
    assert row.plant_reason == "REASON_NOT_PLANTED"


async def test_after_the_deadline_nobody_is_planted(ground: Playground) -> None:
    await ground.add_farmer(kale=False)
    index = await ground.open_next_block()
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=ground.plant_request(index, seconds=-60))
    outcome, told = await talk.until("summary")
    assert outcome.outcome.failed.reason == Reason.REASON_BACKEND_TIMEOUT
    assert told.summary.failed == 1
    assert await ground.count("SELECT count(*) FROM transactions WHERE purpose = 'plant'") == 0


async def test_farmers_not_yet_sent_fail_when_the_block_is_cancelled(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url, max_plant_batch_size=1) as ground:
        await asyncio.gather(*(ground.add_farmer(kale=False) for _ in range(3)))
        index = await ground.open_next_block()
        talk = plant_talk(ground)
        await talk.open()
        ground.node.clock.pause()  # nobody is planted before the cancellation
        talk.ask(plant_block=ground.plant_request(index))
        cancelling = talk.ask(cancel=CancelPlant(block_index=index))
        responses = [await talk.next()]
        while responses[-1].acknowledged_sequence < cancelling:
            responses.append(await talk.next())
        ground.node.clock.resume()
        responses += await talk.until("summary")
        *outcomes, told = (response for response in responses if response.sequence)
        reasons = [each.outcome.failed.reason for each in outcomes if each.outcome.HasField("failed")]
        assert told.summary.failed == len(reasons) >= 1
        assert set(reasons) == {Reason.REASON_CANCELLED}


async def test_plants_in_flight_when_the_backend_was_cut_off_come_to_one_outcome_each(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url) as ground:
        await asyncio.gather(*(ground.add_farmer(kale=False) for _ in range(3)))
        index = await ground.open_next_block()
        talk = plant_talk(ground)
        opened = await talk.open()
        ground.node.clock.pause()
        talk.ask(plant_block=ground.plant_request(index))
        await ground.cut_off_with_one_sent("plant")
        unfinished = await ground.backend.database.run(plantings.unfinished_plantings)
        assert unfinished
        await talk.break_off()
        ground.node.clock.resume()
        async with second_life(ground) as again:
            resumed = plant_talk(again)
            await resumed.open(opened.session_id)
            *outcomes, told = await resumed.until("summary")
            assert sorted(each.outcome.farmer_id for each in outcomes) == sorted(
                {each.outcome.farmer_id for each in outcomes}
            )
            assert told.summary.planted == 3
            rows = await again.backend.database.run(plantings.plantings_of, unfinished[0].operation_id)
            assert {row.status for row in rows} == {PlantingStatus.PLANTED}
            _, summary = await again.reconcile()
            assert summary.reconciled


async def paused_farm(ground: Playground, ledgers: int) -> int:
    """The farm's owner pauses planting for so many ledgers; the current block."""
    index = await ground.open_next_block()
    pause = FaultRule(FaultKind.CONTRACT_PAUSED, line=1, for_ledgers=ledgers, count=1)
    ground.node.faults.add(FaultPlan(1, (pause,)))

    async def is_paused() -> bool:
        return (await ground.current_block()).paused

    await ground.eventually(is_paused)
    return index


async def test_planting_outlasts_a_short_pause_of_the_farm(ground: Playground) -> None:
    await ground.add_farmer()
    index = await paused_farm(ground, ledgers=5)
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=ground.plant_request(index))
    told = await talk.until("summary")
    assert (told[-1].summary.planted, told[-1].summary.failed) == (1, 0)


@pytest.mark.parametrize("seconds", [20, 250])
async def test_a_long_pause_of_the_farm_is_told_as_that(ground: Playground, seconds: int) -> None:
    await ground.add_farmer()
    index = await paused_farm(ground, ledgers=60)
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=ground.plant_request(index, seconds=seconds))
    failed, told = await talk.until("summary")
    assert failed.outcome.failed.reason == Reason.REASON_FARM_FARM_PAUSED
    assert (told.summary.planted, told.summary.failed) == (0, 1)


async def test_planting_outlasts_an_outage_of_the_rpc(ground: Playground) -> None:
    await ground.add_farmer()
    index = await ground.open_next_block()
    talk = plant_talk(ground)
    await talk.open()
    ground.node.clock.pause()
    talk.ask(plant_block=ground.plant_request(index))
    await ground.wait_until_sent("plant")
    await ground.node.pause_rpc()
    ground.node.clock.resume()
    await ground.node.wait_for_ledgers(2)
    await ground.node.resume_rpc()
    told = await talk.until("summary")
    assert told[-1].summary.planted == 1
