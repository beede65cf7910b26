import asyncio
from pathlib import Path

import pytest

from backend_svc.store import works
from kale import calls
from kalepool.v1.backend_pb2 import HarvestBlocks
from kalepool.v1.errors_pb2 import Reason
from kalepool.v1.farmer_pb2 import Farmer
from tests.backend_svc.playground import (
    KALE_EACH_STROOPS,
    Playground,
    harvest_talk,
    new_id,
    playground,
    second_life,
)

# Long enough that only a request harvests.
NEVER = {"harvest_interval_seconds": 3_600}


async def worked_block(ground: Playground, farmers: int = 1) -> tuple[int, list[Farmer]]:
    """A block in which farmers are planted and worked, and that is still the current one."""
    added = list(await asyncio.gather(*(ground.add_farmer(kale=False) for _ in range(farmers))))
    await ground.pay_kale([farmer.public_key for farmer in added])
    index = (await ground.plant_all()).block_index
    await ground.work_all(added)
    return index, added


async def test_a_request_harvests_each_pail_and_tells_totals(tmp_path: Path, database_url: str) -> None:
    async with playground(tmp_path, database_url, **NEVER) as ground:
        index, farmers = await worked_block(ground, 3)
        await ground.open_next_block()
        talk = harvest_talk(ground)
        await talk.open()
        sequence = talk.ask(harvest_blocks=HarvestBlocks(block_indexes=[index]))
        *outcomes, told = await talk.until("totals")
        harvested = {each.outcome.farmer_id: each.outcome.harvested for each in outcomes}
        assert harvested.keys() == {farmer.id for farmer in farmers}
        for farmer in farmers:
            outcome = harvested[farmer.id]
            assert outcome.stake_returned_stroops == KALE_EACH_STROOPS // 2
            line = await ground.backend.chain.farms.find_trustline(farmer.public_key)
            assert line is not None
            assert line.balance_stroops == KALE_EACH_STROOPS + outcome.reward_stroops
        totals = told.totals
        assert (totals.request_sequence, totals.harvested, totals.failed) == (sequence, 3, 0)
        assert totals.reward_total_stroops == sum(each.reward_stroops for each in harvested.values())
        assert totals.stake_returned_total_stroops == 3 * KALE_EACH_STROOPS // 2
        _, summary = await ground.reconcile()
        assert summary.reconciled
        assert await ground.count("SELECT count(*) FROM block_operations WHERE status = 'harvested'") == 1


async def test_the_sweep_harvests_what_nobody_asked_for(ground: Playground) -> None:
    index, (farmer,) = await worked_block(ground)
    talk = harvest_talk(ground)
    await talk.open()
    await ground.open_next_block()
    outcome = (await talk.next_durable()).outcome
    assert (outcome.block_index, outcome.farmer_id) == (index, farmer.id)
    assert outcome.HasField("harvested")


async def test_the_current_block_can_not_be_harvested(ground: Playground) -> None:
    index, (farmer,) = await worked_block(ground)
    talk = harvest_talk(ground)
    await talk.open()
    talk.ask(harvest_blocks=HarvestBlocks(block_indexes=[index]))
    outcome, told = await talk.until("totals")
    assert outcome.outcome.farmer_id == farmer.id
    assert outcome.outcome.failed.reason == Reason.REASON_FARM_HARVEST_NOT_READY
    assert outcome.outcome.failed.retryable
    assert (told.totals.harvested, told.totals.failed) == (0, 1)


async def test_named_farmers_without_a_work_or_a_plant_fail_with_their_reasons(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url, **NEVER) as ground:
        farmer = await ground.add_farmer(kale=False)
        index = (await ground.plant_all()).block_index
        await ground.open_next_block()
        talk = harvest_talk(ground)
        await talk.open()
        stranger = new_id()
        talk.ask(harvest_blocks=HarvestBlocks(block_indexes=[index], farmer_ids=[farmer.id, stranger]))
        *outcomes, told = await talk.until("totals")
        reasons = {each.outcome.farmer_id: each.outcome.failed.reason for each in outcomes}
        assert reasons == {
            farmer.id: Reason.REASON_FARM_WORK_MISSING,
            stranger: Reason.REASON_NOT_PLANTED,
        }
        assert told.totals.failed == 2


async def test_nothing_open_has_empty_totals(ground: Playground) -> None:
    talk = harvest_talk(ground)
    await talk.open()
    talk.ask(harvest_blocks=HarvestBlocks())
    (told,) = await talk.until("totals")
    assert (told.totals.harvested, told.totals.failed) == (0, 0)


