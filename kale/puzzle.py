"""The puzzle a farmer solves: a nonce whose Keccak-256 begins with many zeros."""

from struct import Struct
from typing import Final

from kale.addresses import account_key_bytes, contract_hash
from kale.constants import ENTROPY_BYTES, U32_MAX, U64_MAX

#: index u32 BE ‖ nonce u64 BE ‖ entropy (32) ‖ farmer key (32): one Keccak-f call.
_MESSAGE: Final = Struct(">IQ32s32s")

MESSAGE_BYTES: Final = _MESSAGE.size
INDEX_OFFSET: Final = 0
NONCE_OFFSET: Final = 4
ENTROPY_OFFSET: Final = 12
FARMER_KEY_OFFSET: Final = 44
FARMER_KEY_BYTES: Final = 32


def farmer_key(address: str) -> bytes:
    """The last 32 bytes of the address's XDR: a G address's key, a C address's contract hash.

    ValueError for anything that is neither.
    """
    if address.startswith("G"):
        return account_key_bytes(address)
    if address.startswith("C"):
        return contract_hash(address)
    raise ValueError(f"farmer is {address!r}, must be a G… or C… address")


def message(index: int, entropy: bytes, farmer_key: bytes, nonce: int) -> bytes:
    """The 76 bytes that are hashed; ValueError names a value out of its range."""
    for name, value, limit in (("index", index, U32_MAX), ("nonce", nonce, U64_MAX)):
        if not 0 <= value <= limit:
            raise ValueError(f"{name} is {value}, must be 0 to {limit}")
    for name, content, size in (
        ("entropy", entropy, ENTROPY_BYTES),
        ("farmer_key", farmer_key, FARMER_KEY_BYTES),
    ):
        if len(content) != size:
            raise ValueError(f"{name} has {len(content)} bytes, must have {size}")
    return _MESSAGE.pack(index, nonce, entropy, farmer_key)


def leading_zeros(hash: bytes) -> int:
    """Leading zero hex digits of a hash, the `zeros` of a work."""
    digits = hash.hex()
    return len(digits) - len(digits.lstrip("0"))
