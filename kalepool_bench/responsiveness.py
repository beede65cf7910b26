"""`kalepool bench search`: how a search behaves towards others.

Stop latency: a search that would take centuries runs in a thread, and after a random time another one calls
`stop`; measured until `run` has returned to Python. Python's progress: how fast a pure Python loop counts
while a search with one thread runs in another Python thread, compared with the loop alone just before and
after. Two threads: their hash rate, compared with that of one thread just before and after.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from kalepool_bench.figures import median_ratio, pair_alternating, percentile
from kalepool_bench.workload import SLICE_WALL_SECONDS, SearchLoad, endless_search
from miner_ext import Search

_LEAST_STOPS: Final = 10
# A tile takes a millisecond or less: a stop falls on any moment of one.
_LEAST_RUN_WALL_SECONDS: Final = 0.001
_MOST_RUN_WALL_SECONDS: Final = 0.005
_COUNTED_AT_A_TIME: Final = 1_000
_SEED: Final = 20261122


@dataclass(frozen=True)
class StopLatency:
    """From the call of `stop` until `run` has returned, of so many samples."""

    threads: int
    samples: int
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True)
class Responsiveness:
    """One object of `--json`.

    python_progress: counting beside a search, compared with counting alone (1: not slowed down at all).
    two_threads: hash rate compared with that of one thread; None where there is only one CPU.
    cpu_share: of the CPU time that the two threads could have had; well below 1: others were busy.
    """

    isa: str
    stop_latency: tuple[StopLatency, ...]
    python_progress: float
    two_threads: float | None
    cpu_share: float | None


def measure_responsiveness(
    isa: str, cpus: int, seconds: float, on_progress: Callable[[float], None]
) -> Responsiveness:
    """Each figure from samples of about `seconds`."""
    thread_counts = (1,) if cpus == 1 else (1, cpus)
    steps = len(thread_counts) + 2
    stops = []
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="search") as executor:
        for done, threads in enumerate(thread_counts):
            stops.append(measure_stops(executor, isa, threads, seconds))
            on_progress((done + 1) / steps)
        progress = measure_python_progress(executor, isa, seconds)
    on_progress((steps - 1) / steps)
    two_threads, cpu_share = measure_two_threads(isa, seconds) if cpus > 1 else (None, None)
    on_progress(1.0)
    return Responsiveness(isa, tuple(stops), progress, two_threads, cpu_share)


def measure_stops(executor: ThreadPoolExecutor, isa: str, threads: int, seconds: float) -> StopLatency:
    source = random.Random(_SEED)
    _stop_latency(executor, isa, threads, _LEAST_RUN_WALL_SECONDS)  # warms up: not counted
    latencies: list[float] = []
    until = time.monotonic() + seconds
    while len(latencies) < _LEAST_STOPS or time.monotonic() < until:
        run_wall_seconds = source.uniform(_LEAST_RUN_WALL_SECONDS, _MOST_RUN_WALL_SECONDS)
        latencies.append(_stop_latency(executor, isa, threads, run_wall_seconds))
    p50, p99 = percentile(latencies, 50), percentile(latencies, 99)
    return StopLatency(
        threads, len(latencies), *(round(each * 1_000, 4) for each in (p50, p99, max(latencies)))
    )


def _stop_latency(executor: ThreadPoolExecutor, isa: str, threads: int, run_wall_seconds: float) -> float:
    search = endless_search(isa, threads)
    with _running(executor, search) as returned:
        time.sleep(run_wall_seconds)
        stopped = time.perf_counter()
        search.stop()
        return returned.result() - stopped


@contextmanager
def _running(executor: ThreadPoolExecutor, search: Search) -> Iterator[Future[float]]:
    """The search in the executor's thread until the end of the block; the result is when `run` returned."""
    begins = threading.Event()

    def run() -> float:
        begins.set()
        search.run()
        return time.perf_counter()

    returned = executor.submit(run)
    try:
        begins.wait()
        yield returned
    finally:
        search.stop()


def measure_python_progress(executor: ThreadPoolExecutor, isa: str, seconds: float) -> float:
    def alone() -> float:
        return _iterations_per_second(SLICE_WALL_SECONDS)

    def beside_a_search() -> float:
        with _running(executor, endless_search(isa, threads=1)):
            return _iterations_per_second(SLICE_WALL_SECONDS)

    return _median_ratio_in_turn(alone, beside_a_search, seconds)


def measure_two_threads(isa: str, seconds: float) -> tuple[float, float]:
    """The ratio to one thread, and the share of the CPU time that the two got."""
    one, two = (SearchLoad(isa, threads, SLICE_WALL_SECONDS) for threads in (1, 2))
    one.calibrate()
    two.calibrate()
    ratio = _median_ratio_in_turn(one.run_slice, two.run_slice, seconds)
    return ratio, round(two.cpu_share, 4)


def _iterations_per_second(wall_seconds: float) -> float:
    """Of a loop in pure Python, in the calling thread."""
    count, spent = 0, 0.0
    started = time.perf_counter()
    while count == 0 or spent < wall_seconds:
        for _ in range(_COUNTED_AT_A_TIME):
            count += 1
        spent = time.perf_counter() - started
    return count / spent


def _median_ratio_in_turn(
    reference: Callable[[], float], value: Callable[[], float], seconds: float
) -> float:
    """Slices in turn, at least one pair; the first of each is not counted."""
    reference()
    value()
    until = time.monotonic() + seconds
    references, values = [reference()], [value()]
    references.append(reference())
    while time.monotonic() < until:
        values.append(value())
        references.append(reference())
    return round(median_ratio(pair_alternating(references, values)), 4)
