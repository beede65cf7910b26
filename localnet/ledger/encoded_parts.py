"""Encoded keys and values cut out of a larger encoding, without objects: most are passed on or compared."""

from struct import Struct
from typing import Final

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.wire_reader import WireReader

MAX_SYMBOL_BYTES: Final = 32

_KIND: Final = xdr.SCValType
_UINT32: Final = Struct(">I")

_ED25519: Final = wire.int32(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519)
_CONTRACT_DATA: Final = wire.int32(xdr.LedgerEntryType.CONTRACT_DATA)
_CONTRACT_CODE: Final = wire.int32(xdr.LedgerEntryType.CONTRACT_CODE)
_ACCOUNT: Final = wire.int32(xdr.LedgerEntryType.ACCOUNT) + _ED25519
_TRUSTLINE: Final = wire.int32(xdr.LedgerEntryType.TRUSTLINE) + _ED25519
_ALPHANUM4: Final = wire.int32(xdr.AssetType.ASSET_TYPE_CREDIT_ALPHANUM4)
_DURABILITIES: Final = frozenset(map(wire.int32, xdr.ContractDataDurability))
_CONTRACT_ADDRESS: Final = wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_CONTRACT)
_ACCOUNT_ADDRESS: Final = wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_ACCOUNT) + _ED25519
_ADDRESS: Final = wire.int32(_KIND.SCV_ADDRESS)
_SYMBOL: Final = wire.int32(_KIND.SCV_SYMBOL)
_BYTES: Final = wire.int32(_KIND.SCV_BYTES)
_VEC_THAT_IS_THERE: Final = wire.int32(_KIND.SCV_VEC) + wire.int32(1)

#: With their kinds.
_VALUE_BYTES: Final = {
    wire.int32(kind): size
    for kind, size in {
        _KIND.SCV_VOID: 4,
        _KIND.SCV_LEDGER_KEY_CONTRACT_INSTANCE: 4,
        _KIND.SCV_U32: 8,
        _KIND.SCV_U64: 12,
        _KIND.SCV_I128: 20,
    }.items()
}
_CODE_KEY_BYTES: Final = 36
_ACCOUNT_KEY_BYTES: Final = 40
_LINE_ASSET_AT: Final = 40
_LINE_ISSUER_AT: Final = 48
_LINE_KEY_BYTES: Final = 84
_UNKNOWN: Final = 0


def read_encoded_key(reader: WireReader, depth: int) -> bytes:
    """The bytes of the `LedgerKey` that is next; raises what `WireReader.ledger_key` does.

    That one is asked about all keys but those of contracts' traffic, and about broken ones.
    """
    start = reader.position
    end = _end_of_key(reader.raw, start)
    if _UNKNOWN < end <= len(reader.raw):
        reader.position = end
    else:
        reader.ledger_key(depth)
    return reader.raw[start : reader.position]


def read_encoded_value(reader: WireReader, depth: int) -> bytes:
    """The bytes of the `SCVal` that is next, in the same way."""
    start = reader.position
    end = _end_of_value(reader.raw, start)
    if _UNKNOWN < end <= len(reader.raw):
        reader.position = end
    else:
        reader.value(depth)
    return reader.raw[start : reader.position]


def _end_of_key(raw: bytes, start: int) -> int:
    """Where a key ends if it is complete; _UNKNOWN for those that are not known here."""
    kind = raw[start : start + 4]
    if kind == _CONTRACT_DATA:
        address_end = _end_of_address(raw, start + 4)
        value_end = _end_of_value(raw, address_end) if address_end else _UNKNOWN
        is_sound = value_end and raw[value_end : value_end + 4] in _DURABILITIES
        return value_end + 4 if is_sound else _UNKNOWN
    if kind == _CONTRACT_CODE:
        return start + _CODE_KEY_BYTES
    if raw.startswith(_ACCOUNT, start):
        return start + _ACCOUNT_KEY_BYTES
    is_line = (
        raw.startswith(_TRUSTLINE, start)
        and raw.startswith(_ALPHANUM4, start + _LINE_ASSET_AT)
        and raw.startswith(_ED25519, start + _LINE_ISSUER_AT)
    )
    return start + _LINE_KEY_BYTES if is_line else _UNKNOWN


def _end_of_address(raw: bytes, start: int) -> int:
    if raw.startswith(_CONTRACT_ADDRESS, start):
        return start + len(_CONTRACT_ADDRESS) + 32
    if raw.startswith(_ACCOUNT_ADDRESS, start):
        return start + len(_ACCOUNT_ADDRESS) + 32
    return _UNKNOWN


def _end_of_value(raw: bytes, start: int) -> int:
    """The end of a value that is no vec, or of a vec of such values."""
    if not raw.startswith(_VEC_THAT_IS_THERE, start):
        return _end_of_item(raw, start)
    items_at = start + len(_VEC_THAT_IS_THERE) + 4
    if items_at > len(raw):
        return _UNKNOWN
    end = items_at
    for _ in range(_UINT32.unpack_from(raw, items_at - 4)[0]):
        end = _end_of_item(raw, end)
        if end == _UNKNOWN:
            return _UNKNOWN
    return end


def _end_of_item(raw: bytes, start: int) -> int:
    kind = raw[start : start + 4]
    size = _VALUE_BYTES.get(kind)
    if size is not None:
        return start + size
    if kind == _ADDRESS:
        return _end_of_address(raw, start + 4)
    if kind not in (_SYMBOL, _BYTES) or start + 8 > len(raw):
        return _UNKNOWN
    length: int = _UINT32.unpack_from(raw, start + 4)[0]
    end = start + 8 + length + -length % 4
    is_sound = not any(raw[start + 8 + length : end]) and (kind == _BYTES or length <= MAX_SYMBOL_BYTES)
    return end if is_sound else _UNKNOWN
