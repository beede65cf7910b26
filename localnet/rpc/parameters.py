"""The shapes of parameters, read as Go's encoding/json reads them into stellar-rpc's request structures.

What is absent or null is left out or empty; unknown names are ignored; names fit in any case of letters. The
first value of a wrong type is refused with Go's own words in `data`.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from localnet.lazy import lazy
from localnet.rpc.json_text import JsonNumber
from localnet.rpc.jsonrpc import INVALID_PARAMS, Method, Result, RpcError

_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_LINE_ENDS: Final = str.maketrans("", "", "\r\n")

Params = Mapping[str, Any]
"""A request's parameters by name, each of the type that its shape says."""


def invalid(message: str, data: str | None = None) -> RpcError:
    return RpcError(INVALID_PARAMS, message, data)


def invalid_value(text: str) -> RpcError:
    """A parameter that has the right JSON type, but cannot be read."""
    return invalid("invalid parameters", text)


@dataclass
class _Reading:
    """One request while it is read: the first wrong type is remembered, reading goes on."""

    mismatch: str | None = None

    def wrong(self, value: object, place: "_Place", wanted: str, *, as_number: bool = False) -> None:
        if self.mismatch is None:
            self.mismatch = (
                f"json: cannot unmarshal {_kind(value, as_number)} into Go {place} of type {wanted}"
            )


@dataclass(frozen=True)
class _Place:
    """Where a value stands: the innermost structure and the path from the outermost."""

    structure: str = ""
    path: str = ""

    def __str__(self) -> str:
        return f"struct field {self.structure}.{self.path}" if self.path else "value"

    def of(self, structure: str, name: str) -> "_Place":
        return _Place(structure, f"{self.path}.{name}" if self.path else name)


class Shape(Protocol):
    """What a value must look like."""

    def empty(self) -> Any:
        """What a null in a list counts as."""

    def read(self, value: object, place: _Place, reading: _Reading) -> Any:
        """The value; None and a remembered mismatch if it is of a wrong type."""


class _Text:
    def empty(self) -> str:
        return ""

    def read(self, value: object, place: _Place, reading: _Reading) -> str | None:
        if isinstance(value, str):
            return value
        reading.wrong(value, place, "string")
        return None


class _Flag:
    def empty(self) -> bool:
        return False

    def read(self, value: object, place: _Place, reading: _Reading) -> bool | None:
        if isinstance(value, bool):
            return value
        reading.wrong(value, place, "bool")
        return None


@dataclass(frozen=True)
class Unsigned:
    """A whole number below 2^bits, without fraction and exponent."""

    bits: int
    go_type: str

    def empty(self) -> int:
        return 0

    def read(self, value: object, place: _Place, reading: _Reading) -> int | None:
        if isinstance(value, JsonNumber) and _DIGITS.fullmatch(value.text):
            number = int(value.text)
            if number < 2**self.bits:
                return number
        reading.wrong(value, place, self.go_type, as_number=True)
        return None


@dataclass(frozen=True)
class Many:
    """A list of values of one shape."""

    item: Shape
    go_type: str

    def empty(self) -> list[Any]:
        return []

    def read(self, value: object, place: _Place, reading: _Reading) -> list[Any] | None:
        if not isinstance(value, list):
            reading.wrong(value, place, self.go_type)
            return None
        return [self.item.empty() if item is None else self.item.read(item, place, reading) for item in value]


@dataclass(frozen=True)
class Parsed:
    """A text that is parsed while the request is read; `parse` raises RpcError."""

    parse: Callable[[str], Any]

    def empty(self) -> Any:
        return self.parse("")

    def read(self, value: object, place: _Place, reading: _Reading) -> Any:
        if not isinstance(value, str):
            # Go's custom decoders end the reading at once.
            reading.wrong(value, place, "string")
            raise invalid_value(reading.mismatch or "")
        return self.parse(value)


@dataclass(frozen=True)
class Structure:
    """An object with fields."""

    go_name: str
    fields: Mapping[str, Shape] = field(default_factory=dict)

    def empty(self) -> Params:
        return {}

    def read(self, value: object, place: _Place, reading: _Reading) -> Params | None:
        if not isinstance(value, dict):
            reading.wrong(value, place, f"protocol.{self.go_name}")
            return None
        found: dict[str, Any] = {}
        for given, content in value.items():
            name = given if given in self.fields else self._folded.get(given.casefold())
            if name is None or content is None:
                continue
            read = self.fields[name].read(content, place.of(self.go_name, name), reading)
            if read is not None:
                found[name] = read
        return found

    @lazy
    def _folded(self) -> Mapping[str, str]:
        return {name.casefold(): name for name in self.fields}


TEXT: Final = _Text()
FLAG: Final = _Flag()
UINT32: Final = Unsigned(32, "uint32")
UINT64: Final = Unsigned(64, "uint64")
UINT: Final = Unsigned(64, "uint")
TEXTS: Final = Many(TEXT, "[]string")


def method(shape: Structure, serve: Callable[[Params], Result], *, takes_list: bool = False) -> Method:
    """A method that reads its parameters first; `takes_list`: from a list too, in the fields' order."""

    def read_and_serve(given: object) -> Result:
        if given is None:
            return serve({})
        if takes_list and isinstance(given, list):
            if len(given) != len(shape.fields):
                counts = f"got {len(given)} parameters, want {len(shape.fields)}"
                raise invalid_value(f"[{INVALID_PARAMS}] {counts}")
            given = dict(zip(shape.fields, given, strict=True))
        reading = _Reading()
        params = shape.read(given, _Place(), reading)
        if params is None or reading.mismatch is not None:
            raise invalid_value(reading.mismatch or "")
        return serve(params)

    return read_and_serve


def decode_base64(text: str) -> bytes:
    """Standard base64 with padding, broken into lines or not; ValueError otherwise."""
    try:
        return base64.b64decode(
            text.translate(_LINE_ENDS) if "\n" in text or "\r" in text else text, validate=True
        )
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"invalid base64: {error}") from error


def _kind(value: object, as_number: bool) -> str:
    if isinstance(value, JsonNumber):
        return f"number {value.text}" if as_number else "number"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
