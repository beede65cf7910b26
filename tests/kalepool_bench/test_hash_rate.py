"""Real slices, but short ones; the figures themselves are this machine's."""

import pytest

from kalepool_bench.figures import Paired
from kalepool_bench.hash_rate import HashRate, measure_hash_rates, speed_ups, summarise
from kalepool_bench.workload import SearchLoad, make_search, yardstick_mperms
from miner_ext import isas
from miner_ext.scheduling import usable_cpus

SLICE_WALL_SECONDS = 0.005


def test_every_case_is_measured_in_the_order_that_was_asked_for() -> None:
    cases = [(isa, threads) for isa in isas() for threads in (1, min(2, len(usable_cpus())))]
    parts: list[float] = []
    measured = measure_hash_rates(cases, 0.02, parts.append, SLICE_WALL_SECONDS)
    assert [(rate.isa, rate.threads) for rate in measured.rates] == cases
    for rate in measured.rates:
        assert rate.mhs > 0
        assert rate.yardstick_mperms > 0
        assert rate.ratio > 0
        assert rate.mhs == pytest.approx(rate.mhs_per_core * rate.threads, abs=0.001)
    assert measured.cpu_share > 0
    assert parts == sorted(parts)
    assert parts[-1] == 1.0


def test_a_single_round_s_ratio_is_the_quotient_of_its_figures() -> None:
    (rate,) = measure_hash_rates([("portable", 1)], 1e-9, lambda part: None, SLICE_WALL_SECONDS).rates
    assert rate.ratio == pytest.approx(rate.mhs_per_core / rate.yardstick_mperms, rel=0.01)


def test_a_summary_is_made_of_medians() -> None:
    pairs = [Paired(10.0, 4.0, 6.0), Paired(6.0, 2.0, 2.0), Paired(0.5, 5.0, 5.0)]
    assert summarise("avx2", 2, pairs) == HashRate(
        isa="avx2", threads=2, mhs=12.0, mhs_per_core=6.0, yardstick_mperms=5.0, ratio=2.0
    )


def test_two_threads_are_compared_where_both_were_measured() -> None:
    def rate(isa: str, threads: int, mhs: float) -> HashRate:
        return HashRate(isa, threads, mhs, mhs / threads, 1.0, mhs / threads)

    rates = [rate("avx2", 1, 10.0), rate("avx2", 2, 19.0), rate("avx2", 4, 30.0), rate("portable", 1, 4.0)]
    assert speed_ups(rates) == {"avx2": 1.9}
    assert speed_ups([rate("avx2", 2, 19.0)]) == {}


def test_the_yardstick_has_a_speed() -> None:
    assert yardstick_mperms(1e-9) > 0


@pytest.mark.parametrize("isa", isas())
def test_a_load_knows_its_speed_and_what_it_got_of_the_cpu(isa: str) -> None:
    load = SearchLoad(isa, 1, SLICE_WALL_SECONDS)
    assert load.cpu_share == 1.0
    load.calibrate()
    assert load.run_slice() > 0
    assert 0 < load.cpu_share < 2
    assert f"SearchLoad {isa} threads=1" in repr(load)


def test_the_search_that_is_measured_finds_what_every_other_kernel_finds() -> None:
    found = {make_search(isa, 1, 5, 50_000).run() for isa in isas()}
    assert len(found) == 1
