"""The ledger's order of its keys."""

from functools import lru_cache
from typing import Any, Final

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.key_kinds import is_data_key
from localnet.ledger.wire_reader import MAX_DEPTH, WireReader
from localnet.soroban.values import value_order

_KIND: Final = xdr.SCValType
_KEY_TYPE_BYTES: Final = 4
_DURABILITY_BYTES: Final = 4
#: The encoded addresses of contracts and accounts, by what they begin with.
_ADDRESS_BYTES: Final = {
    wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_CONTRACT): 36,
    wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_ACCOUNT): 40,
}


@lru_cache(maxsize=1_024)
def key_order(key: bytes) -> tuple[Any, ...]:
    """A sort key for LedgerKey XDR in the ledger's order: by type, then field by field."""
    kind = key[:_KEY_TYPE_BYTES]
    if not is_data_key(key):
        # Accounts, trustlines and code are of fixed size: their XDR sorts like their fields.
        return (kind, key)
    reader = WireReader(key)
    reader.position = _KEY_TYPE_BYTES
    return (kind, _address(reader), _value_order(reader), key[-_DURABILITY_BYTES:])


def _value_order(reader: WireReader) -> tuple[Any, ...]:
    """`value_order` of the next value, for most keys without the value itself."""
    start = reader.position
    kind = reader.int32()
    if kind == _KIND.SCV_SYMBOL:
        return (kind, reader.opaque())
    if kind == _KIND.SCV_U32:
        return (kind, reader.uint32())
    if kind == _KIND.SCV_ADDRESS:
        return (kind, _address(reader))
    if kind == _KIND.SCV_VEC and reader.flag():
        return (kind, tuple([_value_order(reader) for _ in range(reader.uint32())]))
    reader.position = start
    return value_order(reader.value(MAX_DEPTH))


def _address(reader: WireReader) -> bytes:
    start = reader.position
    size = _ADDRESS_BYTES.get(reader.raw[start : start + 4])
    if size is None:
        reader.by_sdk(xdr.SCAddress, MAX_DEPTH)
    else:
        reader.position = start + size
    return reader.raw[start : reader.position]
