"""Random structures of any XDR type: the SDK's decoders, fed with choices instead of bytes."""

import sys
from collections.abc import Sequence
from enum import IntEnum
from random import Random
from typing import Protocol, Self, TypeVar

from stellar_sdk import xdr
from xdrlib3 import Unpacker

#: How many choices a structure may take; after that all lists are empty.
BUDGET = 150
#: Extensions, whose versions a decoder may not know, make some structures fail: those are made again.
ATTEMPTS = 200

NUMBERS = (0, 1, 2, 7, 99, 100, 1_000, 10_000_000, 50_000_000, 2**31 - 1, 2**31, 2**32 - 1)
AMOUNTS = (1, 10, 1_000, 10_000_000, 50_000_000)
BIG_NUMBERS = (*NUMBERS, 10**9, 10**12, 2**62, 2**63 - 1)
#: Decoders compare lengths with what is left of the bytes.
_LONG_BUFFER = bytes(1_000_000)
SYMBOLS = (
    b"plant",
    b"work",
    b"harvest",
    b"transfer",
    b"balance",
    b"mint",
    b"__check_auth",
    b"Block",
    b"Pail",
)


class Structure(Protocol):
    """One of the SDK's XDR classes."""

    @classmethod
    def unpack(cls, unpacker: Unpacker) -> Self: ...


T = TypeVar("T", bound=Structure)


class RandomStructures:
    """Makes structures; 32 bytes are mostly a key, a hash or a contract that somebody knows."""

    def __init__(self, randomness: Random, known: Sequence[bytes]) -> None:
        self._randomness = randomness
        self._known = known

    def make(self, kind: type[T], member: IntEnum | None = None) -> T:
        """A structure that can be encoded; `member` is what its first enumeration of that kind must be."""
        for _ in range(ATTEMPTS):
            try:
                return kind.unpack(_Choices(self._randomness, self._known, member))
            except ValueError:
                continue
        raise AssertionError(f"no {kind.__name__} in {ATTEMPTS} attempts")


class _Choices(Unpacker):
    """Answers the decoder's questions by chance; whoever asks is known from the caller's frame."""

    def __init__(self, randomness: Random, known: Sequence[bytes], member: IntEnum | None) -> None:
        super().__init__(_LONG_BUFFER)
        self._randomness = randomness
        self._known = known
        self._member = member
        self._left = BUDGET

    def unpack_int(self) -> int:
        frame = sys._getframe(1)
        asking = frame.f_locals.get("cls")
        if isinstance(asking, type) and issubclass(asking, IntEnum):
            return self._chosen(asking)
        if frame.f_back is not None and frame.f_back.f_locals.get("cls") is xdr.Int32:
            return self._randomness.choice((-(2**31), -1, 0, 1, 2**31 - 1))
        return self._randomness.choices((0, 1, 2, 3), (80, 16, 2, 2))[0]

    def unpack_uint(self) -> int:
        frame = sys._getframe(1)
        self._left -= 1
        asking = frame.f_code.co_qualname
        if asking == "UnsignedInteger.unpack":
            return self._randomness.choice((*NUMBERS, self._randomness.getrandbits(32)))
        if self._left < 0:
            return 0
        longest = frame.f_locals.get("max_size", frame.f_locals.get("size"))
        if longest is not None:
            return min(int(longest), self._randomness.choice((0, 1, 4, 5, 12, 28, 32, 64)))
        return self._randomness.choices((0, 1, 2, 3), (40, 40, 15, 5))[0]

    def unpack_bool(self) -> bool:
        return self._randomness.random() < 0.5

    def unpack_uhyper(self) -> int:
        return self._randomness.choice((*BIG_NUMBERS, 2**63, 2**64 - 1, self._randomness.getrandbits(64)))

    def unpack_hyper(self) -> int:
        amounts = AMOUNTS if self._randomness.random() < 0.7 else BIG_NUMBERS
        number = self._randomness.choice(amounts)
        return -number if self._randomness.random() < 0.1 else number

    def unpack_fopaque(self, n: int) -> bytes:
        if n == 32 and self._known and self._randomness.random() < 0.9:
            return self._randomness.choice(self._known)
        if n == 4 and self._randomness.random() < 0.8:
            return b"KALE"
        fitting = [text for text in SYMBOLS if len(text) == n]
        if fitting and self._randomness.random() < 0.5:
            return self._randomness.choice(fitting)
        if self._randomness.random() < 0.5:
            return bytes(self._randomness.choice(b"abzAZ09_") for _ in range(n))
        return self._randomness.randbytes(n)

    def _chosen(self, kind: type[IntEnum]) -> int:
        if isinstance(self._member, kind):
            member, self._member = self._member, None
            return int(member)
        if self._left < 0 and kind is xdr.SCValType:
            return int(xdr.SCValType.SCV_U32)
        return int(self._randomness.choice(list(kind)))
