"""The contract calls the pool makes, and what they are expected to touch."""

from collections.abc import Iterable
from dataclasses import dataclass

from stellar_sdk import scval
from stellar_sdk import xdr as stellar_xdr

from kale.addresses import address_value, sc_address
from kale.networks import Network
from kale.storage import block_key, farm_instance_key, holding_key, instance_key, pail_key


def plant(contract_id: str, farmer: str, amount_stroops: int) -> stellar_xdr.HostFunction:
    """Burn `amount_stroops` of the farmer's and open their pail. Needs the farmer's authorisation."""
    return invocation(contract_id, "plant", [address_value(farmer), scval.to_int128(amount_stroops)])


def work(contract_id: str, farmer: str, hash: bytes, nonce: int) -> stellar_xdr.HostFunction:
    """Hand in a solution for the farmer's pail in the current block; anybody may."""
    return invocation(
        contract_id, "work", [address_value(farmer), scval.to_bytes(hash), scval.to_uint64(nonce)]
    )


def harvest(contract_id: str, farmer: str, index: int) -> stellar_xdr.HostFunction:
    """Mint reward and stake of a past block to its farmer; anybody may."""
    return invocation(contract_id, "harvest", [address_value(farmer), scval.to_uint32(index)])


def invocation(contract_id: str, function: str, args: list[stellar_xdr.SCVal]) -> stellar_xdr.HostFunction:
    """The host function that calls `function` of a contract."""
    return stellar_xdr.HostFunction(
        type=stellar_xdr.HostFunctionType.HOST_FUNCTION_TYPE_INVOKE_CONTRACT,
        invoke_contract=stellar_xdr.InvokeContractArgs(
            contract_address=sc_address(contract_id),
            function_name=stellar_xdr.SCSymbol(function.encode()),
            args=args,
        ),
    )


@dataclass(frozen=True)
class ExpectedFootprint:
    """Ledger keys of a call, except the farm's code (its hash only a simulation tells)."""

    read_only: tuple[stellar_xdr.LedgerKey, ...]
    read_write: tuple[stellar_xdr.LedgerKey, ...]


def plant_footprint(
    network: Network, farmer: str, indexes: Iterable[int], amount_stroops: int
) -> ExpectedFootprint:
    """What a plant touches if it lands in any of `indexes`.

    Name N and N + 1 to be safe on both sides of the block boundary.
    """
    farm = network.farm_contract_id
    blocks_and_pails = [
        key for index in indexes for key in (block_key(farm, index), pail_key(farm, farmer, index))
    ]
    burns = amount_stroops > 0
    return ExpectedFootprint(
        read_only=(instance_key(network.asset_contract_id),) if burns else (),
        read_write=(
            farm_instance_key(farm),
            *blocks_and_pails,
            *((_holding(network, farmer),) if burns else ()),
        ),
    )


def work_footprint(network: Network, farmer: str, index: int) -> ExpectedFootprint:
    """What a work in block `index` touches."""
    farm = network.farm_contract_id
    return ExpectedFootprint(
        read_only=(),
        read_write=(farm_instance_key(farm), block_key(farm, index), pail_key(farm, farmer, index)),
    )


def harvest_footprint(network: Network, farmer: str, index: int) -> ExpectedFootprint:
    """What a harvest of block `index` touches; the farm's own state is only read."""
    farm = network.farm_contract_id
    return ExpectedFootprint(
        read_only=(
            farm_instance_key(farm),
            instance_key(network.asset_contract_id),
            block_key(farm, index),
        ),
        read_write=(pail_key(farm, farmer, index), _holding(network, farmer)),
    )


def _holding(network: Network, farmer: str) -> stellar_xdr.LedgerKey:
    return holding_key(network.asset_contract_id, network.asset_code, network.asset_issuer, farmer)
