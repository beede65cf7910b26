"""The farm's and the asset's ledger entries: keys, and values to and from SCVal.

Source: the contract's storage types. Keys are `Vec[Symbol(name), …]`, structs are maps
with symbol keys in alphabetical order, an absent option is Void.
"""

from collections.abc import Mapping
from functools import lru_cache

from stellar_sdk import Asset, scval
from stellar_sdk import xdr as stellar_xdr

from kale.addresses import account_id, address_text, address_value, sc_address
from kale.constants import U64_MAX
from kale.farm import Block, Farm, Pail

_TEMPORARY = stellar_xdr.ContractDataDurability.TEMPORARY
_PERSISTENT = stellar_xdr.ContractDataDurability.PERSISTENT


class StorageDecodeError(ValueError):
    """A value read from the chain is not shaped as the contract writes it."""


# Keys


def contract_data_key(
    contract_id: str, key: stellar_xdr.SCVal, durability: stellar_xdr.ContractDataDurability
) -> stellar_xdr.LedgerKey:
    """The key of any entry of a contract's storage."""
    return stellar_xdr.LedgerKey(
        type=stellar_xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=stellar_xdr.LedgerKeyContractData(
            contract=sc_address(contract_id), key=key, durability=durability
        ),
    )


def instance_key(contract_id: str) -> stellar_xdr.LedgerKey:
    """The key of a contract's instance (its executable and its instance storage)."""
    return contract_data_key(
        contract_id,
        stellar_xdr.SCVal(stellar_xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE),
        _PERSISTENT,
    )


def farm_instance_key(contract_id: str) -> stellar_xdr.LedgerKey:
    """The key of the entry that holds the `Farm`."""
    return instance_key(contract_id)


def block_data_key(index: int) -> stellar_xdr.SCVal:
    """`Block(index)` inside the farm's temporary storage."""
    return scval.to_vec([_symbol("Block"), scval.to_uint32(index)])


def pail_data_key(farmer: str, index: int) -> stellar_xdr.SCVal:
    """`Pail(farmer, index)` inside the farm's temporary storage."""
    return scval.to_vec([_symbol("Pail"), address_value(farmer), scval.to_uint32(index)])


def block_key(contract_id: str, index: int) -> stellar_xdr.LedgerKey:
    """The key of a block's temporary entry."""
    return contract_data_key(contract_id, block_data_key(index), _TEMPORARY)


def pail_key(contract_id: str, farmer: str, index: int) -> stellar_xdr.LedgerKey:
    """The key of a pail's temporary entry."""
    return contract_data_key(contract_id, pail_data_key(farmer, index), _TEMPORARY)


def account_key(address: str) -> stellar_xdr.LedgerKey:
    """The key of a G address's account entry."""
    return stellar_xdr.LedgerKey(
        type=stellar_xdr.LedgerEntryType.ACCOUNT,
        account=stellar_xdr.LedgerKeyAccount(account_id(address)),
    )


@lru_cache(maxsize=65_536)
def trustline_key(code: str, issuer: str, holder: str) -> stellar_xdr.LedgerKey:
    """The key of the trustline in which a G address holds an asset; shared, not to be changed."""
    return stellar_xdr.LedgerKey(
        type=stellar_xdr.LedgerEntryType.TRUSTLINE,
        trust_line=stellar_xdr.LedgerKeyTrustLine(
            account_id=account_id(holder), asset=_trustline_asset(code, issuer)
        ),
    )


@lru_cache(maxsize=64)
def _trustline_asset(code: str, issuer: str) -> stellar_xdr.TrustLineAsset:
    return Asset(code, issuer).to_trust_line_asset_xdr_object()


def token_balance_data_key(holder: str) -> stellar_xdr.SCVal:
    """`Balance(holder)` inside the asset contract's persistent storage."""
    return scval.to_vec([scval.to_symbol("Balance"), address_value(holder)])


def token_balance_key(asset_contract_id: str, holder: str) -> stellar_xdr.LedgerKey:
    """The key of the entry in which the asset contract keeps a C address's balance."""
    return contract_data_key(asset_contract_id, token_balance_data_key(holder), _PERSISTENT)


def holding_key(asset_contract_id: str, code: str, issuer: str, holder: str) -> stellar_xdr.LedgerKey:
    """Where a holder's balance lives: trustline of a G address, contract data of a C address."""
    if holder.startswith("C"):
        return token_balance_key(asset_contract_id, holder)
    return trustline_key(code, issuer, holder)


# Values


def encode_block(block: Block) -> stellar_xdr.SCVal:
    """The block as the contract stores it."""
    return _encode_struct(
        {
            "entropy": scval.to_bytes(block.entropy),
            "max_gap": scval.to_uint32(block.max_gap),
            "max_stake": _int128(block.max_stake),
            "max_zeros": scval.to_uint32(block.max_zeros),
            "min_gap": scval.to_uint32(block.min_gap),
            "min_stake": _int128(block.min_stake),
            "min_zeros": scval.to_uint32(block.min_zeros),
            "normalized_total": _int128(block.normalized_total),
            "staked_total": _int128(block.staked_total),
            "timestamp": scval.to_uint64(block.timestamp),
        }
    )


