"""What a hash power finds in a time, drawn from the true distribution instead of searched for.

A hash has z or more leading zero hex digits with probability 16^-z, so the best of n hashes has fewer than z
with probability (1 - 16^-z)^n.
"""

import hashlib
import math
from random import Random
from typing import Final

from kale.constants import HASH_BYTES

_DIGITS: Final = 2 * HASH_BYTES
_HASHES_A_MEGAHASH: Final = 1_000_000


def hashes_in(mhs: float, seconds: float) -> int:
    """How many hashes a power of `mhs` million hashes a second tries in a time; at least one."""
    return max(1, int(mhs * _HASHES_A_MEGAHASH * seconds))


def best_zeros(random: Random, hashes: int) -> int:
    """The most zeros among so many hashes.

    The smallest of n uniform numbers is 1 - u^(1/n); each 1/16 of it is one zero more.
    """
    smallest = -math.expm1(math.log1p(-random.random()) / hashes)
    if smallest <= 0:
        return _DIGITS
    return min(_DIGITS, int(-math.log(smallest, 16)))


def first_zeros(random: Random, least: int) -> int:
    """The zeros of the first hash that has at least `least`: it may have more by luck."""
    return min(_DIGITS, least + best_zeros(random, 1))


def hash_with(zeros: int, salt: bytes) -> bytes:
    """A hash with exactly so many zeros, the rest of it as random as `salt`."""
    digits = hashlib.sha256(salt).hexdigest()
    if zeros < _DIGITS:
        after = digits[zeros] if digits[zeros] != "0" else "1"
        digits = "0" * zeros + after + digits[zeros + 1 :]
    else:
        digits = "0" * _DIGITS
    return bytes.fromhex(digits)
