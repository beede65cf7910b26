"""The tractor: one transaction that harvests many pails of a farmer."""

from collections.abc import Sequence
from typing import Final

from kale.contract_errors import TractorError
from localnet.contracts.arguments import address, i128, is_error, read_arguments, u32_vector
from localnet.contracts.instance_lifetime import extend_to_longest
from localnet.ledger import value_wire
from localnet.soroban import cost_table
from localnet.soroban.contract_env import ContractEnv

#: Where the instance keeps the farm's address: a bare symbol.
FARM: Final = "FARM"


class TractorContract:
    """A `Program`."""

    runs_in_vm = True
    costs = cost_table.TRACTOR

    def call(self, env: ContractEnv, function: str, args: Sequence[bytes]) -> bytes:
        if function != "harvest":
            raise env.missing_function()
        farmer, pails = read_arguments(env, args, address, u32_vector)
        return _harvest(env, farmer, pails)


def _harvest(env: ContractEnv, farmer: str, pails: Sequence[int]) -> bytes:
    """The reward of each pail, in the order asked for; 0 for one that the farm refuses to harvest.

    Needs nobody's authorisation, as the farm's harvest needs none. Refuses if no pail is named, and if no
    reward is above 0: stakes alone are not worth a transaction to it (version 2.0.0 of the contract).
    """
    if not pails:
        raise env.refuse(TractorError.NO_PAILS)
    stored = env.instance_symbol(FARM)
    if stored is None:
        raise env.trap()
    farm, receiver = address(stored), value_wire.address(farmer)
    outcomes = [env.try_call(farm, "harvest", [receiver, value_wire.uint32(pail)]) for pail in pails]
    rewards = [0 if is_error(outcome) else i128(outcome) for outcome in outcomes]
    if max(rewards) <= 0:
        raise env.refuse(TractorError.NOTHING_HARVESTABLE)
    extend_to_longest(env)
    return value_wire.vector(list(map(value_wire.int128, rewards)))
