"""The demo's report: counts add up, and only a flawless run counts as a success."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from backend_svc.store.reports import FarmerBlock
from kalepool_cli.demo.report import (
    DemoReport,
    block_table,
    farmer_table,
    format_kale,
    report_block,
    total,
)

OPENABLE_AT = 1_800_000_000


def row(block_index: int, farmer: int) -> FarmerBlock:
    return FarmerBlock(
        block_index=block_index,
        public_key=f"G{farmer:055d}",
        stake_stroops=10_000_000 + farmer,
        plant_ledger=100 + farmer,
        plant_transaction_hash=bytes(32),
        zeros=6,
        gap=50,
        reward_stroops=3 * farmer,
    )


def report_of(
    rows: list[FarmerBlock], *, farmers: int = 3, blocks: int = 2, reconciled: bool = True
) -> DemoReport:
    indexes = sorted({row.block_index for row in rows})
    counted = [
        report_block(index, rows, farmers=farmers, openable_at=OPENABLE_AT, all_planted_at=OPENABLE_AT + 15)
        for index in indexes
    ]
    report = total(counted, farmers=farmers, requested_blocks=blocks, hashes=9, seconds=1.23456)
    return replace(report, reconciled=reconciled, sent_once=True)


def whole_run() -> list[FarmerBlock]:
    return [row(block, farmer) for block in (7, 8) for farmer in (1, 2, 3)]


def test_counts_and_totals_add_up() -> None:
    report = report_of(whole_run())
    assert (report.plants_ok, report.works_ok, report.harvests_ok) == (6, 6, 6)
    assert (report.plants_failed, report.works_failed, report.harvests_failed) == (0, 0, 0)
    assert report.total_staked_stroops == 2 * (30_000_000 + 6)
    assert report.total_reward_stroops == 2 * 18
    assert report.seconds == 1.235
    assert [block.open_to_planted_chain_seconds for block in report.per_block] == [15, 15]
    assert report.succeeded


def test_mean_zeros_are_those_of_the_works_that_there_were() -> None:
    rows = whole_run()
    rows[0], rows[1] = replace(rows[0], zeros=9), replace(rows[1], zeros=None)
    report = report_of(rows)
    assert [block.zeros for block in report.per_block] == [15, 18]
    assert report.mean_zeros == 6.6
    nobody = [replace(row, zeros=None) for row in rows]
    assert report_of(nobody).mean_zeros is None


@pytest.mark.parametrize("missing", ["plant_ledger", "zeros", "reward_stroops"])
def test_one_missing_step_of_one_farmer_fails_the_run(missing: str) -> None:
    rows = whole_run()
    nothing: dict[str, Any] = {missing: None}
    rows[4] = replace(rows[4], **nothing)
    report = report_of(rows)
    assert not report.succeeded
    failed = {
        "plant_ledger": report.plants_failed,
        "zeros": report.works_failed,
        "reward_stroops": report.harvests_failed,
    }
    assert failed == {name: int(name == missing) for name in failed}


def test_a_farmer_without_any_row_counts_as_failed_in_every_step() -> None:
    report = report_of(whole_run()[:-1])
    last = report.per_block[-1]
    assert (last.plants_failed, last.works_failed, last.harvests_failed) == (1, 1, 1)


def test_a_block_that_was_not_played_fails_the_run() -> None:
    assert not report_of(whole_run(), blocks=3).succeeded


def test_a_difference_in_reconciling_fails_the_run() -> None:
    assert not report_of(whole_run(), reconciled=False).succeeded


def test_a_run_without_stake_fails() -> None:
    assert not report_of([replace(row, stake_stroops=0) for row in whole_run()]).succeeded


@pytest.mark.parametrize(
    ("stroops", "text"),
    [(None, "–"), (0, "0.0000000"), (12_345_678_901, "1,234.5678901"), (-1, "-0.0000001")],
)
def test_kale_is_printed_to_the_stroop(stroops: int | None, text: str) -> None:
    assert format_kale(stroops) == text


def test_tables_show_every_farmer_and_every_block() -> None:
    console = Console(record=True, width=160, file=io.StringIO())
    rows = whole_run()
    console.print(farmer_table(rows), block_table(report_of(rows)))
    text = console.export_text()
    assert text.count("50 │") == len(rows)
    assert text.count("15 s") == 2
    assert "6/6" in text
    assert text.count(" 6.00 ") == 3
