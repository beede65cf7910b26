"""A localnet for a test: real HTTP, real clients; ledgers close when the test says so."""

from collections.abc import AsyncIterator

import pytest
from stellar_sdk.soroban_server_async import SorobanServerAsync

from localnet.testing import NodeHandle, running_localnet
from tests.localnet.wallet import Wallet

START_TIME = 1_700_000_000


@pytest.fixture
async def node() -> AsyncIterator[NodeHandle]:
    async with running_localnet(runs_clock=False, start_time=START_TIME) as handle:
        yield handle


@pytest.fixture
async def rpc(node: NodeHandle) -> AsyncIterator[SorobanServerAsync]:
    async with SorobanServerAsync(node.rpc_url) as server:
        yield server


@pytest.fixture
async def farmer(node: NodeHandle, rpc: SorobanServerAsync) -> Wallet:
    """An account with 10,000 XLM and 1,000 KALE."""
    return await Wallet.funded(node, rpc, kale="1000")
