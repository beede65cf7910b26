"""What a farmer missed in a block, and why: the records name a cause for every step that did not come."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich import box
from rich.table import Table

from backend_svc.store.reports import FarmerBlock

_REASON_PREFIX = "REASON_"
_NO_REASON = "REASON_UNSPECIFIED"


class Step(StrEnum):
    """The steps of a block, in their order."""

    PLANT = "plant"
    WORK = "work"
    HARVEST = "harvest"


@dataclass(frozen=True)
class Miss:
    """A farmer went no further than up to this step; every later one is missed with it.

    `public_key` is None for a farmer of whom the block has no record. `cause` is a reason of errors.proto
    without its prefix, None if the records name none.
    """

    block_index: int
    public_key: str | None
    step: Step
    cause: str | None


def find_misses(rows: Iterable[FarmerBlock], block_indexes: Sequence[int], farmers: int) -> list[Miss]:
    """Every miss of so many farmers in these blocks."""
    by_block: dict[int, list[FarmerBlock]] = {index: [] for index in block_indexes}
    for row in rows:
        if row.block_index in by_block:
            by_block[row.block_index].append(row)
    misses = []
    for index, mine in by_block.items():
        misses += [miss for row in mine if (miss := _miss_of(row)) is not None]
        misses += [Miss(index, None, Step.PLANT, None) for _ in range(farmers - len(mine))]
    return misses


def _miss_of(row: FarmerBlock) -> Miss | None:
    if row.plant_ledger is None:
        step, reason = Step.PLANT, row.plant_reason
    elif row.zeros is None:
        step, reason = Step.WORK, row.work_reason
    elif row.reward_stroops is None:
        step, reason = Step.HARVEST, row.harvest_reason
    else:
        return None
    cause = None if reason in (None, _NO_REASON) else reason.removeprefix(_REASON_PREFIX)
    return Miss(row.block_index, row.public_key, step, cause)


def miss_table(misses: Sequence[Miss]) -> Table:
    """How many went no further than up to each step, by cause."""
    table = Table(title="Misses", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("step", "cause", "farmers × blocks"):
        table.add_column(heading, justify="right" if heading.startswith("farmers") else "left")
    counted = Counter((miss.step, miss.cause) for miss in misses)
    for (step, cause), count in counted.most_common():
        table.add_row(step.value, cause or "[bold red]unknown[/]", str(count))
    return table
