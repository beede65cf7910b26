"""Every miss has its step and its cause, and one without a cause is told apart."""

import io

from rich.console import Console

from backend_svc.store.reports import FarmerBlock
from kalepool_cli.demo.misses import Miss, Step, find_misses, miss_table


def row(block_index: int, farmer: str, **changes: object) -> FarmerBlock:
    whole: dict[str, object] = {
        "block_index": block_index,
        "public_key": farmer,
        "stake_stroops": 10,
        "plant_ledger": 100,
        "plant_transaction_hash": bytes(32),
        "zeros": 6,
        "gap": 50,
        "reward_stroops": 3,
    }
    return FarmerBlock(**{**whole, **changes})  # type: ignore[arg-type]


def unplanted(block_index: int, reason: str) -> FarmerBlock:
    """Farmer A, of whom nothing came in that block."""
    return row(
        block_index,
        "A",
        stake_stroops=None,
        plant_ledger=None,
        zeros=None,
        gap=None,
        reward_stroops=None,
        plant_reason=f"REASON_{reason}",
    )


def test_a_farmer_who_was_harvested_missed_nothing() -> None:
    assert find_misses([row(7, "A"), row(8, "A")], [7, 8], farmers=1) == []


def test_a_miss_is_of_the_first_step_that_did_not_come() -> None:
    paused = unplanted(7, "FARM_FARM_PAUSED")
    unworked = row(
        7, "B", zeros=None, gap=None, reward_stroops=None, work_reason="REASON_HARVESTED_BY_OTHERS"
    )
    unharvested = row(7, "C", reward_stroops=None, harvest_reason="REASON_RPC_UNAVAILABLE")
    assert find_misses([paused, unworked, unharvested], [7], farmers=3) == [
        Miss(7, "A", Step.PLANT, "FARM_FARM_PAUSED"),
        Miss(7, "B", Step.WORK, "HARVESTED_BY_OTHERS"),
        Miss(7, "C", Step.HARVEST, "RPC_UNAVAILABLE"),
    ]


def test_a_block_without_a_record_of_the_farmer_is_missed_for_the_reason_that_the_records_give() -> None:
    unrecorded = unplanted(8, "NOT_PLANTED")
    assert find_misses([row(7, "A"), unrecorded], [7, 8], farmers=1) == [
        Miss(8, "A", Step.PLANT, "NOT_PLANTED")
    ]


def test_a_miss_without_a_reason_or_without_a_record_has_no_cause() -> None:
    silent = row(7, "A", zeros=None, gap=None, reward_stroops=None)
    unspecified = row(7, "B", reward_stroops=None, harvest_reason="REASON_UNSPECIFIED")
    misses = find_misses([silent, unspecified], [7, 8], farmers=2)
    assert [miss.cause for miss in misses] == [None] * 4
    assert [miss.step for miss in misses] == [Step.WORK, Step.HARVEST, Step.PLANT, Step.PLANT]
    console = Console(file=io.StringIO(), width=80)
    console.print(miss_table(misses))
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().count("unknown") == 3


def test_blocks_that_were_not_asked_about_do_not_count() -> None:
    assert find_misses([row(7, "A"), row(9, "A", reward_stroops=None)], [7], farmers=1) == []
