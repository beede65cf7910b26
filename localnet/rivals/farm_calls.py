"""The farm calls of rivals, with what they touch and authorise."""

from stellar_sdk import scval, xdr

from kale import calls
from kale.addresses import address_value
from kale.networks import Network
from localnet.rivals.wallet import Call

_SOURCE_ACCOUNT = xdr.SorobanCredentials(xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)


def plant(network: Network, farmer: str, indexes: set[int], stake_stroops: int) -> Call:
    """A plant of the farmer's own account, for any block in `indexes`: current and next, at a boundary."""
    function = calls.plant(network.farm_contract_id, farmer, stake_stroops)
    burns = []
    if stake_stroops > 0:
        args = [address_value(farmer), scval.to_int128(stake_stroops)]
        burns.append(_authorised(calls.invocation(network.asset_contract_id, "burn", args), []))
    return Call(
        kind="plant and burn" if burns else "plant",
        function=function,
        footprint=calls.plant_footprint(network, farmer, sorted(indexes), stake_stroops),
        auth=(xdr.SorobanAuthorizationEntry(_SOURCE_ACCOUNT, _authorised(function, burns)),),
    )


def work(network: Network, farmer: str, index: int, hash: bytes, nonce: int) -> Call:
    """A work for anybody's pail."""
    return Call(
        kind="work",
        function=calls.work(network.farm_contract_id, farmer, hash, nonce),
        footprint=calls.work_footprint(network, farmer, index),
    )


def harvest(network: Network, farmer: str, index: int) -> Call:
    """A harvest of anybody's pail."""
    return Call(
        kind="harvest",
        function=calls.harvest(network.farm_contract_id, farmer, index),
        footprint=calls.harvest_footprint(network, farmer, index),
    )


def _authorised(
    function: xdr.HostFunction, within: list[xdr.SorobanAuthorizedInvocation]
) -> xdr.SorobanAuthorizedInvocation:
    return xdr.SorobanAuthorizedInvocation(
        xdr.SorobanAuthorizedFunction(
            xdr.SorobanAuthorizedFunctionType.SOROBAN_AUTHORIZED_FUNCTION_TYPE_CONTRACT_FN,
            contract_fn=function.invoke_contract,
        ),
        within,
    )
