"""`kalepool bench soak`: a hundred thousand searches, and neither memory nor threads may have grown.

What a process holds is read after the first 1,000 searches, when every way of searching has been gone many
times, and again at the end.
"""

import gc
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import psutil

from kalepool_bench.figures import growth_percent
from kalepool_bench.soak_searches import DirectSearches, HasherSearches

FIRST_SEARCHES: Final = 1_000
MOST_GROWTH_PERCENT: Final = 1.0
_ROUNDS_A_RESTART: Final = 100
_SEED: Final = 20261122
_THREAD_READINGS: Final = 20
_THREAD_PAUSE_WALL_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Holding:
    """What the process holds after so many searches."""

    searches: int
    rss_bytes: int
    threads: int


@dataclass(frozen=True)
class SoakResult:
    """What `--json` shows; `seconds` is the time that it took."""

    first: Holding
    last: Holding
    seconds: float

    @property
    def rss_growth_percent(self) -> float:
        return growth_percent(self.first.rss_bytes, self.last.rss_bytes)

    @property
    def threads_growth_percent(self) -> float:
        return growth_percent(self.first.threads, self.last.threads)

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "rss_growth_percent": round(self.rss_growth_percent, 4),
            "threads_growth_percent": round(self.threads_growth_percent, 4),
            "passed": self.passed,
        }

    @property
    def passed(self) -> bool:
        """Memory may shrink, but a thread that is missing has died."""
        return (
            self.rss_growth_percent <= MOST_GROWTH_PERCENT
            and abs(self.threads_growth_percent) <= MOST_GROWTH_PERCENT
        )


def soak(isas: Sequence[str], searches: int, on_progress: Callable[[float], None]) -> SoakResult:
    """At least so many searches, with every instruction set in turn. Raises SoakFailed for a wrong one."""
    source = random.Random(_SEED)
    first: Holding | None = None
    done = rounds = 0
    started = time.monotonic()
    with DirectSearches(source) as direct, HasherSearches(source) as hasher:
        while first is None or done < searches:
            done += direct.play(isas[rounds % len(isas)]) + hasher.play()
            rounds += 1
            if rounds % _ROUNDS_A_RESTART == 0:
                hasher.restart()
            if first is None and done >= FIRST_SEARCHES:
                first = _read_holding(done)
            on_progress(min(1.0, done / searches))
        last = _read_holding(done)
    return SoakResult(first, last, round(time.monotonic() - started, 2))


def _read_holding(searches: int) -> Holding:
    gc.collect()
    process = psutil.Process()
    return Holding(searches, process.memory_info().rss, _settled_threads(process))


def _settled_threads(process: psutil.Process) -> int:
    """The least of some readings: the system lists a thread for a moment after it was joined."""
    least = process.num_threads()
    for _ in range(_THREAD_READINGS):
        time.sleep(_THREAD_PAUSE_WALL_SECONDS)
        least = min(least, process.num_threads())
    return least
