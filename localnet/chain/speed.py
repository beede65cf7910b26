"""How fast chain time runs: chain seconds a wall second, or as fast as a driver goes."""

import math
from typing import Final

MAX_SPEED: Final = 1_000.0

#: No clock at all: a ledger closes each time a driver returns its ticket.
DRIVEN: Final = math.inf
_DRIVEN_TEXT: Final = "max"


def check_speed(speed: float) -> float:
    """A speed of the clock, itself. Raises ValueError if it is none."""
    if not 0 < speed <= MAX_SPEED:
        raise ValueError(
            f"speed is {speed:g}, must be above 0 and at most {MAX_SPEED:g}, or {_DRIVEN_TEXT} with a driver"
        )
    return speed


def parse_speed(text: str) -> float:
    """A speed as people write it: a number or `max`. Raises ValueError."""
    if text == _DRIVEN_TEXT:
        return DRIVEN
    try:
        speed = float(text)
    except ValueError:
        raise ValueError(f"speed is '{text}', must be a number or {_DRIVEN_TEXT}") from None
    return check_speed(speed)


def speed_json(speed: float) -> float | str:
    """The speed in an answer."""
    return _DRIVEN_TEXT if speed == DRIVEN else speed
