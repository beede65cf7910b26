"""From samples to the figures that are reported: medians, because one disturbed sample must not count."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Paired:
    """A sample, and the reference as it was just before and just after it, in whatever units."""

    value: float
    before: float
    after: float

    @property
    def reference(self) -> float:
        return (self.before + self.after) / 2

    @property
    def ratio(self) -> float:
        """A machine that gets slower or faster for a while changes both sides alike."""
        return self.value / self.reference


def median(values: Iterable[float]) -> float:
    """ValueError without values."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that `percent` of all do not exceed (nearest rank); ValueError without values."""
    if not values:
        raise ValueError("a percentile needs at least one value, got 0")
    if not 0 <= percent <= 100:
        raise ValueError(f"percent must be from 0 to 100, got {percent}")
    rank = max(1, math.ceil(len(values) * percent / 100))
    return sorted(values)[rank - 1]


def pair_alternating(references: Sequence[float], values: Sequence[float]) -> list[Paired]:
    """Pair samples that were taken in turn, reference first and last: r v r v r."""
    if len(references) != len(values) + 1:
        raise ValueError(f"{len(values)} values need {len(values) + 1} references, got {len(references)}")
    return [Paired(value, references[at], references[at + 1]) for at, value in enumerate(values)]


def median_ratio(pairs: Iterable[Paired]) -> float:
    return median(pair.ratio for pair in pairs)


def growth_percent(first: float, last: float) -> float:
    """Below 0 if it shrank."""
    return (last - first) / first * 100
