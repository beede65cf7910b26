"""What kind of entry a LedgerKey (XDR) is of."""

from typing import Final

from stellar_sdk import xdr

from localnet.ledger import wire

_CONTRACT_DATA: Final = wire.int32(xdr.LedgerEntryType.CONTRACT_DATA)
_CONTRACT_CODE: Final = wire.int32(xdr.LedgerEntryType.CONTRACT_CODE)
_CLASSIC: Final = frozenset(
    {wire.int32(xdr.LedgerEntryType.ACCOUNT), wire.int32(xdr.LedgerEntryType.TRUSTLINE)}
)
_TEMPORARY: Final = wire.int32(xdr.ContractDataDurability.TEMPORARY)


def is_classic_key(key: bytes) -> bool:
    """Whether it is an account's or a trustline's: those are read from disk."""
    return key[:4] in _CLASSIC


def is_data_key(key: bytes) -> bool:
    """Whether it is of contract data."""
    return key[:4] == _CONTRACT_DATA


def has_lifetime(key: bytes) -> bool:
    """Whether its entries expire: contract data and code do."""
    return key[:4] in (_CONTRACT_DATA, _CONTRACT_CODE)


def is_temporary(key: bytes) -> bool:
    """Whether it is of a temporary entry: durability is its last field."""
    return key[:4] == _CONTRACT_DATA and key[-4:] == _TEMPORARY
