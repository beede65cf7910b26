"""The time that simulated calls see: the latest ledger's, or as older nodes the time now."""

import pytest
from stellar_sdk import InvokeHostFunction
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.networks import LOCAL
from kale.storage import block_key
from localnet.chain.chain import new_chain
from localnet.chain.ledger_clock import LedgerClock
from localnet.network_settings import MAINNET_SETTINGS
from localnet.server import LocalnetNode
from localnet.settings import LocalnetSettings, parse_simulation_time
from localnet.testing import NodeHandle
from poolkit.startup_error import StartupError
from tests.localnet.conftest import START_TIME
from tests.localnet.wallet import Wallet


async def touched_by_a_plant(wallet: Wallet) -> set[str]:
    """The read-write keys (XDR) of a plant that is simulated now."""
    function = calls.plant(wallet.node.network.farm_contract_id, wallet.address, 0)
    builder = (await wallet.builder()).append_operation(InvokeHostFunction(function))
    response = await wallet.rpc.simulate_transaction(builder.build())
    assert response.state_changes is not None
    return {change.key for change in response.state_changes}


async def test_a_node_with_the_time_now_crosses_a_block_boundary_before_the_ledger_does(
    farmer: Wallet, node: NodeHandle
) -> None:
    farm = node.network.farm_contract_id
    await farmer.call(calls.plant(farm, farmer.address, 0))
    other = await Wallet.funded(node, farmer.rpc)
    second = block_key(farm, 1).to_xdr()
    assert second not in await touched_by_a_plant(other)
    node.rpc_nodes[0].view.simulation_time = lambda: node.chain.latest.close_time + 300
    assert second in await touched_by_a_plant(other)


async def test_the_setting_gives_every_node_the_clocks_time() -> None:
    settings = LocalnetSettings(port=0, nodes=2, start_time=START_TIME, simulates_at_wall_time=True)
    async with LocalnetNode(settings, runs_clock=False) as node, SorobanServerAsync(node.rpc_url) as rpc:
        assert (await rpc.get_health()).status == "healthy"
        for rpc_node in node.rpc_nodes:
            assert rpc_node.view.ledger_info().close_time == START_TIME


def test_the_clock_goes_on_between_two_ledgers_unless_it_stands() -> None:
    chain = new_chain(LOCAL, MAINNET_SETTINGS, START_TIME, 100)
    assert LedgerClock(chain, 1_000.0, paused=True).chain_time == START_TIME
    running = LedgerClock(chain, 1_000.0)
    while running.chain_time == START_TIME:
        pass
    assert running.chain_time > START_TIME


def test_the_words_for_it() -> None:
    assert (parse_simulation_time("wall"), parse_simulation_time("ledger")) == (True, False)
    with pytest.raises(StartupError, match="simulation time is 'now', must be ledger or wall"):
        parse_simulation_time("now")
