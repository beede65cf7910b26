"""Which blocks to have harvested now."""

from collections.abc import Iterable
from dataclasses import dataclass

from kale.constants import LEDGER_SECONDS
from pooler_svc.block_book import BlockRecord


@dataclass(frozen=True)
class HarvestMoment:
    """The facts that a decision is made at. Pails of blocks below `current_index` can be harvested.

    `opened_at` is the timestamp of the current block.
    """

    now: float
    latest_close_time: int
    current_index: int
    opened_at: int
    retry_seconds: float


def decide_harvests(blocks: Iterable[BlockRecord], moment: HarvestMoment) -> list[int]:
    """The indexes of the blocks to ask for: closed, works settled, rewards open, not asked for lately.

    A block with a work still in flight waits, so that one request covers all its farmers. In the first
    ledger of the next block nothing is asked for: the Backend's node may not have closed it yet.
    """
    if moment.latest_close_time < moment.opened_at + LEDGER_SECONDS:
        return []
    return [block.index for block in blocks if _due_at(block, moment) <= moment.now]


def next_harvest_time(blocks: Iterable[BlockRecord], moment: HarvestMoment) -> float | None:
    """Chain time at which a block that was asked for and is still open should be asked for again."""
    times = (_due_at(block, moment) for block in blocks)
    return min((time for time in times if moment.now < time < float("inf")), default=None)


def _due_at(block: BlockRecord, moment: HarvestMoment) -> float:
    if block.index >= moment.current_index or block.works_in_flight or not block.open_harvests:
        return float("inf")
    if block.harvest_running:
        return float("inf")
    return 0.0 if block.harvest_asked_at is None else block.harvest_asked_at + moment.retry_seconds
