"""SCVal XDR by joining, for the kinds of values that KALE's traffic is made of.

Every plant round trip encodes some hundred values, and most of its time would go to the SDK's encoder. What
this one does not know it leaves to the SDK; both give the same bytes.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final

from stellar_sdk import xdr

from kale.addresses import account_key_bytes, contract_hash
from localnet.ledger import wire

_KIND: Final = xdr.SCValType
_UINT32_VALUE: Final = Struct(">iI")
_INT64_VALUE: Final = Struct(">iq")
_UINT64_VALUE: Final = Struct(">iQ")
_INT128_VALUE: Final = Struct(">iqQ")

_SYMBOL: Final = wire.int32(_KIND.SCV_SYMBOL)
_STRING: Final = wire.int32(_KIND.SCV_STRING)
_BYTES: Final = wire.int32(_KIND.SCV_BYTES)
_VEC: Final = wire.int32(_KIND.SCV_VEC)
_MAP: Final = wire.int32(_KIND.SCV_MAP)
_ADDRESS: Final = wire.int32(_KIND.SCV_ADDRESS)
_INSTANCE: Final = wire.int32(_KIND.SCV_CONTRACT_INSTANCE)
_ERROR: Final = wire.int32(_KIND.SCV_ERROR)
_NONCE: Final = wire.int32(_KIND.SCV_LEDGER_KEY_NONCE)
_ACCOUNT_ADDRESS: Final = wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_ACCOUNT) + wire.int32(
    xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519
)
_CONTRACT_ADDRESS: Final = wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_CONTRACT)

VOID: Final = wire.int32(_KIND.SCV_VOID)


def encode_value(value: xdr.SCVal) -> bytes:
    """XDR `SCVal` of any kind."""
    return _ENCODERS[value.type](value)


def encode_address(address: xdr.SCAddress) -> bytes:
    """XDR `SCAddress` of any kind."""
    if address.contract_id is not None:
        return _CONTRACT_ADDRESS + address.contract_id.contract_id.hash
    if address.account_id is not None:
        key = address.account_id.account_id.ed25519
        assert key is not None
        return _ACCOUNT_ADDRESS + key.uint256
    return address.to_xdr_bytes()


@lru_cache(maxsize=1_024)
def symbol(text: bytes) -> bytes:
    return _SYMBOL + wire.opaque(text)


@lru_cache(maxsize=1_024)
def string(text: bytes) -> bytes:
    return _STRING + wire.opaque(text)


def binary(content: bytes) -> bytes:
    return _BYTES + wire.opaque(content)


def uint32(number: int) -> bytes:
    return _UINT32_VALUE.pack(_KIND.SCV_U32, number)


def uint64(number: int) -> bytes:
    return _UINT64_VALUE.pack(_KIND.SCV_U64, number)


def int64(number: int) -> bytes:
    return _INT64_VALUE.pack(_KIND.SCV_I64, number)


def int128(number: int) -> bytes:
    return _INT128_VALUE.pack(_KIND.SCV_I128, number >> 64, number & (2**64 - 1))


def boolean(value: bool) -> bytes:
    return _UINT32_VALUE.pack(_KIND.SCV_BOOL, value)


def account_address(public_key: bytes) -> bytes:
    return _ADDRESS + _ACCOUNT_ADDRESS + public_key


@lru_cache(maxsize=65_536)
def address(text: str) -> bytes:
    """A G… or C… address; ValueError for other text."""
    if text.startswith("G"):
        return account_address(account_key_bytes(text))
    return _ADDRESS + _CONTRACT_ADDRESS + contract_hash(text)


def nonce(number: int) -> bytes:
    """The key of a nonce that an address has used."""
    return _NONCE + wire.int64(number)


def error(value: xdr.SCError) -> bytes:
    return _ERROR + value.to_xdr_bytes()


def vector(items: Sequence[bytes]) -> bytes:
    return _VEC + wire.present(wire.array(items))


def mapping(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A map of encoded keys to encoded values, in the order given."""
    return _MAP + wire.present(wire.array(key + value for key, value in entries))


def _kind_alone(value: xdr.SCVal) -> bytes:
    return wire.int32(value.type)


def _bool(value: xdr.SCVal) -> bytes:
    return boolean(bool(value.b))


def _uint32(value: xdr.SCVal) -> bytes:
    assert value.u32 is not None
    return uint32(value.u32.uint32)


def _uint64(value: xdr.SCVal) -> bytes:
    assert value.u64 is not None
    return uint64(value.u64.uint64)


def _int128(value: xdr.SCVal) -> bytes:
    assert value.i128 is not None
    return _INT128_VALUE.pack(_KIND.SCV_I128, value.i128.hi.int64, value.i128.lo.uint64)


def _bytes(value: xdr.SCVal) -> bytes:
    assert value.bytes is not None
    return binary(value.bytes.sc_bytes)


def _string(value: xdr.SCVal) -> bytes:
    assert value.str is not None
    return string(value.str.sc_string)


def _symbol(value: xdr.SCVal) -> bytes:
    assert value.sym is not None
    return symbol(value.sym.sc_symbol)


def _vec(value: xdr.SCVal) -> bytes:
    if value.vec is None:
        return _VEC + wire.ABSENT
    return _VEC + wire.present(wire.array(map(encode_value, value.vec.sc_vec)))


def _map(value: xdr.SCVal) -> bytes:
    return _MAP + _optional_map(value.map)


def _address(value: xdr.SCVal) -> bytes:
    assert value.address is not None
    return _ADDRESS + encode_address(value.address)


def _instance(value: xdr.SCVal) -> bytes:
    assert value.instance is not None
    return _INSTANCE + value.instance.executable.to_xdr_bytes() + _optional_map(value.instance.storage)


def _optional_map(content: xdr.SCMap | None) -> bytes:
    if content is None:
        return wire.ABSENT
    entries = content.sc_map
    return wire.present(wire.array(encode_value(entry.key) + encode_value(entry.val) for entry in entries))


_KNOWN: Final[dict[xdr.SCValType, Callable[[xdr.SCVal], bytes]]] = {
    _KIND.SCV_BOOL: _bool,
    _KIND.SCV_VOID: _kind_alone,
    _KIND.SCV_U32: _uint32,
    _KIND.SCV_U64: _uint64,
    _KIND.SCV_I128: _int128,
    _KIND.SCV_BYTES: _bytes,
    _KIND.SCV_STRING: _string,
    _KIND.SCV_SYMBOL: _symbol,
    _KIND.SCV_VEC: _vec,
    _KIND.SCV_MAP: _map,
    _KIND.SCV_ADDRESS: _address,
    _KIND.SCV_CONTRACT_INSTANCE: _instance,
    _KIND.SCV_LEDGER_KEY_CONTRACT_INSTANCE: _kind_alone,
}
# By the number of the kind: an enum's own hash is slow, and this is asked for every value.
_ENCODERS: Final = [_KNOWN.get(kind, xdr.SCVal.to_xdr_bytes) for kind in sorted(_KIND)]
