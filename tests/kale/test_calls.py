from stellar_sdk import scval, xdr

from kale.calls import harvest, harvest_footprint, plant, plant_footprint, work, work_footprint
from kale.networks import MAINNET
from kale.storage import (
    block_key,
    farm_instance_key,
    instance_key,
    pail_key,
    token_balance_key,
    trustline_key,
)

FARM = MAINNET.farm_contract_id
FARMER = "GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE"
WALLET = "CBGSBKYMYO6OMGHQXXNOBRGVUDFUDVC2XLC3SXON5R2SNXILR7XCKKY3"


def called(function: xdr.HostFunction) -> tuple[str, list[object]]:
    """Name and native arguments; addresses as text."""
    assert function.invoke_contract is not None
    args = [scval.to_native(arg) for arg in function.invoke_contract.args]
    name = function.invoke_contract.function_name.sc_symbol.decode()
    return name, [getattr(arg, "address", arg) for arg in args]


def test_calls_carry_the_contracts_types() -> None:
    assert called(plant(FARM, FARMER, 15)) == ("plant", [FARMER, 15])
    assert called(work(FARM, FARMER, b"\x07" * 32, 2**64 - 1)) == ("work", [FARMER, b"\x07" * 32, 2**64 - 1])
    assert called(harvest(FARM, FARMER, 9)) == ("harvest", [FARMER, 9])
    kinds = [arg.type for arg in (plant(FARM, FARMER, 15).invoke_contract or _no_call()).args]
    assert kinds == [xdr.SCValType.SCV_ADDRESS, xdr.SCValType.SCV_I128]


def _no_call() -> xdr.InvokeContractArgs:
    raise AssertionError("a call of a contract has its arguments")


def test_a_plants_footprint_covers_every_named_index() -> None:
    footprint = plant_footprint(MAINNET, FARMER, [7, 8], 5)
    assert footprint.read_only == (instance_key(MAINNET.asset_contract_id),)
    assert footprint.read_write == (
        farm_instance_key(FARM),
        block_key(FARM, 7),
        pail_key(FARM, FARMER, 7),
        block_key(FARM, 8),
        pail_key(FARM, FARMER, 8),
        trustline_key("KALE", MAINNET.asset_issuer, FARMER),
    )


def test_a_plant_of_nothing_touches_no_token() -> None:
    footprint = plant_footprint(MAINNET, FARMER, [7], 0)
    assert footprint.read_only == ()
    assert footprint.read_write == (
        farm_instance_key(FARM),
        block_key(FARM, 7),
        pail_key(FARM, FARMER, 7),
    )


def test_work_and_harvest_footprints() -> None:
    assert work_footprint(MAINNET, FARMER, 7).read_write == (
        farm_instance_key(FARM),
        block_key(FARM, 7),
        pail_key(FARM, FARMER, 7),
    )
    harvesting = harvest_footprint(MAINNET, WALLET, 7)
    assert farm_instance_key(FARM) in harvesting.read_only
    assert harvesting.read_write == (
        pail_key(FARM, WALLET, 7),
        token_balance_key(MAINNET.asset_contract_id, WALLET),
    )
