"""What tests may do to a node that nobody else can."""

import pytest
from stellar_sdk import Keypair
from stellar_sdk.exceptions import ConnectionError as SdkConnectionError
from stellar_sdk.soroban_server_async import SorobanServerAsync

from localnet.testing import NodeHandle
from tests.localnet.wallet import Wallet


async def test_a_paused_rpc_refuses_connections_while_ledgers_go_on(
    node: NodeHandle, rpc: SorobanServerAsync
) -> None:
    url = node.rpc_url
    assert (await rpc.get_health()).latest_ledger == 1
    await node.pause_rpc()
    node.close_ledgers(6)
    with pytest.raises(SdkConnectionError):
        await rpc.get_health()
    await node.resume_rpc()
    assert node.rpc_url == url
    assert (await rpc.get_health()).latest_ledger == 7


async def test_a_balance_can_be_changed_behind_everybodys_back(farmer: Wallet) -> None:
    latest = farmer.node.chain.latest.sequence
    farmer.node.add_to_kale_balance(farmer.address, -1)
    assert await farmer.kale_balance() == 1000 * 10**7 - 1
    assert (await farmer.rpc.get_events(start_ledger=latest)).events[-1].ledger == latest


def test_a_balance_that_is_not_there_cannot_be_changed(node: NodeHandle) -> None:
    with pytest.raises(ValueError, match="has no trustline"):
        node.add_to_kale_balance(Keypair.random().public_key, 1)
