"""Numbers in texts, read and written as Go does, with its errors."""

import re
from typing import Final

_SIGNED: Final = re.compile(r"[+-]?[0-9]+")
_UNSIGNED: Final = re.compile(r"[0-9]+")
_LONGEST_DIGITS: Final = 20


def parse_int64(text: str) -> int:
    """A signed decimal number of 64 bits. Raises ValueError with Go's text."""
    return _parse(text, "ParseInt", _SIGNED, -(2**63), 2**63)


def parse_uint32(text: str) -> int:
    """An unsigned decimal number of 32 bits. Raises ValueError with Go's text."""
    return _parse(text, "ParseUint", _UNSIGNED, 0, 2**32)


def _parse(text: str, function: str, form: re.Pattern[str], least: int, end: int) -> int:
    if form.fullmatch(text) is None:
        raise ValueError(f"strconv.{function}: parsing {quoted(text)}: invalid syntax")
    digits = text.lstrip("+-").lstrip("0")
    number = int(text) if len(digits) <= _LONGEST_DIGITS else end
    if not least <= number < end:
        raise ValueError(f"strconv.{function}: parsing {quoted(text)}: value out of range")
    return number


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def go_duration(seconds: int) -> str:
    """A duration as Go prints it: 35s, 1m5s, 2h0m0s."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
