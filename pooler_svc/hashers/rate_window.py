"""Rates over the last second, minute and ten minutes from a count that only grows. Time is passed in."""

from bisect import bisect_left
from typing import Final, NamedTuple

from pooler_svc.hashers.port import HashRates

_LONGEST_WALL_SECONDS: Final = 600.0


class _Sample(NamedTuple):
    wall_seconds: float
    total: int


class RateWindow:
    """Samples of the count over the longest window; as many as are noted in ten minutes."""

    def __init__(self, now: float) -> None:
        self._samples = [_Sample(now, 0)]

    @property
    def total(self) -> int:
        return self._samples[-1].total

    def note(self, now: float, total: int) -> None:
        """Note the count at a monotonic wall time."""
        self._samples.append(_Sample(now, total))
        outside = self._first_inside(now - _LONGEST_WALL_SECONDS)
        # The last one outside stays: the window begins between it and the next.
        del self._samples[: max(0, outside - 1)]

    def per_second(self, now: float, window_wall_seconds: float) -> float:
        """The mean rate over the window up to now, over less while there is less to look back on."""
        inside = self._first_inside(now - window_wall_seconds)
        first = self._samples[max(0, inside - 1)]
        elapsed = now - first.wall_seconds
        return (self.total - first.total) / elapsed if elapsed > 0 else 0.0

    def rates(self, now: float) -> HashRates:
        """The total, and the rates of the windows that a Hasher tells, up to now."""
        return HashRates(
            hashes_total=self.total,
            per_second_1s=self.per_second(now, 1.0),
            per_second_1m=self.per_second(now, 60.0),
            per_second_10m=self.per_second(now, _LONGEST_WALL_SECONDS),
        )

    def _first_inside(self, start: float) -> int:
        return bisect_left(self._samples, start, key=lambda sample: sample.wall_seconds)

    def __repr__(self) -> str:
        return f"<RateWindow {self.total} in all, {len(self._samples)} samples>"
