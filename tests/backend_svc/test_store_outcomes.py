"""Plantings, works and harvests: one outcome a farmer and block."""

import asyncio

import pytest

from backend_svc.store import harvests, plantings, works
from backend_svc.store.database import Database
from backend_svc.store.records import (
    Fault,
    HarvestStatus,
    Planting,
    PlantingStatus,
    Work,
    WorkStatus,
)
from tests.backend_svc.people import Planted, a_planted_farmer, plant, some_farmer

LARGEST_NONCE = 2**64 - 1


@pytest.fixture
def planted(database: Database) -> Planted:
    return database.run_here(a_planted_farmer)


def fail_planting(planting_id: str) -> Planting:
    return plantings.record_failed(
        planting_id,
        reason="REASON_RPC_UNAVAILABLE",
        fault=Fault.NETWORK,
        retryable=True,
        message="no node answered",
    )


def note(planting: Planting, zeros: int, nonce: int = 1) -> Work:
    return works.record_nonce(
        planting, nonce=nonce, hash=bytes([zeros]) * 32, zeros=zeros, attempts=1, hashes=10, work_seconds=0.5
    )


async def test_of_many_callers_one_gets_the_planting(database: Database, planted: Planted) -> None:
    planting = planted.planting
    farmer = await database.run(some_farmer, planted.pooler)
    got = await asyncio.gather(
        *(database.run(plantings.begin_planting, planting.operation_id, farmer.id, 37) for _ in range(5))
    )
    assert len([each for each in got if each is not None]) == 1


def test_a_failed_planting_may_be_taken_up_again_a_planted_one_not(
    database: Database, planted: Planted
) -> None:
    farmer = database.run_here(some_farmer, planted.pooler)
    begin = (planted.planting.operation_id, farmer.id, 37)
    first = database.run_here(plantings.begin_planting, *begin)
    assert first is not None
    assert database.run_here(fail_planting, first.id).reason == "REASON_RPC_UNAVAILABLE"
    again = database.run_here(plantings.begin_planting, *begin)
    assert again is not None
    assert (again.id, again.status, again.reason) == (first.id, PlantingStatus.PLANTING, None)
    assert (
        database.run_here(plantings.begin_planting, planted.planting.operation_id, planted.farmer.id, 37)
        is None
    )


def test_what_is_planted_stays_planted(database: Database, planted: Planted) -> None:
    assert database.run_here(fail_planting, planted.planting.id) == planted.planting
    repeated = database.run_here(
        plantings.record_planted,
        planted.planting.id,
        block_index=38,
        stake_stroops=5,
        plant_ledger=200,
        transaction_id=None,
    )
    assert repeated == planted.planting


def test_a_planting_that_the_chain_moved_takes_the_place_of_a_failed_one(
    database: Database, planted: Planted
) -> None:
    farmer = database.run_here(some_farmer, planted.pooler)
    failed = database.run_here(plantings.begin_planting, planted.planting.operation_id, farmer.id, 37)
    assert failed is not None
    database.run_here(fail_planting, failed.id)
    asked = database.run_here(plantings.begin_planting, planted.planting.operation_id, farmer.id, 38)
    assert asked is not None
    moved = database.run_here(
        plantings.record_planted,
        asked.id,
        block_index=37,
        stake_stroops=5,
        plant_ledger=120,
        transaction_id=None,
    )
    assert moved.block_index == 37
    assert database.run_here(plantings.find_planting, farmer.id, 37) == moved
    assert database.run_here(plantings.find_planting, farmer.id, 38) is None


def test_the_better_nonce_is_kept(database: Database, planted: Planted) -> None:
    work = database.run_here(note, planted.planting, 5, LARGEST_NONCE)
    assert (work.nonce, work.zeros, work.status) == (LARGEST_NONCE, 5, WorkStatus.RECORDED)
    assert database.run_here(note, planted.planting, 4, 2).nonce == LARGEST_NONCE
    better = database.run_here(note, planted.planting, 6, 3)
    assert (better.id, better.nonce, better.zeros) == (work.id, 3, 6)


def test_one_caller_submits_a_work(database: Database, planted: Planted) -> None:
    work = database.run_here(note, planted.planting, 5)
    taken = database.run_here(works.begin_submission, work.id)
    assert taken is not None
    assert taken.submissions == 1
    assert database.run_here(works.begin_submission, work.id) is None
    assert [each.id for each in database.run_here(works.unfinished_works, 37)] == [work.id]


