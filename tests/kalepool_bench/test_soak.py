import random
import threading

import pytest

from kalepool_bench.soak import Holding, SoakResult, soak
from kalepool_bench.soak_searches import DirectSearches, HasherSearches
from miner_ext import isas

SEED = 20261122


@pytest.mark.parametrize("isa", isas())
def test_direct_searches_end_in_every_way_as_they_must(isa: str) -> None:
    before = threading.active_count()
    with DirectSearches(random.Random(SEED)) as direct:
        assert sum(direct.play(isa) for _ in range(20)) == 100
    assert threading.active_count() == before


def test_the_hasher_s_searches_begin_and_none_is_left() -> None:
    before = threading.active_count()
    with HasherSearches(random.Random(SEED)) as hasher:
        running = threading.active_count()
        for _ in range(5):
            assert hasher.play() >= 4
            hasher.restart()
            assert threading.active_count() == running
    assert threading.active_count() == before


def test_a_soak_reads_what_the_process_holds_early_and_at_the_end() -> None:
    parts: list[float] = []
    result = soak(isas(), 2_000, parts.append)
    assert 1_000 <= result.first.searches < 1_100
    assert 2_000 <= result.last.searches < 2_100
    assert result.first.rss_bytes > 0
    assert result.first.threads == result.last.threads > 1
    assert result.seconds > 0
    assert parts == sorted(parts)
    assert parts[-1] == 1.0


@pytest.mark.parametrize(
    ("rss_bytes", "threads", "passed"),
    [
        (1_000, 5, True),
        (1_010, 5, True),
        (1_011, 5, False),
        (500, 5, True),
        (1_000, 6, False),
        (1_000, 4, False),
    ],
)
def test_memory_may_shrink_and_threads_may_not_change(rss_bytes: int, threads: int, passed: bool) -> None:
    result = SoakResult(Holding(1_000, 1_000, 5), Holding(9_000, rss_bytes, threads), 1.0)
    assert result.passed is passed
    assert result.as_json() == {
        "first": {"searches": 1_000, "rss_bytes": 1_000, "threads": 5},
        "last": {"searches": 9_000, "rss_bytes": rss_bytes, "threads": threads},
        "seconds": 1.0,
        "rss_growth_percent": (rss_bytes - 1_000) / 10,
        "threads_growth_percent": (threads - 5) * 20.0,
        "passed": passed,
    }
