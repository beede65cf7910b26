"""Faults of ledgers: nodes that lag or forget, a farm that is paused, ledgers at odd times."""

import time
from dataclasses import replace

import pytest
from stellar_sdk import Keypair
from stellar_sdk.soroban_server_async import SorobanServerAsync
from stellar_sdk.xdr import TransactionResultCode

from kale import calls
from kale.constants import LEDGER_SECONDS
from kale.networks import LOCAL
from localnet.chain.background_load import BackgroundLoad
from localnet.chain.chain import new_chain
from localnet.chain.closed_ledger import ClosedLedger
from localnet.chain.ledger_clock import LedgerClock
from localnet.contracts.farm_view import read_farm
from localnet.faults.fault_file import parse_faults
from localnet.faults.faults import Faults
from localnet.faults.ledgers import LedgerFaults
from localnet.genesis import ISSUER
from localnet.network_settings import MAINNET_SETTINGS
from localnet.testing import NodeHandle, running_localnet
from tests.localnet.conftest import START_TIME
from tests.localnet.faults.rules import add, fault, faulty
from tests.localnet.wallet import Wallet, payment, refusal_code

BETWEEN_5_AND_8 = ("from_ledger = 5", "until_ledger = 8")


def behind(node: NodeHandle) -> list[int]:
    return [node.chain.latest.sequence - each.view.latest.sequence for each in node.rpc_nodes]


async def test_a_node_lags_between_its_ledgers_and_catches_up() -> None:
    rules = fault("lag", "ledgers = 2", "nodes = [1]", *BETWEEN_5_AND_8)
    async with faulty(rules, nodes=2) as node, SorobanServerAsync(node.rpc_nodes[1].rpc_url) as late:
        seen = []
        for _ in range(8):
            node.close_ledgers()
            assert behind(node)[0] == 0
            seen.append((await late.get_health()).latest_ledger)
    assert seen == [2, 3, 4, 4, 4, 5, 8, 9]


async def test_a_fault_does_not_shorten_a_node_s_own_lag() -> None:
    plan = parse_faults(fault("lag", "ledgers = 1", *BETWEEN_5_AND_8), "test", 2)
    async with running_localnet(runs_clock=False, nodes=2, lag_ledgers=(0, 3), faults=plan) as node:
        lags = []
        for _ in range(8):
            node.close_ledgers()
            lags.append(behind(node))
    assert lags[2:] == [[0, 3], [1, 3], [1, 3], [1, 3], [0, 3], [0, 3]]


async def test_a_strike_lasts_as_many_ledgers_as_it_says() -> None:
    rules = fault("lag", "ledgers = 1", "for_ledgers = 3", "every = 6", "count = 1")
    async with faulty(rules) as node:
        lags = []
        for _ in range(12):
            node.close_ledgers()
            lags += behind(node)
    assert lags == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]


async def test_a_node_forgets_for_a_while(node: NodeHandle, rpc: SorobanServerAsync) -> None:
    node.close_ledgers(20)
    add(node, fault("short_retention", "ledgers = 5", "count = 1", "for_ledgers = 2"))
    windows = []
    for _ in range(4):
        node.close_ledgers()
        health = await rpc.get_health()
        windows.append((health.latest_ledger - health.oldest_ledger + 1, health.ledger_retention_window))
    assert windows == [(22, 17_280), (5, 5), (5, 5), (25, 17_280)]


async def test_the_farm_is_paused_by_its_homesteader_and_goes_on(node: NodeHandle, farmer: Wallet) -> None:
    add(node, fault("contract_paused", "count = 1", "for_ledgers = 2"))
    plant = calls.plant(LOCAL.farm_contract_id, farmer.address, 10)
    node.close_ledgers()
    envelope = await farmer.prepared(plant)
    node.close_ledgers()
    (pausing,) = node.chain.latest.transactions
    assert pausing.succeeded
    refused = await farmer.rpc.simulate_transaction(envelope)
    assert refused.error is not None
    assert "Error(Contract, #4)" in refused.error
    assert not (await farmer.include(envelope)).succeeded
    node.close_ledgers()
    assert (await farmer.call(plant)).succeeded
    node.close_ledgers(3)
    assert not read_farm(node.chain.state, LOCAL).paused


def test_a_farm_of_somebody_else_is_paused_without_a_transaction() -> None:
    network = replace(LOCAL, asset_issuer=Keypair.random().public_key)
    chain = new_chain(network, MAINNET_SETTINGS, START_TIME, 100)
    rules = fault("contract_paused", "count = 1", "from_ledger = 4", "for_ledgers = 2")
    LedgerFaults(Faults(parse_faults(rules, "test", 1)), chain, LedgerClock(chain, 1), [])
    before = read_farm(chain.state, network)
    paused = []
    for _ in range(6):
        assert not chain.close_ledger().transactions
        paused.append(read_farm(chain.state, network).paused)
    assert paused == [False, True, True, False, False, False]
    assert read_farm(chain.state, network) == before