def test_a_confirmed_work_keeps_its_outcome(database: Database, planted: Planted) -> None:
    work = database.run_here(note, planted.planting, 5)
    confirmed = database.run_here(
        works.record_confirmed, work.id, gap=50, zeros=5, work_ledger=151, transaction_id=None
    )
    assert database.run_here(note, planted.planting, 6).nonce == work.nonce
    late = database.run_here(
        works.record_work_failed, work.id, reason="REASON_WORK_LATE", fault=Fault.POOLER, message=""
    )
    assert (late.status, late.gap, late.confirmed_zeros) == (WorkStatus.CONFIRMED, 50, 5)
    assert late.reason is None
    assert confirmed.status is WorkStatus.CONFIRMED


def test_a_failed_work_is_open_again_for_a_better_nonce_only(database: Database, planted: Planted) -> None:
    work = database.run_here(note, planted.planting, 5)
    failed = database.run_here(
        works.record_work_failed, work.id, reason="REASON_WORK_LATE", fault=Fault.POOLER, message="late"
    )
    assert failed.status is WorkStatus.FAILED
    assert database.run_here(note, planted.planting, 5, 9).status is WorkStatus.FAILED
    assert database.run_here(note, planted.planting, 6, 9).status is WorkStatus.RECORDED


def test_a_farmer_of_whom_nothing_came_is_known(database: Database, planted: Planted) -> None:
    operation_id = planted.planting.operation_id
    assert database.run_here(works.plantings_without_work, operation_id) == [planted.planting]
    failed = database.run_here(
        works.record_not_found,
        planted.planting,
        reason="REASON_HASHER_CRASHED",
        fault=Fault.POOLER,
        message="gone",
    )
    assert failed.status is WorkStatus.FAILED
    assert database.run_here(works.plantings_without_work, operation_id) == []
    assert database.run_here(works.works_of, operation_id) == [failed]


async def test_a_due_harvest_is_claimed_once(database: Database, planted: Planted) -> None:
    harvest = await database.run(harvests.open_harvest, planted.planting)
    assert await database.run(harvests.open_harvest, planted.planting) == harvest

    def claim(current_index: int = 38) -> list[str]:
        due = harvests.claim_due_harvests(current_index=current_index, limit=10, claim_wall_seconds=60)
        return [each.id for each in due]

    assert await database.run(claim, 37) == []
    claims = await asyncio.gather(*(database.run(claim) for _ in range(4)))
    assert [each for claimed in claims for each in claimed] == [harvest.id]
    await database.run(
        harvests.release_harvest, harvest.id, reason="REASON_CONGESTION", fault=Fault.NETWORK, message=""
    )
    assert await database.run(claim) == [harvest.id]
    assert (await database.run(harvests.get_harvest, harvest.id)).attempts == 2


def test_a_claim_ends_with_its_time(database: Database, planted: Planted) -> None:
    database.run_here(harvests.open_harvest, planted.planting)
    for _ in range(2):
        due = database.run_here(
            harvests.claim_due_harvests, current_index=99, limit=10, claim_wall_seconds=-1
        )
        assert len(due) == 1


def test_harvests_are_claimed_by_block_farmer_and_pooler(database: Database, planted: Planted) -> None:
    database.run_here(harvests.open_harvest, planted.planting)
    later = database.run_here(plant, planted.farmer, planted.pooler, 38, 7)
    database.run_here(harvests.open_harvest, later)

    def claim(**wanted: object) -> list[int]:
        due = harvests.claim_due_harvests(
            current_index=99,
            limit=10,
            claim_wall_seconds=-1,
            **wanted,  # type: ignore[arg-type]
        )
        return [each.block_index for each in due]

    assert database.run_here(claim) == [37, 38]
    assert database.run_here(lambda: claim(block_indexes=(38,))) == [38]
    assert database.run_here(lambda: claim(farmer_ids=(later.farmer_id,), pooler_id=planted.pooler.id)) == [
        37,
        38,
    ]
    assert database.run_here(lambda: claim(farmer_ids=(later.id,))) == []


def test_what_is_harvested_stays_harvested(database: Database, planted: Planted) -> None:
    harvest = database.run_here(harvests.open_harvest, planted.planting)
    done = database.run_here(
        harvests.record_harvested,
        harvest.id,
        reward_stroops=77,
        harvest_ledger=170,
        transaction_id=None,
    )
    assert (done.status, done.reward_stroops, done.stake_stroops) == (HarvestStatus.HARVESTED, 77, 1_000)
    lost = database.run_here(
        harvests.record_harvest_lost, harvest.id, reason="REASON_X", fault=Fault.NETWORK, message=""
    )
    assert lost == done
    assert database.run_here(harvests.open_harvests) == []
    assert database.run_here(harvests.harvests_of, planted.planting.operation_id) == [done]
