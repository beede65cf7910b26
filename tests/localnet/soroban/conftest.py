"""A chain for tests of the host."""

import pytest

from tests.localnet.contract_chain import ContractChain
from tests.localnet.soroban.auth_entries import chain_of_ada


@pytest.fixture
def chain() -> ContractChain:
    """Ada has 1,000 and block 1 can be opened."""
    return chain_of_ada(1_000)
