"""The tractor: one transaction that harvests many pails of a farmer."""

from collections.abc import Sequence
from typing import Final

from stellar_sdk import scval, xdr

from kale.addresses import address_value
from kale.contract_errors import TractorError
from localnet.contracts.arguments import address, read_arguments, u32_vector
from localnet.soroban import cost_table
from localnet.soroban.contract_env import ContractEnv

#: Where the instance keeps the farm's address.
FARM: Final = "Farm"


class TractorContract:
    """A `Program`."""

    runs_in_vm = True
    costs = cost_table.TRACTOR

    def call(self, env: ContractEnv, function: str, args: Sequence[xdr.SCVal]) -> xdr.SCVal:
        if function != "harvest":
            raise env.missing_function(function)
        farmer, pails = read_arguments(env, args, address, u32_vector)
        return _harvest(env, farmer, pails)


def _harvest(env: ContractEnv, farmer: str, pails: Sequence[int]) -> xdr.SCVal:
    """The reward of each pail, in the order asked for; 0 for one that the farm refuses to harvest.

    Needs nobody's authorisation, as the farm's harvest needs none. Refuses if no pail is named, and if the
    farm refused them all. That a refused pail gives 0 and does not end the call is how its signature reads:
    its code is not at hand.
    """
    if not pails:
        raise env.refuse(TractorError.NO_PAILS)
    farm = address(env.required_instance_value(FARM))
    outcomes = [
        env.try_call(farm, "harvest", [address_value(farmer), scval.to_uint32(pail)]) for pail in pails
    ]
    if all(outcome.error is not None for outcome in outcomes):
        raise env.refuse(TractorError.NOTHING_HARVESTABLE)
    return scval.to_vec([outcome if outcome.error is None else scval.to_int128(0) for outcome in outcomes])
