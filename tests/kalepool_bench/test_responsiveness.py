"""Real searches and stops; the figures themselves are this machine's."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kalepool_bench.responsiveness import measure_python_progress, measure_responsiveness, measure_stops
from miner_ext import isas


@pytest.mark.parametrize("isa", isas())
def test_stops_have_latencies_in_order(isa: str) -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        stops = measure_stops(executor, isa, threads=2, seconds=0.01)
    assert stops.threads == 2
    assert stops.samples >= 10
    assert 0 < stops.p50_ms <= stops.p99_ms <= stops.max_ms


@pytest.mark.parametrize(("cpus", "threads"), [(1, [1]), (2, [1, 2]), (3, [1, 3])])
def test_two_threads_are_measured_only_where_there_are_two_cpus(cpus: int, threads: list[int]) -> None:
    parts: list[float] = []
    result = measure_responsiveness("portable", cpus, 0.01, parts.append)
    assert result.isa == "portable"
    assert [stop.threads for stop in result.stop_latency] == threads
    assert result.python_progress > 0
    assert (result.two_threads is None) == (result.cpu_share is None) == (cpus == 1)
    assert result.two_threads is None or result.two_threads > 0
    assert parts == sorted(parts)
    assert parts[-1] == 1.0


def test_nothing_runs_on_behind_a_measurement() -> None:
    before = threading.active_count()
    with ThreadPoolExecutor(max_workers=1) as executor:
        measure_python_progress(executor, "portable", 0.01)
    assert threading.active_count() == before
