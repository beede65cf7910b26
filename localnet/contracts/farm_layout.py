"""The farm's keys, blocks and pails as encoded values.

`kale.storage` says what they are; what it builds from values, these join, and read by position. What has
another form than the farm writes is left to it.
"""

from functools import lru_cache
from typing import Final

from stellar_sdk import xdr

from kale import storage
from kale.farm import Block, Pail
from localnet.contracts.fixed_map import FieldKind, FixedMap, int128_bytes, int128_of
from localnet.ledger import value_wire, wire

_BLOCK_KEY: Final = (
    wire.int32(xdr.SCValType.SCV_VEC) + wire.uint32(1) + wire.uint32(2) + value_wire.symbol(b"Block")
)
_PAIL_KEY: Final = (
    wire.int32(xdr.SCValType.SCV_VEC) + wire.uint32(1) + wire.uint32(3) + value_wire.symbol(b"Pail")
)

_BLOCK: Final = FixedMap(
    [
        ("entropy", FieldKind.HASH),
        ("max_gap", FieldKind.UINT32),
        ("max_stake", FieldKind.INT128),
        ("max_zeros", FieldKind.UINT32),
        ("min_gap", FieldKind.UINT32),
        ("min_stake", FieldKind.INT128),
        ("min_zeros", FieldKind.UINT32),
        ("normalized_total", FieldKind.INT128),
        ("staked_total", FieldKind.INT128),
        ("timestamp", FieldKind.UINT64),
    ]
)
_FRESH_PAIL: Final = FixedMap(
    [
        ("gap", FieldKind.VOID),
        ("sequence", FieldKind.UINT32),
        ("stake", FieldKind.INT128),
        ("zeros", FieldKind.VOID),
    ]
)
_WORKED_PAIL: Final = FixedMap(
    [
        ("gap", FieldKind.UINT32),
        ("sequence", FieldKind.UINT32),
        ("stake", FieldKind.INT128),
        ("zeros", FieldKind.UINT32),
    ]
)


@lru_cache(maxsize=64)
def block_data_key(index: int) -> bytes:
    return _BLOCK_KEY + value_wire.uint32(index)


def pail_data_key(farmer: str, index: int) -> bytes:
    return _PAIL_KEY + value_wire.address(farmer) + value_wire.uint32(index)


def encode_block(block: Block) -> bytes:
    return _BLOCK.encode(
        block.entropy,
        block.max_gap,
        int128_bytes(block.max_stake),
        block.max_zeros,
        block.min_gap,
        int128_bytes(block.min_stake),
        block.min_zeros,
        int128_bytes(block.normalized_total),
        int128_bytes(block.staked_total),
        block.timestamp,
    )


@lru_cache(maxsize=64)
def decode_block(value: bytes) -> Block:
    """StorageDecodeError if it is none.

    Remembered: all calls that are simulated on one ledger read the same.
    """
    fields = _BLOCK.decode(value)
    if fields is None:
        return storage.decode_block(xdr.SCVal.from_xdr_bytes(value))
    entropy, max_gap, max_stake, max_zeros, min_gap, min_stake, min_zeros, normalized, staked, timestamp = (
        fields
    )
    return Block(
        entropy,
        max_gap,
        int128_of(max_stake),
        max_zeros,
        min_gap,
        int128_of(min_stake),
        min_zeros,
        int128_of(normalized),
        int128_of(staked),
        timestamp,
    )


def encode_pail(pail: Pail) -> bytes:
    stake = int128_bytes(pail.stake)
    if pail.gap is None or pail.zeros is None:
        return _FRESH_PAIL.encode(pail.sequence, stake)
    return _WORKED_PAIL.encode(pail.gap, pail.sequence, stake, pail.zeros)


def decode_pail(value: bytes) -> Pail:
    """StorageDecodeError if it is none."""
    fresh = _FRESH_PAIL.decode(value)
    if fresh is not None:
        sequence, stake = fresh
        return Pail(sequence, int128_of(stake))
    worked = _WORKED_PAIL.decode(value)
    if worked is None:
        return storage.decode_pail(xdr.SCVal.from_xdr_bytes(value))
    gap, sequence, stake, zeros = worked
    return Pail(sequence, int128_of(stake), gap, zeros)
