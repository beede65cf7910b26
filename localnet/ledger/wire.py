"""XDR by joining: the encoding of a structure is the encodings of its fields, one after the other.

Results and metas repeat entries, keys and events that are encoded already, so they are joined here instead of
being rebuilt from objects and encoded a second time; every plant round trip pays for that difference.
"""

from binascii import b2a_base64
from collections.abc import Iterable
from struct import Struct

_UINT32 = Struct(">I")
_INT32 = Struct(">i")
_UINT64 = Struct(">Q")
_INT64 = Struct(">q")

_PRESENT = _UINT32.pack(1)
ABSENT = _UINT32.pack(0)
"""An optional that is not there; also an empty array and the `ext` of version 0."""


def uint32(value: int) -> bytes:
    return _UINT32.pack(value)


def int32(value: int) -> bytes:
    return _INT32.pack(value)


def uint64(value: int) -> bytes:
    return _UINT64.pack(value)


def int64(value: int) -> bytes:
    return _INT64.pack(value)


def array(items: Iterable[bytes]) -> bytes:
    """A variable array of encoded items."""
    listed = items if isinstance(items, (list, tuple)) else list(items)
    return _UINT32.pack(len(listed)) + b"".join(listed)


def present(encoded: bytes) -> bytes:
    """An optional that is there."""
    return _PRESENT + encoded


def opaque(content: bytes) -> bytes:
    """Variable opaque content or text, padded to a multiple of four bytes."""
    return _UINT32.pack(len(content)) + content + b"\x00" * (-len(content) % 4)


def base64_text(encoded: bytes) -> str:
    return b2a_base64(encoded, newline=False).decode("ascii")