async def test_the_farm_is_paused_even_when_its_homesteader_has_merged(
    node: NodeHandle, farmer: Wallet
) -> None:
    merging = (await farmer.builder()).append_account_merge_op(farmer.address, source=ISSUER.public_key)
    envelope = farmer.signed(merging)
    envelope.sign(ISSUER)
    assert (await farmer.include(envelope)).succeeded
    add(node, fault("contract_paused", "count = 1", "for_ledgers = 1"))
    node.close_ledgers()
    assert read_farm(node.chain.state, LOCAL).paused
    node.close_ledgers()
    assert not read_farm(node.chain.state, LOCAL).paused


async def test_a_pause_of_somebody_else_s_is_left_alone(node: NodeHandle, rpc: SorobanServerAsync) -> None:
    add(node, fault("contract_paused", "count = 1", "from_ledger = 5"))
    homesteader = Wallet(node, rpc, ISSUER)
    await homesteader.call(calls.invocation(LOCAL.farm_contract_id, "pause", []))
    node.close_ledgers(10)
    assert read_farm(node.chain.state, LOCAL).paused


def intervals(node: NodeHandle, ledgers: int) -> list[int]:
    """How many seconds of chain time each of the next ledgers is after the one before."""
    found = []
    for _ in range(ledgers):
        before = node.chain.latest.close_time
        node.close_ledgers()
        found.append(node.chain.latest.close_time - before)
    return found


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        (fault("stall", "ledgers = 3", "count = 1", "from_ledger = 3"), [5, 20, 5, 5, 5]),
        (fault("burst", "ledgers = 3", "count = 1", "from_ledger = 3"), [5, 1, 1, 1, 5]),
        (
            fault("burst", "ledgers = 2", "close_time_seconds = 5", "count = 1", "from_ledger = 3"),
            [5, 5, 5, 5, 5],
        ),
        (fault("repeat_close_time", "ledgers = 2", "every = 2", "count = 1"), [5, 0, 0, 5, 5]),
        (
            fault("stall", "ledgers = 2", "count = 1", "from_ledger = 3")
            + fault("burst", "ledgers = 2", "count = 1", "from_ledger = 4"),
            [5, 15, 1, 1, 5],
        ),
    ],
    ids=["stall", "burst", "burst at full distance", "repeat", "stall and burst"],
)
async def test_close_times_are_as_the_rules_want_them(rules: str, seconds: list[int]) -> None:
    async with faulty(rules) as node:
        assert intervals(node, len(seconds)) == seconds


async def test_a_stall_and_a_burst_are_felt_on_the_wall() -> None:
    """At 10 times real time a ledger takes 0.5 s: ledger 3 stalls for 2 more, 4 to 23 close at once."""
    rules = fault("stall", "ledgers = 2", "count = 1", "from_ledger = 3")
    rules += fault("burst", "ledgers = 20", "count = 1", "from_ledger = 4")
    arrivals: dict[int, float] = {}

    def note(ledger: ClosedLedger, _: object) -> None:
        arrivals[ledger.sequence] = time.monotonic()

    async with running_localnet(speed=10, faults=parse_faults(rules, "test", 1)) as node:
        node.chain.observers.append(note)
        while node.chain.latest.sequence < 24:
            await node.chain.next_ledger_closed()
    stalled, bursting = arrivals[3] - arrivals[2], arrivals[23] - arrivals[3]
    # A clock that is late makes up for it, by half of a wait at most.
    assert stalled >= 1.5 * LEDGER_SECONDS / 10
    assert bursting < 20 * LEDGER_SECONDS / 10 / 2


async def test_a_surge_fills_ledgers_for_a_while(node: NodeHandle, farmer: Wallet) -> None:
    """Who bids the base fee is refused, who bids enough comes in, and then all is as before."""
    add(node, fault("surge", "load = 3", "median_bid_stroops = 5000", "for_ledgers = 4", "count = 1"))
    node.close_ledgers(3)
    refused = await farmer.send(await payment(farmer))
    assert refusal_code(refused) is TransactionResultCode.txINSUFFICIENT_FEE
    rich = await payment(farmer, fee=10_000_000)
    assert (await farmer.include(rich)).succeeded
    assert (await farmer.rpc.get_fee_stats()).inclusion_fee.max > 5_000
    node.close_ledgers()
    assert (await farmer.include(await payment(farmer))).succeeded
    assert not node.chain.background_load.is_any


async def test_a_load_that_is_set_in_a_surge_counts_after_it(node: NodeHandle) -> None:
    add(node, fault("surge", "load = 3", "for_ledgers = 3", "count = 1"))
    node.close_ledgers()
    assert node.chain.background_load == BackgroundLoad(3, 3)
    node.chain.background_load = BackgroundLoad(1, 0.5, 300)
    node.close_ledgers()
    assert node.chain.background_load == BackgroundLoad(3, 3)
    node.close_ledgers(2)
    assert node.chain.background_load == BackgroundLoad(1, 0.5, 300)


async def test_rules_that_are_taken_away_end_what_they_began(node: NodeHandle) -> None:
    add(node, fault("lag", "ledgers = 2", "for_ledgers = 1000"))
    node.close_ledgers(5)
    assert behind(node) == [2]
    node.faults.clear()
    node.close_ledgers()
    assert behind(node) == [0]