async def test_a_pail_that_was_harvested_is_told_again_and_not_harvested_again(ground: Playground) -> None:
    index, _ = await worked_block(ground)
    await ground.open_next_block()
    talk = harvest_talk(ground)
    await talk.open()
    talk.ask(harvest_blocks=HarvestBlocks(block_indexes=[index]))
    first = (await talk.until("totals"))[-2].outcome.harvested
    talk.ask(harvest_blocks=HarvestBlocks(block_indexes=[index]))
    outcome, told = await talk.until("totals")
    assert outcome.outcome.harvested == first
    assert told.totals.harvested == 1
    assert await ground.count("SELECT count(*) FROM transactions WHERE purpose = 'harvest'") == 1


async def check_harvest_by_a_stranger(ground: Playground, address: str, index: int) -> None:
    """A stranger harvests: the farmer has what the record says, and the books agree."""
    await ground.send(calls.harvest(ground.node.network.farm_contract_id, address, index))
    talk = harvest_talk(ground)
    await talk.open()
    talk.ask(harvest_blocks=HarvestBlocks(block_indexes=[index]))
    harvested = (await talk.until("totals"))[0].outcome.harvested
    assert harvested.by_outsider
    line = await ground.backend.chain.farms.find_trustline(address)
    assert line is not None
    assert line.balance_stroops == KALE_EACH_STROOPS + harvested.reward_stroops
    findings, summary = await ground.reconcile()
    assert summary.reconciled, findings


async def test_a_pail_harvested_by_a_stranger_has_its_exact_reward_on_record(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url, **NEVER) as ground:
        index, (farmer,) = await worked_block(ground)
        await ground.open_next_block()
        await check_harvest_by_a_stranger(ground, farmer.public_key, index)


async def test_a_pail_that_strangers_work_better_and_harvest_has_its_exact_reward_on_record(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url, **NEVER) as ground:
        index, (farmer,) = await worked_block(ground)
        contract = ground.node.network.farm_contract_id
        before = await ground.backend.database.run(works.find_work, farmer.id, index)
        assert before is not None
        assert before.confirmed_zeros is not None
        better = await ground.found(farmer, zeros=before.confirmed_zeros + 1)
        await ground.send(calls.work(contract, farmer.public_key, better.hash, better.nonce))
        await ground.open_next_block()
        await ground.backend.closer.step()
        after = await ground.backend.database.run(works.find_work, farmer.id, index)
        assert after is not None
        assert (after.confirmed_zeros, after.by_outsider) == (better.zeros, True)
        await check_harvest_by_a_stranger(ground, farmer.public_key, index)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (HarvestBlocks(block_indexes=range(301)), "harvest_blocks.block_indexes"),
        (HarvestBlocks(farmer_ids=["nobody"]), "harvest_blocks.farmer_ids[0]"),
    ],
)
async def test_a_malformed_request_is_refused_with_its_field(
    ground: Playground, request_: HarvestBlocks, field: str
) -> None:
    talk = harvest_talk(ground)
    await talk.open()
    talk.ask(harvest_blocks=request_)
    failure = (await talk.next_durable()).refused.failure
    assert failure.reason == Reason.REASON_INVALID_FIELD
    assert [each.field for each in failure.field_violations] == [field]


async def test_a_harvest_in_flight_when_the_backend_was_cut_off_is_done_once_and_told(
    tmp_path: Path, database_url: str
) -> None:
    async with playground(tmp_path, database_url, **NEVER) as ground:
        index, (farmer,) = await worked_block(ground)
        talk = harvest_talk(ground)
        opened = await talk.open()
        talk.ask(harvest_blocks=HarvestBlocks())
        seen = (await talk.until("totals"))[-1].sequence
        await ground.open_next_block()
        ground.node.clock.pause()
        talk.ask(harvest_blocks=HarvestBlocks(block_indexes=[index]))
        await ground.cut_off_with_one_sent("harvest")
        await talk.break_off()
        ground.node.clock.resume()
        async with second_life(ground) as again:
            resumed = harvest_talk(again)
            await resumed.open(opened.session_id, last_sequence_seen=seen)
            *outcomes, told = await resumed.until("totals")
            assert [each.outcome.farmer_id for each in outcomes] == [farmer.id]
            assert told.totals.harvested == 1
            assert await again.count("SELECT count(*) FROM transactions WHERE purpose = 'harvest'") == 1
            _, summary = await again.reconcile()
            assert summary.reconciled
