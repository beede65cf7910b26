"""LedgerKey XDR of contract entries, put together from parts that repeat."""

from functools import lru_cache

from stellar_sdk import xdr

from kale.addresses import address_text, sc_address
from kale.storage import instance_key
from localnet.ledger import wire
from localnet.ledger.accounts import account_key, public_key, trustline_key
from localnet.ledger.value_wire import account_address, address, binary, encode_address, encode_value

_Durability = xdr.ContractDataDurability
_CONTRACT_DATA = wire.int32(xdr.LedgerEntryType.CONTRACT_DATA)
_TEMPORARY = wire.int32(_Durability.TEMPORARY)
_PERSISTENT = wire.int32(_Durability.PERSISTENT)


@lru_cache(maxsize=4_096)
def _data_of(owner: str) -> bytes:
    """What the keys of all data entries of an address begin with."""
    return _CONTRACT_DATA + encode_address(sc_address(owner))


@lru_cache(maxsize=1_024)
def instance_key_bytes(contract_id: str) -> bytes:
    """The key of a contract's instance."""
    return instance_key(contract_id).to_xdr_bytes()


@lru_cache(maxsize=1_024)
def code_key_bytes(wasm_hash: bytes) -> bytes:
    """The key of a contract code entry."""
    return xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_CODE, contract_code=xdr.LedgerKeyContractCode(xdr.Hash(wasm_hash))
    ).to_xdr_bytes()


def key_bytes(key: xdr.LedgerKey) -> bytes:
    """Any key."""
    data, account, line = key.contract_data, key.account, key.trust_line
    if data is not None:
        return (
            _CONTRACT_DATA
            + encode_address(data.contract)
            + encode_value(data.key)
            + wire.int32(data.durability)
        )
    if account is not None:
        return account_key(public_key(account.account_id))
    if line is not None:
        return trustline_key(public_key(line.account_id), line.asset)
    return key.to_xdr_bytes()


def data_key_bytes(owner: str, key: xdr.SCVal, durability: xdr.ContractDataDurability) -> bytes:
    """The key of a data entry."""
    return value_key_bytes(owner, encode_value(key), durability)


def value_key_bytes(owner: str, key: bytes, durability: xdr.ContractDataDurability) -> bytes:
    """The same from the encoded value of its key: four fields one after the other."""
    return _data_of(owner) + key + (_TEMPORARY if durability is _Durability.TEMPORARY else _PERSISTENT)


def contract_data_entry(
    owner: str, key: xdr.SCVal, durability: xdr.ContractDataDurability, value: xdr.SCVal
) -> xdr.LedgerEntryData:
    """A data entry of a contract (or, for a nonce, of an account)."""
    return xdr.LedgerEntryData(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.ContractDataEntry(
            ext=xdr.ExtensionPoint(0), contract=sc_address(owner), key=key, durability=durability, val=value
        ),
    )


def key_values(key: bytes) -> list[bytes]:
    """What an error says about a key: whose it is, and which; encoded values."""
    ledger_key = xdr.LedgerKey.from_xdr_bytes(key)
    data, code = ledger_key.contract_data, ledger_key.contract_code
    if data is not None:
        return [address(address_text(data.contract)), encode_value(data.key)]
    if code is not None:
        return [binary(code.hash.hash)]
    holder = ledger_key.account or ledger_key.trust_line
    return [] if holder is None else [account_address(public_key(holder.account_id))]
