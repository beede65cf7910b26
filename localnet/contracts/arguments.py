"""A call's arguments, checked for number and type."""

from collections.abc import Callable, Sequence
from typing import Any

from stellar_sdk import scval, xdr

from kale.addresses import address_text
from kale.constants import HASH_BYTES
from localnet.soroban.contract_env import ContractEnv

Reader = Callable[[xdr.SCVal], Any]

boolean: Reader = scval.from_bool
i128: Reader = scval.from_int128
u32: Reader = scval.from_uint32
u64: Reader = scval.from_uint64


def address(value: xdr.SCVal) -> str:
    """A G… or C… address; ValueError for the kinds that hold no authority."""
    if value.address is None:
        raise ValueError(f"expected an address, got {value.type.name}")
    return address_text(value.address)


def hash32(value: xdr.SCVal) -> bytes:
    """Exactly 32 bytes."""
    content = scval.from_bytes(value)
    if len(content) != HASH_BYTES:
        raise ValueError(f"expected {HASH_BYTES} bytes, got {len(content)}")
    return content


def u32_vector(value: xdr.SCVal) -> tuple[int, ...]:
    return tuple(scval.from_uint32(item) for item in scval.from_vec(value))


def read_arguments(env: ContractEnv, args: Sequence[xdr.SCVal], *readers: Reader) -> tuple[Any, ...]:
    """The native values of `args`; raises the host's error if number or types are others."""
    if len(args) != len(readers):
        raise env.wrong_count()
    try:
        return tuple(reader(value) for reader, value in zip(readers, args, strict=True))
    except ValueError as error:
        raise env.wrong_type() from error
