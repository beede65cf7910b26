"""What a demo has to show at its end: counts, totals, a table, and whether all of it came out right."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich import box
from rich.table import Table

from backend_svc.store.reports import FarmerBlock
from kale.constants import STROOPS_PER_KALE
from kalepool_cli.demo.misses import Miss


@dataclass(frozen=True)
class BlockReport:
    """Counts of one played block.

    `zeros` is the sum over its works; `open_to_planted_chain_seconds` is None if nobody was planted.
    """

    block_index: int
    plants_ok: int
    plants_failed: int
    works_ok: int
    works_failed: int
    harvests_ok: int
    harvests_failed: int
    staked_stroops: int
    reward_stroops: int
    zeros: int
    open_to_planted_chain_seconds: int | None


@dataclass(frozen=True)
class DemoReport:
    """The `--json` file, field by field."""

    blocks: int
    farmers: int
    plants_ok: int
    plants_failed: int
    works_ok: int
    works_failed: int
    harvests_ok: int
    harvests_failed: int
    total_staked_stroops: int
    total_reward_stroops: int
    mean_zeros: float | None
    hashes: int
    seconds: float
    reconciled: bool
    sent_once: bool
    per_block: tuple[BlockReport, ...]
    misses: tuple[Miss, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Every farmer planted, worked and harvested in every block, with a stake; nothing was sent twice,
        and it reconciles."""
        expected = self.blocks * self.farmers
        return self.is_sound and self.plants_ok == self.works_ok == self.harvests_ok == expected

    @property
    def succeeded_but_for_misses(self) -> bool:
        """The same, but that a step may be missed if the records say why."""
        return self.is_sound and all(miss.cause is not None for miss in self.misses)

    @property
    def is_sound(self) -> bool:
        """Whether all blocks were played, with a stake, nothing was sent twice, and it reconciles."""
        return (
            self.reconciled
            and self.sent_once
            and self.total_staked_stroops > 0
            and len(self.per_block) == self.blocks
        )

    @property
    def participation(self) -> str:
        """How many of the possible plants, works and harvests there were, in percent."""
        expected = self.blocks * self.farmers
        steps = (("planted", self.plants_ok), ("worked", self.works_ok), ("harvested", self.harvests_ok))
        return ", ".join(f"{name} {count / expected:.1%} ({count}/{expected})" for name, count in steps)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def report_block(
    block_index: int,
    rows: Iterable[FarmerBlock],
    *,
    farmers: int,
    openable_at: int,
    all_planted_at: int | None,
) -> BlockReport:
    """Count one block; a farmer without a confirmed row counts as failed.

    `openable_at` is the close time from which the block could be opened, `all_planted_at` that of the
    ledger with the last plant (unix seconds; None if nobody was planted).
    """
    mine = [row for row in rows if row.block_index == block_index]
    plants_ok = sum(row.plant_ledger is not None for row in mine)
    works_ok = sum(row.zeros is not None for row in mine)
    harvests_ok = sum(row.reward_stroops is not None for row in mine)
    return BlockReport(
        block_index=block_index,
        plants_ok=plants_ok,
        plants_failed=farmers - plants_ok,
        works_ok=works_ok,
        works_failed=farmers - works_ok,
        harvests_ok=harvests_ok,
        harvests_failed=farmers - harvests_ok,
        staked_stroops=sum(row.stake_stroops or 0 for row in mine),
        reward_stroops=sum(row.reward_stroops or 0 for row in mine),
        zeros=sum(row.zeros or 0 for row in mine),
        open_to_planted_chain_seconds=None if all_planted_at is None else all_planted_at - openable_at,
    )


def total(
    blocks: Sequence[BlockReport], *, farmers: int, requested_blocks: int, hashes: int, seconds: float
) -> DemoReport:
    """Add the blocks up; `seconds` is wall time. What somebody else has to prove is False until then."""
    works_ok = sum(block.works_ok for block in blocks)
    zeros = sum(block.zeros for block in blocks)
    return DemoReport(
        blocks=requested_blocks,
        farmers=farmers,
        plants_ok=sum(block.plants_ok for block in blocks),
        plants_failed=sum(block.plants_failed for block in blocks),
        works_ok=works_ok,
        works_failed=sum(block.works_failed for block in blocks),
        harvests_ok=sum(block.harvests_ok for block in blocks),
        harvests_failed=sum(block.harvests_failed for block in blocks),
        total_staked_stroops=sum(block.staked_stroops for block in blocks),
        total_reward_stroops=sum(block.reward_stroops for block in blocks),
        mean_zeros=round(zeros / works_ok, 3) if works_ok else None,
        hashes=hashes,
        seconds=round(seconds, 3),
        reconciled=False,
        sent_once=False,
        per_block=tuple(blocks),
    )


def format_kale(stroops: int | None) -> str:
    """Exact KALE with seven digits behind the point, or a dash."""
    if stroops is None:
        return "–"
    whole, fraction = divmod(abs(stroops), STROOPS_PER_KALE)
    return f"{'-' if stroops < 0 else ''}{whole:,}.{fraction:07d}"


def _format_mean(mean: float | None) -> str:
    return "–" if mean is None else f"{mean:.2f}"


def farmer_table(rows: Sequence[FarmerBlock]) -> Table:
    """A row a farmer and block, in the order of blocks."""
    table = Table(title="Every farmer in every block")
    for heading in ("block", "farmer", "planted stake (KALE)", "zeros", "gap", "reward (KALE)"):
        table.add_column(heading, justify="left" if heading == "farmer" else "right")
    previous: int | None = None
    for row in sorted(rows, key=lambda row: (row.block_index, row.public_key)):
        if previous not in (None, row.block_index):
            table.add_section()
        previous = row.block_index
        table.add_row(
            str(row.block_index),
            f"{row.public_key[:8]}…{row.public_key[-4:]}",
            format_kale(row.stake_stroops),
            "–" if row.zeros is None else str(row.zeros),
            "–" if row.gap is None else str(row.gap),
            format_kale(row.reward_stroops),
        )
    return table


def block_table(report: DemoReport) -> Table:
    """A row a block, and the totals."""
    table = Table(
        title="Totals (seconds of chain time)", show_footer=True, box=box.SIMPLE, padding=(0, 1, 0, 0)
    )
    expected = report.blocks * report.farmers
    columns = (
        ("block", "all"),
        ("plants", f"{report.plants_ok}/{expected}"),
        ("works", f"{report.works_ok}/{expected}"),
        ("harvests", f"{report.harvests_ok}/{expected}"),
        ("staked KALE", format_kale(report.total_staked_stroops)),
        ("reward KALE", format_kale(report.total_reward_stroops)),
        ("mean zeros", _format_mean(report.mean_zeros)),
        ("planted in", ""),
    )
    for heading, footer in columns:
        table.add_column(heading, footer, justify="right")
    for block in report.per_block:
        seconds = block.open_to_planted_chain_seconds
        table.add_row(
            str(block.block_index),
            f"{block.plants_ok}/{report.farmers}",
            f"{block.works_ok}/{report.farmers}",
            f"{block.harvests_ok}/{report.farmers}",
            format_kale(block.staked_stroops),
            format_kale(block.reward_stroops),
            _format_mean(block.zeros / block.works_ok if block.works_ok else None),
            "–" if seconds is None else f"{seconds} s",
        )
    return table
