"""What the options of `kalepool bench` mean, and which values are refused."""

from collections.abc import Iterable, Sequence
from typing import Final

LEAST_WALL_SECONDS: Final = 0.1
MOST_WALL_SECONDS: Final = 600.0
LEAST_SEARCHES: Final = 2_000
MOST_SEARCHES: Final = 100_000_000


class BadChoice(Exception):
    """An option that cannot be; the text names it, its limit and the value."""


def choose_isas(texts: Sequence[str] | None, usable: Sequence[str]) -> tuple[str, ...]:
    """Names, each alone or in a list with commas; without any, all of `usable`."""
    names = _items(texts)
    for name in names:
        if name not in usable:
            raise BadChoice(f"--isa must be one of {', '.join(usable)}, got {name!r}")
    return names or tuple(usable)


def choose_threads(texts: Sequence[str] | None, cpus: int) -> tuple[int, ...]:
    """Counts, each alone or in a list with commas; without any, 1, 2, 4 … and `cpus`.

    More threads than CPUs are refused: they would tell nothing about a core.
    """
    counts = []
    for text in _items(texts):
        if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= cpus):
            raise BadChoice(f"--threads must be from 1 to {cpus} (usable CPUs), got {text!r}")
        counts.append(int(text))
    return tuple(dict.fromkeys(counts)) or default_threads(cpus)


def default_threads(cpus: int) -> tuple[int, ...]:
    powers = [1 << exponent for exponent in range(cpus.bit_length())]
    return tuple(dict.fromkeys([*powers, cpus]))


def choose_seconds(seconds: float) -> float:
    if not LEAST_WALL_SECONDS <= seconds <= MOST_WALL_SECONDS:  # NaN is refused as well
        raise BadChoice(
            f"--seconds must be from {LEAST_WALL_SECONDS:g} to {MOST_WALL_SECONDS:g}, got {seconds:g}"
        )
    return seconds


def choose_searches(searches: int) -> int:
    if not LEAST_SEARCHES <= searches <= MOST_SEARCHES:
        raise BadChoice(f"--searches must be from {LEAST_SEARCHES} to {MOST_SEARCHES}, got {searches}")
    return searches


def _items(texts: Iterable[str] | None) -> tuple[str, ...]:
    """Each once, in the order in which they were given."""
    return tuple(dict.fromkeys(item.strip() for text in texts or () for item in text.split(",")))
