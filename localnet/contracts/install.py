"""The ledger entries of contracts as their deployment leaves them."""

from hashlib import sha256

from stellar_sdk import scval, xdr

from kale.addresses import account_key_bytes, address_value
from kale.farm import Farm
from kale.storage import encode_farm
from localnet.contracts.farm_rules import empty_farm_block
from localnet.contracts.registry import FARM_CODE, TRACTOR_CODE
from localnet.contracts.token import DECIMALS
from localnet.contracts.token_asset import NATIVE_NAME
from localnet.contracts.tractor import FARM as TRACTORS_FARM
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import code_key_bytes, contract_data_entry, instance_key_bytes
from localnet.soroban.invocation import LedgerInfo

_PERSISTENT = xdr.ContractDataDurability.PERSISTENT
_INSTANCE_KEY = xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE)


def new_farm(homesteader: str, asset_contract_id: str, timestamp: int, index: int = 0) -> Farm:
    """A farm as its constructor makes it: nothing collected, the first block opens 300 s later."""
    return Farm(homesteader, asset_contract_id, index, empty_farm_block(timestamp), paused=False)


def farm_entries(contract_id: str, farm: Farm, ledger: LedgerInfo) -> dict[bytes, StoredEntry]:
    """Instance and code of a farm. The constructor extends their life to the maximum.

    Like the constructor it writes no index of 0 and no pause flag that was never set.
    """
    written = [
        entry
        for entry in encode_farm(farm).sc_map
        if not (entry.key == _key("FarmIndex") and farm.index == 0)
        and not (entry.key == _key("FarmPaused") and not farm.paused)
    ]
    return _wasm_contract(contract_id, FARM_CODE, xdr.SCMap(written), ledger)


def tractor_entries(contract_id: str, farm_contract_id: str, ledger: LedgerInfo) -> dict[bytes, StoredEntry]:
    """Instance and code of a tractor, which knows its farm."""
    storage = xdr.SCMap(
        [xdr.SCMapEntry(key=scval.to_symbol(TRACTORS_FARM), val=address_value(farm_contract_id))]
    )
    return _wasm_contract(contract_id, TRACTOR_CODE, storage, ledger)


def _wasm_contract(
    contract_id: str, code: bytes, storage: xdr.SCMap, ledger: LedgerInfo
) -> dict[bytes, StoredEntry]:
    """Instance and code at the longest life."""
    code_hash = sha256(code).digest()
    executable = xdr.ContractExecutable(
        xdr.ContractExecutableType.CONTRACT_EXECUTABLE_WASM, wasm_hash=xdr.Hash(code_hash)
    )
    entry = xdr.LedgerEntryData(
        xdr.LedgerEntryType.CONTRACT_CODE,
        contract_code=xdr.ContractCodeEntry(
            ext=xdr.ContractCodeEntryExt(0), hash=xdr.Hash(code_hash), code=code
        ),
    )
    return {
        instance_key_bytes(contract_id): _instance(
            contract_id, executable, storage, ledger.sequence, ledger.max_live_until
        ),
        code_key_bytes(code_hash): StoredEntry(entry, ledger.sequence, ledger.max_live_until),
    }


def token_entries(
    contract_id: str, code: str, issuer: str, administrator: str, ledger: LedgerInfo
) -> dict[bytes, StoredEntry]:
    """The instance of a credit asset's contract; its administrator may mint."""
    width = 4 if len(code) <= 4 else 12
    info = {
        "asset_code": scval.to_string(code.encode().ljust(width, b"\0")),
        "issuer": scval.to_bytes(account_key_bytes(issuer)),
    }
    entries = [
        _metadata(f"{code}:{issuer}", code),
        xdr.SCMapEntry(key=_key("Admin"), val=address_value(administrator)),
        _asset(scval.to_symbol(f"AlphaNum{width}"), scval.to_struct(info)),
    ]
    return _asset_contract(contract_id, entries, ledger)


def native_token_entries(contract_id: str, ledger: LedgerInfo) -> dict[bytes, StoredEntry]:
    """The instance of the contract of XLM, which nobody administrates."""
    entries = [_metadata(NATIVE_NAME, NATIVE_NAME), _asset(scval.to_symbol("Native"))]
    return _asset_contract(contract_id, entries, ledger)


def _metadata(name: str, symbol: str) -> xdr.SCMapEntry:
    """A symbol as key: in the host's order it stands before the vectors."""
    fields = {
        "decimal": scval.to_uint32(DECIMALS),
        "name": scval.to_string(name),
        "symbol": scval.to_string(symbol),
    }
    return xdr.SCMapEntry(key=scval.to_symbol("METADATA"), val=scval.to_struct(fields))


def _asset(*parts: xdr.SCVal) -> xdr.SCMapEntry:
    return xdr.SCMapEntry(key=_key("AssetInfo"), val=scval.to_vec(parts))


def _asset_contract(
    contract_id: str, entries: list[xdr.SCMapEntry], ledger: LedgerInfo
) -> dict[bytes, StoredEntry]:
    executable = xdr.ContractExecutable(xdr.ContractExecutableType.CONTRACT_EXECUTABLE_STELLAR_ASSET)
    live_until = ledger.new_live_until(temporary=False)
    return {
        instance_key_bytes(contract_id): _instance(
            contract_id, executable, xdr.SCMap(entries), ledger.sequence, live_until
        )
    }


def _key(name: str) -> xdr.SCVal:
    return scval.to_vec([scval.to_symbol(name)])


def _instance(
    contract_id: str, executable: xdr.ContractExecutable, storage: xdr.SCMap, sequence: int, live_until: int
) -> StoredEntry:
    instance = xdr.SCContractInstance(executable=executable, storage=storage)
    value = xdr.SCVal(xdr.SCValType.SCV_CONTRACT_INSTANCE, instance=instance)
    return StoredEntry(
        contract_data_entry(contract_id, _INSTANCE_KEY, _PERSISTENT, value), sequence, live_until
    )