def decode_block(value: stellar_xdr.SCVal) -> Block:
    """The block in a stored value; StorageDecodeError if it is none."""
    fields = _decode_struct(value)
    try:
        return Block(
            entropy=scval.from_bytes(fields["entropy"]),
            max_gap=scval.from_uint32(fields["max_gap"]),
            max_stake=scval.from_int128(fields["max_stake"]),
            max_zeros=scval.from_uint32(fields["max_zeros"]),
            min_gap=scval.from_uint32(fields["min_gap"]),
            min_stake=scval.from_int128(fields["min_stake"]),
            min_zeros=scval.from_uint32(fields["min_zeros"]),
            normalized_total=scval.from_int128(fields["normalized_total"]),
            staked_total=scval.from_int128(fields["staked_total"]),
            timestamp=scval.from_uint64(fields["timestamp"]),
        )
    except (KeyError, ValueError) as error:
        raise StorageDecodeError(f"not a block: {error}") from error


def decode_pail(value: stellar_xdr.SCVal) -> Pail:
    """The pail in a stored value; StorageDecodeError if it is none."""
    fields = _decode_struct(value)
    try:
        return Pail(
            sequence=scval.from_uint32(fields["sequence"]),
            stake=scval.from_int128(fields["stake"]),
            gap=_decode_optional_u32(fields["gap"]),
            zeros=_decode_optional_u32(fields["zeros"]),
        )
    except (KeyError, ValueError) as error:
        raise StorageDecodeError(f"not a pail: {error}") from error


def encode_farm(farm: Farm) -> stellar_xdr.SCMap:
    """The instance storage of a farm, its keys in the ledger's order."""
    return instance_storage(
        {
            "FarmBlock": encode_block(farm.block),
            "FarmIndex": scval.to_uint32(farm.index),
            "FarmPaused": scval.to_bool(farm.paused),
            "HomesteadAsset": address_value(farm.asset_contract_id),
            "Homesteader": address_value(farm.homesteader),
        }
    )


def decode_farm(value: stellar_xdr.SCVal) -> Farm:
    """The farm in the value of its instance entry; StorageDecodeError if it is none.

    An index or pause flag that was never written is 0 or False, as in the contract.
    """
    if value.instance is None:
        raise StorageDecodeError(f"not a farm: expected a contract instance, got {value.type.name}")
    fields = instance_fields(value.instance.storage)
    try:
        return Farm(
            homesteader=_address(fields["Homesteader"]),
            asset_contract_id=_address(fields["HomesteadAsset"]),
            index=scval.from_uint32(fields["FarmIndex"]) if "FarmIndex" in fields else 0,
            block=decode_block(fields["FarmBlock"]),
            paused=scval.from_bool(fields["FarmPaused"]) if "FarmPaused" in fields else False,
        )
    except StorageDecodeError:
        raise
    except (KeyError, ValueError) as error:
        raise StorageDecodeError(f"not a farm: {error}") from error


def instance_storage(fields: Mapping[str, stellar_xdr.SCVal]) -> stellar_xdr.SCMap:
    """An instance storage map with keys `Vec[Symbol(name)]`, sorted as the host sorts them."""
    return stellar_xdr.SCMap(
        [
            stellar_xdr.SCMapEntry(key=scval.to_vec([scval.to_symbol(name)]), val=fields[name])
            for name in sorted(fields)
        ]
    )


def instance_fields(storage: stellar_xdr.SCMap | None) -> dict[str, stellar_xdr.SCVal]:
    """The other way round; entries whose key has another shape are left out."""
    fields: dict[str, stellar_xdr.SCVal] = {}
    for entry in storage.sc_map if storage is not None else ():
        parts = entry.key.vec.sc_vec if entry.key.vec is not None else []
        if len(parts) == 1 and parts[0].sym is not None:
            fields[parts[0].sym.sc_symbol.decode()] = entry.val
    return fields


def _address(value: stellar_xdr.SCVal) -> str:
    if value.address is None:
        raise StorageDecodeError(f"expected an address, got {value.type.name}")
    return address_text(value.address)


@lru_cache(maxsize=64)
def _symbol(name: str) -> stellar_xdr.SCVal:
    return scval.to_symbol(name)


def _int128(value: int) -> stellar_xdr.SCVal:
    parts = stellar_xdr.Int128Parts(hi=stellar_xdr.Int64(value >> 64), lo=stellar_xdr.Uint64(value & U64_MAX))
    return stellar_xdr.SCVal(stellar_xdr.SCValType.SCV_I128, i128=parts)


def _encode_struct(fields: Mapping[str, stellar_xdr.SCVal]) -> stellar_xdr.SCVal:
    """A struct's map; `fields` in alphabetical order. The keys are shared, not to be changed."""
    entries = [stellar_xdr.SCMapEntry(key=_symbol(name), val=value) for name, value in fields.items()]
    return stellar_xdr.SCVal(stellar_xdr.SCValType.SCV_MAP, map=stellar_xdr.SCMap(entries))


def _decode_struct(value: stellar_xdr.SCVal) -> dict[str, stellar_xdr.SCVal]:
    if value.map is None:
        raise StorageDecodeError(f"expected a map, got {value.type.name}")
    fields: dict[str, stellar_xdr.SCVal] = {}
    for entry in value.map.sc_map:
        if entry.key.sym is None:
            raise StorageDecodeError(f"expected symbol keys, got {entry.key.type.name}")
        fields[entry.key.sym.sc_symbol.decode()] = entry.val
    return fields


def _decode_optional_u32(value: stellar_xdr.SCVal) -> int | None:
    return None if value.type == stellar_xdr.SCValType.SCV_VOID else scval.from_uint32(value)
