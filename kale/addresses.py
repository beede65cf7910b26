"""Addresses between their text (G…, C…) and their XDR, remembered.

A pool sees the same few addresses all the time and the conversion (base 32, checksum) is
slow. The XDR objects are shared: they are not to be changed.
"""

from functools import lru_cache
from typing import Final

from stellar_sdk import StrKey, xdr

_REMEMBERED: Final = 65_536

_TEXT_LENGTH: Final = 56
_VERSION_BYTES: Final = 1
_CHECKSUM_BITS: Final = 16
#: The digits of strkeys (RFC 4648), and those of Python.
_PYTHON_DIGITS: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdefghijklmnopqrstuv")


@lru_cache(maxsize=_REMEMBERED)
def sc_address(address: str) -> xdr.SCAddress:
    """The XDR of an account's or a contract's address; ValueError for other text."""
    if address.startswith("G"):
        return xdr.SCAddress(xdr.SCAddressType.SC_ADDRESS_TYPE_ACCOUNT, account_id=account_id(address))
    if address.startswith("C"):
        contract_id = xdr.ContractID(xdr.Hash(contract_hash(address)))
        return xdr.SCAddress(xdr.SCAddressType.SC_ADDRESS_TYPE_CONTRACT, contract_id=contract_id)
    raise ValueError(f"address is {address!r}, must be a G… or C… address")


@lru_cache(maxsize=_REMEMBERED)
def address_value(address: str) -> xdr.SCVal:
    """The address as a contract value."""
    return xdr.SCVal(xdr.SCValType.SCV_ADDRESS, address=sc_address(address))


@lru_cache(maxsize=_REMEMBERED)
def account_id(address: str) -> xdr.AccountID:
    """The XDR of a G address; ValueError for other text."""
    key = xdr.Uint256(account_key_bytes(address))
    return xdr.AccountID(xdr.PublicKey(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519, ed25519=key))


@lru_cache(maxsize=_REMEMBERED)
def account_key_bytes(address: str) -> bytes:
    """The ed25519 key of a G address; ValueError for other text."""
    key = _content(address)
    if key is not None and account_text(key) == address:
        return key
    return StrKey.decode_ed25519_public_key(address)


@lru_cache(maxsize=_REMEMBERED)
def contract_hash(contract_id: str) -> bytes:
    """The 32 bytes of a C address; ValueError for other text."""
    content = _content(contract_id)
    if content is not None and contract_text(content) == contract_id:
        return content
    return StrKey.decode_contract(contract_id)


@lru_cache(maxsize=_REMEMBERED)
def account_text(key: bytes) -> str:
    """The G address of an ed25519 key."""
    return StrKey.encode_ed25519_public_key(key)


@lru_cache(maxsize=_REMEMBERED)
def contract_text(contract_hash: bytes) -> str:
    """The C address of a contract's 32 bytes."""
    return StrKey.encode_contract(contract_hash)


def address_text(address: xdr.SCAddress) -> str:
    """G… or C…; ValueError for the kinds of address that hold no authority."""
    if address.contract_id is not None:
        return contract_text(address.contract_id.contract_id.hash)
    if address.account_id is not None:
        key = address.account_id.account_id.ed25519
        if key is not None:
            return account_text(key.uint256)
    raise ValueError(f"address is a {address.type.name}, must be an account or a contract")


def _content(address: str) -> bytes | None:
    """The 32 bytes between version and checksum; None for text that has no such.

    Neither is checked: an address is sound if its 32 bytes are written like it. Python reads base 32 with
    other digits, and much faster than the SDK, whose errors are for all other text.
    """
    if len(address) != _TEXT_LENGTH:
        return None
    try:
        number = int(address.translate(_PYTHON_DIGITS), 32) >> _CHECKSUM_BITS
        return number.to_bytes(_VERSION_BYTES + 32, "big")[_VERSION_BYTES:]
    except (ValueError, OverflowError):  # no digits; a sign
        return None
