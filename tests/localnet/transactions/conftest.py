"""An account for tests of transactions."""

import pytest
from stellar_sdk.soroban_server_async import SorobanServerAsync

from localnet.testing import NodeHandle
from tests.localnet.wallet import Wallet


@pytest.fixture
async def wallet(node: NodeHandle, rpc: SorobanServerAsync) -> Wallet:
    """An account with 10,000 XLM and nothing else."""
    return await Wallet.funded(node, rpc)
