"""Whole ledger entries from and to XDR, and the key that an entry has."""

from collections.abc import Callable, Mapping
from typing import Final

from stellar_sdk import xdr
from xdrlib3 import Error as XdrError
from xdrlib3 import Unpacker

from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import key_bytes

_Type = xdr.LedgerEntryType


class EntryDecodeError(ValueError):
    """The bytes are no ledger entry, or one of a type that the local chain does not keep."""


def decode_ledger_entry(raw: bytes, live_until: int | None) -> StoredEntry:
    """A stored entry from its XDR `LedgerEntry`. Raises EntryDecodeError."""
    try:
        unpacker = Unpacker(raw)
        last_modified = unpacker.unpack_uint()
        data = xdr.LedgerEntryData.unpack(unpacker)
        extension_start = unpacker.get_position()
        xdr.LedgerEntryExt.unpack(unpacker)
        unpacker.done()
    except (ValueError, EOFError, XdrError) as error:
        raise EntryDecodeError(str(error) or type(error).__name__) from error
    return StoredEntry(data, last_modified, live_until, raw[extension_start:])


def key_of(data: xdr.LedgerEntryData) -> bytes:
    """The XDR of the `LedgerKey` under which an entry lies. Raises EntryDecodeError for those without one."""
    make = _KEYS.get(data.type)
    if make is None:
        raise EntryDecodeError(f"entries of type {data.type.name} are not kept")
    return key_bytes(make(data))


def _account(data: xdr.LedgerEntryData) -> xdr.LedgerKey:
    assert data.account is not None
    return xdr.LedgerKey(_Type.ACCOUNT, account=xdr.LedgerKeyAccount(data.account.account_id))


def _trustline(data: xdr.LedgerEntryData) -> xdr.LedgerKey:
    line = data.trust_line
    assert line is not None
    return xdr.LedgerKey(_Type.TRUSTLINE, trust_line=xdr.LedgerKeyTrustLine(line.account_id, line.asset))


def _offer(data: xdr.LedgerEntryData) -> xdr.LedgerKey:
    offer = data.offer
    assert offer is not None
    return xdr.LedgerKey(_Type.OFFER, offer=xdr.LedgerKeyOffer(offer.seller_id, offer.offer_id))


def _data(data: xdr.LedgerEntryData) -> xdr.LedgerKey:
    entry = data.data
    assert entry is not None
    return xdr.LedgerKey(_Type.DATA, data=xdr.LedgerKeyData(entry.account_id, entry.data_name))


def _claimable_balance(data: xdr.LedgerEntryData) -> xdr.LedgerKey:
    balance = data.claimable_balance
    assert balance is not None
    return xdr.LedgerKey(
        _Type.CLAIMABLE_BALANCE, claimable_balance=xdr.LedgerKeyClaimableBalance(balance.balance_id)
    )


def _contract_data(data: xdr.LedgerEntryData) -> xdr.LedgerKey:
    entry = data.contract_data
    assert entry is not None
    key = xdr.LedgerKeyContractData(entry.contract, entry.key, entry.durability)
    return xdr.LedgerKey(_Type.CONTRACT_DATA, contract_data=key)


def _contract_code(data: xdr.LedgerEntryData) -> xdr.LedgerKey:
    code = data.contract_code
    assert code is not None
    return xdr.LedgerKey(_Type.CONTRACT_CODE, contract_code=xdr.LedgerKeyContractCode(code.hash))


_KEYS: Final[Mapping[xdr.LedgerEntryType, Callable[[xdr.LedgerEntryData], xdr.LedgerKey]]] = {
    _Type.ACCOUNT: _account,
    _Type.TRUSTLINE: _trustline,
    _Type.OFFER: _offer,
    _Type.DATA: _data,
    _Type.CLAIMABLE_BALANCE: _claimable_balance,
    _Type.CONTRACT_DATA: _contract_data,
    _Type.CONTRACT_CODE: _contract_code,
}
