"""When the next ledger is to close, and at what time: as the network's settings say, unless it is planned."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedClose:
    """One ledger that is to come, in chain seconds after the one before it; None: as the network wants it.

    `wait_seconds` is how long the clock waits for it, by its speed; a ledger that is closed by hand or by a
    driver does not wait. `close_time_seconds` is how much later its close time is; 0 repeats the last one.
    """

    wait_seconds: float | None = None
    close_time_seconds: int | None = None


ClosePlan = Callable[[int], PlannedClose]
"""Asked once for each ledger, by its sequence, as soon as the one before has closed."""

_REGULAR = PlannedClose()


def regular(_: int) -> PlannedClose:
    """Every ledger as the network wants it."""
    return _REGULAR
