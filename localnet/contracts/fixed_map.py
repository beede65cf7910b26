"""Maps that are always encoded alike: the same keys, and values of the same kinds and sizes.

Such an encoding is constant but for its numbers, so these are put into it, and read from it, by position:
ten times as fast as by a tree of values.
"""

from collections.abc import Sequence
from enum import Enum
from struct import Struct
from typing import Any, Final

from stellar_sdk import xdr

from localnet.ledger import value_wire, wire

_KIND: Final = xdr.SCValType
_HASH_BYTES: Final = 32
_INT128_BYTES: Final = 16


class FieldKind(Enum):
    """What a value is: what its encoding begins with, and the format of what changes."""

    UINT32 = (wire.int32(_KIND.SCV_U32), "I")
    UINT64 = (wire.int32(_KIND.SCV_U64), "Q")
    INT128 = (wire.int32(_KIND.SCV_I128), f"{_INT128_BYTES}s")
    HASH = (wire.int32(_KIND.SCV_BYTES) + wire.uint32(_HASH_BYTES), f"{_HASH_BYTES}s")
    VOID = (value_wire.VOID, "")


class FixedMap:
    """The encoding of a map with symbols as keys; `fields` are in the map's order.

    Values are ints, and bytes for hashes and 128-bit numbers (`int128_bytes`, `int128_of`); a void has none.
    """

    def __init__(self, fields: Sequence[tuple[str, FieldKind]]) -> None:
        format, constants = ">", []
        constant = wire.int32(_KIND.SCV_MAP) + wire.uint32(1) + wire.uint32(len(fields))
        for name, kind in fields:
            head, value_format = kind.value
            constant += value_wire.symbol(name.encode()) + head
            if value_format:
                format += f"{len(constant)}s{value_format}"
                constants.append(constant)
                constant = b""
        self._layout = Struct(f"{format}{len(constant)}s")
        self._constants = (*constants, constant)

    def __repr__(self) -> str:
        return f"FixedMap({len(self._constants) - 1} values in {self._layout.size} bytes)"

    def encode(self, *values: int | bytes) -> bytes:
        """XDR `SCVal`. Hashes must have their size."""
        parts: list[int | bytes] = [b""] * (2 * len(values) + 1)
        parts[::2] = self._constants
        parts[1::2] = values
        return self._layout.pack(*parts)

    def decode(self, encoded: bytes) -> tuple[Any, ...] | None:
        """The values in the order of the fields; None for an encoding of any other form."""
        if len(encoded) != self._layout.size:
            return None
        parts = self._layout.unpack(encoded)
        return parts[1::2] if parts[::2] == self._constants else None


def int128_bytes(number: int) -> bytes:
    return number.to_bytes(_INT128_BYTES, "big", signed=True)


def int128_of(content: bytes) -> int:
    return int.from_bytes(content, "big", signed=True)
