"""`kalepool bench hash`: hashes a second, beside a yardstick measured in the same run.

Machines are shared, and their speed changes from second to second. So everything is measured in turn, in
slices of 0.1 s: yardstick, first case, yardstick, second case, … and again from the first case, until the
time is spent. Each slice of a search is paired with the two slices of the yardstick around it, and all that
is reported is a median: of the hash rates, of the yardsticks beside them, and of the ratios pair by pair.
No search runs beside the yardstick. The first round is not counted.

A machine with fewer free CPUs than threads shows in no ratio, since the yardstick needs only one. So the
share of the CPU time that the searches could have had is reported as well.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kalepool_bench.figures import Paired, median, median_ratio
from kalepool_bench.workload import SLICE_WALL_SECONDS, SearchLoad, yardstick_mperms

Case = tuple[str, int]
"""An instruction set and a number of threads."""


@dataclass(frozen=True)
class HashRate:
    """One object of `--json`. mhs: million hashes a second; ratio: of mhs_per_core to the yardstick."""

    isa: str
    threads: int
    mhs: float
    mhs_per_core: float
    yardstick_mperms: float
    ratio: float


@dataclass(frozen=True)
class HashRates:
    """cpu_share: of the CPU time that the threads of a case could have had, for the case that got least."""

    rates: tuple[HashRate, ...]
    cpu_share: float


def measure_hash_rates(
    cases: Sequence[Case],
    seconds: float,
    on_progress: Callable[[float], None],
    slice_wall_seconds: float = SLICE_WALL_SECONDS,
) -> HashRates:
    """At least one round of all cases, and rounds until `seconds` a case are spent."""
    loads = [SearchLoad(isa, threads, slice_wall_seconds) for isa, threads in cases]
    for load in loads:
        load.calibrate()
    _run_round(loads, slice_wall_seconds)
    rounds: list[list[Paired]] = []
    wanted, spent = seconds * len(cases), 0.0
    started = time.monotonic()
    while not rounds or spent < wanted:
        rounds.append(_run_round(loads, slice_wall_seconds))
        spent = time.monotonic() - started
        on_progress(min(1.0, spent / wanted))
    rates = [
        summarise(load.isa, load.threads, pairs)
        for load, pairs in zip(loads, zip(*rounds, strict=True), strict=True)
    ]
    return HashRates(tuple(rates), min(load.cpu_share for load in loads))


def _run_round(loads: Iterable[SearchLoad], slice_wall_seconds: float) -> list[Paired]:
    """Each load's million hashes a second a core, between two yardsticks."""
    pairs = []
    before = yardstick_mperms(slice_wall_seconds)
    for load in loads:
        mhs_per_core = load.run_slice() / load.threads
        after = yardstick_mperms(slice_wall_seconds)
        pairs.append(Paired(mhs_per_core, before, after))
        before = after
    return pairs


def summarise(isa: str, threads: int, pairs: Sequence[Paired]) -> HashRate:
    """pairs: million hashes a second a core, between two yardsticks."""
    mhs_per_core = median(pair.value for pair in pairs)
    return HashRate(
        isa=isa,
        threads=threads,
        mhs=round(mhs_per_core * threads, 4),
        mhs_per_core=round(mhs_per_core, 4),
        yardstick_mperms=round(median(pair.reference for pair in pairs), 4),
        ratio=round(median_ratio(pairs), 4),
    )


def speed_ups(rates: Iterable[HashRate]) -> dict[str, float]:
    """By instruction set, how much faster two threads are than one, where both were measured."""
    mhs = {(rate.isa, rate.threads): rate.mhs for rate in rates}
    return {isa: mhs[isa, 2] / one for (isa, threads), one in mhs.items() if threads == 1 and (isa, 2) in mhs}
