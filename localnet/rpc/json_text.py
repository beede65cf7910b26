"""Reading JSON text as strictly as Go's encoding/json does, with numbers as they were written."""

import json
from dataclasses import dataclass
from typing import Any, Final


class UnreadableJson(ValueError):
    """The bytes are no JSON, or nested too deep."""


@dataclass(frozen=True, slots=True)
class JsonNumber:
    """A number's text. What it is good for depends on who reads it; an id is echoed as it came."""

    text: str


def parse_json(body: bytes) -> object:
    """The decoded text: dict (the last of equal keys counts), list, str, bool, None and JsonNumber.

    Bytes that are no UTF-8 become U+FFFD inside of strings. Raises UnreadableJson.
    """
    try:
        decoded: object = _DECODER.decode(body.decode("utf-8", errors="replace"))
    except (ValueError, RecursionError) as error:
        raise UnreadableJson(str(error)) from error
    return decoded


def _refuse(constant: str) -> Any:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{constant} is no JSON")


_DECODER: Final = json.JSONDecoder(parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=_refuse)
