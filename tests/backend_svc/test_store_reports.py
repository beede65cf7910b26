"""Reports: why a farmer is missing from a block."""

from backend_svc.store import farmers, operations, plantings
from backend_svc.store.database import Database
from backend_svc.store.records import FarmerStatus
from backend_svc.store.reports import list_farmer_blocks, list_unrecorded
from tests.backend_svc.people import a_planted_farmer, plant, some_farmer, some_pooler


def reasons(database: Database, first: int, last: int) -> list[tuple[int, str, str | None]]:
    rows = database.run_here(list_unrecorded, first, last)
    assert all(row.settled and row.plant_ledger is None for row in rows)
    return [(row.block_index, row.public_key, row.plant_reason) for row in rows]


def test_a_block_that_the_pooler_never_asked_for_was_not_planted(database: Database) -> None:
    farmer = database.run_here(a_planted_farmer, 37).farmer
    assert reasons(database, 36, 38) == [
        (36, farmer.public_key, "REASON_NOT_PLANTED"),
        (38, farmer.public_key, "REASON_NOT_PLANTED"),
    ]
    assert reasons(database, 37, 37) == []


def test_a_block_that_another_pooler_asked_for_was_not_planted_either(database: Database) -> None:
    database.run_here(a_planted_farmer, 37)
    other = database.run_here(lambda: some_farmer(some_pooler("South")))
    assert reasons(database, 37, 37) == [(37, other.public_key, "REASON_NOT_PLANTED")]


def test_a_plant_that_got_into_the_next_block_had_expired_in_its_own(database: Database) -> None:
    def plant_late() -> str:
        pooler = some_pooler()
        farmer = some_farmer(pooler)
        operation = operations.open_operation(37, pooler.id, capacity=50, deadline=None)
        planting = plantings.begin_planting(operation.id, farmer.id, 37)
        assert planting is not None
        plantings.record_planted(
            planting.id, block_index=38, stake_stroops=5, plant_ledger=101, transaction_id=None
        )
        return farmer.public_key

    key = database.run_here(plant_late)
    assert reasons(database, 37, 38) == [(37, key, "REASON_TRANSACTION_EXPIRED")]
    assert [row.block_index for row in database.run_here(list_farmer_blocks, 37, 38)] == [38]


def test_of_a_farmer_left_out_of_a_request_nobody_knows_why(database: Database) -> None:
    planted = database.run_here(a_planted_farmer, 37)
    left_out = database.run_here(some_farmer, planted.pooler)
    assert reasons(database, 37, 37) == [(37, left_out.public_key, None)]


def test_farmers_who_do_not_plant_miss_nothing(database: Database) -> None:
    def leave() -> None:
        pooler = some_pooler()
        farmer = some_farmer(pooler)
        plant(farmer, pooler, 37, 5)
        farmers.set_status(farmer.id, FarmerStatus.PAUSED)

    database.run_here(leave)
    assert reasons(database, 36, 38) == []
