"""How long the farm and the tractor let themselves live."""

from kale.constants import INSTANCE_EXTENSION_SLACK_LEDGERS
from localnet.soroban.contract_env import ContractEnv


def extend_to_longest(env: ContractEnv) -> None:
    """The contract keeps its instance at the longest possible life, give or take a week."""
    longest = env.ledger.max_live_until - env.ledger.sequence
    env.extend_instance(longest - INSTANCE_EXTENSION_SLACK_LEDGERS, longest)
