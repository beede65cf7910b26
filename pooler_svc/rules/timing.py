"""When things are due within a block.

All times are chain time in unix seconds, all durations chain seconds. What is decided exactly is
decided by ledger close times; what is only predicted (when to wake up) takes the ChainClock's now.
"""

from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS

_BOUNDARY_POLLS = 2


def opens_at(block_timestamp: int) -> int:
    """The close time from which on a plant opens the next block (contract: `plant`, block age)."""
    return block_timestamp + BLOCK_SECONDS


def can_be_opened(block_timestamp: int, latest_close_time: int) -> bool:
    """Whether a plant in the next ledger opens the next block.

    Exact and never too early: close times do not go back, so the ledger that the plant gets into
    closes at or after `latest_close_time`.
    """
    return latest_close_time >= opens_at(block_timestamp)


def submission_time(block_timestamp: int, work_delay_seconds: float) -> float:
    """The moment at which the best nonces of a block go up to be submitted."""
    return block_timestamp + work_delay_seconds


def gap_is_positive(plant_ledger: int, latest_ledger: int) -> bool:
    """Whether a work simulated at `latest_ledger` has the gap of at least 1 that the contract asks for.

    The Backend's node simulates at its latest closed ledger, so the plant's own ledger is too early
    there (GapCountTooLow) although the transaction itself would get into a later one.
    """
    return latest_ledger > plant_ledger


def poll_delay_seconds(now: float, block_timestamp: int, usual_seconds: float) -> float:
    """Chain seconds until the farm should be read again: each ledger near the boundary, else the usual."""
    near_from = opens_at(block_timestamp) - _BOUNDARY_POLLS * usual_seconds
    return min(usual_seconds, LEDGER_SECONDS) if now >= near_from else usual_seconds
