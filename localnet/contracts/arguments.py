"""A call's arguments, checked for number and type. Values are encoded SCVals."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Final

from stellar_sdk import xdr

from kale.addresses import account_text, contract_text
from kale.constants import HASH_BYTES
from localnet.ledger import wire
from localnet.soroban.contract_env import ContractEnv

Reader = Callable[[bytes], Any]

_KIND: Final = xdr.SCValType
_BOOL: Final = wire.int32(_KIND.SCV_BOOL)
_U32: Final = wire.int32(_KIND.SCV_U32)
_U64: Final = wire.int32(_KIND.SCV_U64)
_I128: Final = wire.int32(_KIND.SCV_I128)
_ERROR: Final = wire.int32(_KIND.SCV_ERROR)
_HASH: Final = wire.int32(_KIND.SCV_BYTES) + wire.uint32(HASH_BYTES)
_ADDRESS: Final = wire.int32(_KIND.SCV_ADDRESS)
_ACCOUNT: Final = (
    _ADDRESS
    + wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_ACCOUNT)
    + wire.int32(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519)
)
_CONTRACT: Final = _ADDRESS + wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_CONTRACT)
_VECTOR: Final = wire.int32(_KIND.SCV_VEC) + wire.int32(1)
_VECTOR_HEAD_BYTES: Final = len(_VECTOR) + 4
_MUXED: Final = _ADDRESS + wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_MUXED_ACCOUNT)

_UINT32: Final = Struct(">4xI")
_UINT64: Final = Struct(">4xQ")
_INT128: Final = Struct(">4xqQ")


def boolean(value: bytes) -> bool:
    return _number(value, _BOOL, _UINT32) == 1


def u32(value: bytes) -> int:
    return _number(value, _U32, _UINT32)


def u64(value: bytes) -> int:
    return _number(value, _U64, _UINT64)


def i128(value: bytes) -> int:
    _require_kind(value, _I128)
    high, low = _INT128.unpack(value)
    number: int = high << 64 | low
    return number


@lru_cache(maxsize=65_536)
def address(value: bytes) -> str:
    """A G… or C… address; ValueError for the kinds that hold no authority."""
    if value.startswith(_ACCOUNT):
        return account_text(value[len(_ACCOUNT) :])
    _require_kind(value, _CONTRACT)
    return contract_text(value[len(_CONTRACT) :])


def muxed_account(value: bytes) -> tuple[str, int] | None:
    """The G… address and the id of a multiplexed account; None for anything else."""
    if not value.startswith(_MUXED):
        return None
    muxed = xdr.SCAddress.from_xdr_bytes(value[len(_ADDRESS) :]).muxed_account
    assert muxed is not None
    return account_text(muxed.ed25519.uint256), muxed.id.uint64


def hash32(value: bytes) -> bytes:
    """Exactly 32 bytes."""
    _require_kind(value, _HASH)
    return value[len(_HASH) :]


def u32_vector(value: bytes) -> tuple[int, ...]:
    """Numbers have one size: an item of another kind is found where it begins."""
    _require_kind(value, _VECTOR)
    items = value[_VECTOR_HEAD_BYTES:]
    return tuple([u32(items[start : start + _UINT32.size]) for start in range(0, len(items), _UINT32.size)])


def is_error(value: bytes) -> bool:
    """Whether it is what a call that was tried left when it failed."""
    return value.startswith(_ERROR)


def read_arguments(env: ContractEnv, args: Sequence[bytes], *readers: Reader) -> tuple[Any, ...]:
    """The native values of `args`; raises the host's error if number or types are others."""
    if len(args) != len(readers):
        raise env.wrong_count()
    try:
        return tuple([reader(value) for reader, value in zip(readers, args, strict=True)])
    except ValueError as error:
        raise env.wrong_type() from error


def _number(value: bytes, kind: bytes, layout: Struct) -> int:
    _require_kind(value, kind)
    number: int = layout.unpack(value)[0]
    return number


def _require_kind(value: bytes, kind: bytes) -> None:
    """What begins as one kind of value is one, and has its size."""
    if not value.startswith(kind):
        raise ValueError(f"expected {kind.hex()}, got {value[: len(kind)].hex()}")
