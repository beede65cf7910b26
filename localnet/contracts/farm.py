"""The KALE farm contract: storage, authorisation and token calls around its rules."""

from collections.abc import Callable, Sequence
from typing import Final

from stellar_sdk import xdr

from kale.contract_errors import FarmError
from kale.farm import Block, Farm, Pail
from kale.storage import StorageDecodeError
from localnet.contracts import farm_rules
from localnet.contracts.arguments import address, boolean, hash32, i128, read_arguments, u32, u64
from localnet.contracts.farm_layout import (
    block_data_key,
    decode_block,
    decode_pail,
    encode_block,
    encode_pail,
    pail_data_key,
)
from localnet.contracts.farm_rules import FarmPanic, FarmRefusal, Moment
from localnet.contracts.instance_lifetime import extend_to_longest
from localnet.ledger import value_wire
from localnet.soroban import cost_table
from localnet.soroban.contract_env import ContractEnv

_TEMPORARY: Final = xdr.ContractDataDurability.TEMPORARY


_HOMESTEADER: Final = "Homesteader"
_ASSET: Final = "HomesteadAsset"
_INDEX: Final = "FarmIndex"
_BLOCK: Final = "FarmBlock"
_PAUSED: Final = "FarmPaused"

_Args = Sequence[bytes]


class FarmContract:
    """A `Program`."""

    runs_in_vm = True
    costs = cost_table.FARM

    def call(self, env: ContractEnv, function: str, args: _Args) -> bytes:
        run = _FUNCTIONS.get(function)
        if run is None:
            raise env.missing_function()
        try:
            return run(env, args)
        except FarmRefusal as refusal:
            raise env.refuse(refusal.error) from refusal
        except (FarmPanic, StorageDecodeError) as panic:
            raise env.trap() from panic


class _Records:
    """The contract's temporary storage, as the rules look at it."""

    def __init__(self, env: ContractEnv) -> None:
        self._env = env

    def find_block(self, index: int) -> Block | None:
        value = self._env.data(block_data_key(index), _TEMPORARY)
        return decode_block(value) if value is not None else None

    def find_pail(self, farmer: str, index: int) -> Pail | None:
        value = self._env.data(pail_data_key(farmer, index), _TEMPORARY)
        return decode_pail(value) if value is not None else None


def _plant(env: ContractEnv, args: _Args) -> bytes:
    farmer, amount = read_arguments(env, args, address, i128)
    env.require_auth(farmer)
    farm = _load_farm(env)
    planted = farm_rules.plant(farm, _Records(env), _moment(env), farmer, amount)
    if planted.burn_stroops > 0:
        env.call(
            farm.asset_contract_id,
            "burn",
            [value_wire.address(farmer), value_wire.int128(planted.burn_stroops)],
        )
    if planted.farm.index != farm.index:
        env.set_instance_value(_INDEX, value_wire.uint32(planted.farm.index))
    _store(env, farmer, planted.farm, planted.block, planted.pail)
    extend_to_longest(env)
    return value_wire.VOID


def _work(env: ContractEnv, args: _Args) -> bytes:
    farmer, hash, nonce = read_arguments(env, args, address, hash32, u64)
    farm = _load_farm(env)
    granted = env.ledger.side_door.granted(farm.index, farmer, nonce)
    worked = farm_rules.work(farm, _Records(env), _moment(env), farmer, hash, nonce, granted)
    _store(env, farmer, worked.farm, worked.block, worked.pail)
    extend_to_longest(env)
    return value_wire.uint32(worked.gap)


def _harvest(env: ContractEnv, args: _Args) -> bytes:
    farmer, index = read_arguments(env, args, address, u32)
    farm = _load_farm(env)
    harvested = farm_rules.harvest(farm, _Records(env), farmer, index)
    if harvested.mint_stroops > 0:
        env.call(
            farm.asset_contract_id,
            "mint",
            [value_wire.address(farmer), value_wire.int128(harvested.mint_stroops)],
        )
    env.delete_data(pail_data_key(farmer, index), _TEMPORARY)
    extend_to_longest(env)
    return value_wire.int128(harvested.reward_stroops)


def _pause(env: ContractEnv, args: _Args) -> bytes:
    read_arguments(env, args)
    farm = _load_farm(env)
    env.require_auth(farm.homesteader)
    env.set_instance_value(_PAUSED, value_wire.boolean(farm_rules.pause(farm).paused))
    return value_wire.VOID


def _unpause(env: ContractEnv, args: _Args) -> bytes:
    read_arguments(env, args)
    farm = _load_farm(env)
    env.require_auth(farm.homesteader)
    env.set_instance_value(_PAUSED, value_wire.boolean(farm_rules.unpause(farm).paused))
    extend_to_longest(env)
    return value_wire.VOID


def _remove_block(env: ContractEnv, args: _Args) -> bytes:
    (index,) = read_arguments(env, args, u32)
    env.require_auth(_load_farm(env).homesteader)
    env.delete_data(block_data_key(index), _TEMPORARY)
    return value_wire.VOID


_FUNCTIONS: Final[dict[str, Callable[[ContractEnv, _Args], bytes]]] = {
    "plant": _plant,
    "work": _work,
    "harvest": _harvest,
    "pause": _pause,
    "unpause": _unpause,
    "remove_block": _remove_block,
}


def _load_farm(env: ContractEnv) -> Farm:
    """The instance storage; a farm that was never set up refuses as the contract does.

    StorageDecodeError for values that the contract never writes.
    """
    homesteader, asset = env.instance_value(_HOMESTEADER), env.instance_value(_ASSET)
    if homesteader is None or asset is None:
        raise FarmRefusal(FarmError.HOMESTEAD_MISSING)
    block = env.instance_value(_BLOCK)
    if block is None:
        raise FarmRefusal(FarmError.FARM_BLOCK_MISSING)
    index, paused = env.instance_value(_INDEX), env.instance_value(_PAUSED)
    try:
        return Farm(
            homesteader=address(homesteader),
            asset_contract_id=address(asset),
            index=u32(index) if index is not None else 0,
            block=decode_block(block),
            paused=boolean(paused) if paused is not None else False,
        )
    except ValueError as error:
        raise StorageDecodeError(f"not a farm: {error}") from error


def _store(env: ContractEnv, farmer: str, farm: Farm, block: Block, pail: Pail) -> None:
    env.put_data(pail_data_key(farmer, farm.index), _TEMPORARY, encode_pail(pail))
    env.put_data(block_data_key(farm.index), _TEMPORARY, encode_block(block))
    env.set_instance_value(_BLOCK, encode_block(farm.block))


def _moment(env: ContractEnv) -> Moment:
    return Moment(env.ledger.sequence, env.ledger.close_time)
