"""Several RPC nodes of one chain, some of them ledgers behind, as the unmodified SDK sees them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from stellar_sdk.exceptions import AccountNotFoundException, SorobanRpcErrorResponse
from stellar_sdk.soroban_server_async import SorobanServerAsync
from stellar_sdk.xdr import TransactionResultCode

from kale import calls
from kale.networks import LOCAL
from localnet.chain.past_states import MAX_LAG_LEDGERS
from localnet.settings import LocalnetSettings, parse_lag
from localnet.testing import NodeHandle, running_localnet
from poolkit.startup_error import StartupError
from tests.localnet.conftest import START_TIME
from tests.localnet.wallet import Wallet, payment, refusal_code

LAG = 2


@dataclass(frozen=True)
class TwoNodes:
    """A chain with a node that keeps up and one that is two ledgers behind."""

    node: NodeHandle
    current: SorobanServerAsync
    late: SorobanServerAsync
    farmer: Wallet


@pytest.fixture
async def two() -> AsyncIterator[TwoNodes]:
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(
            running_localnet(runs_clock=False, start_time=START_TIME, nodes=2, lag_ledgers=(0, LAG))
        )
        current, late = [
            await stack.enter_async_context(SorobanServerAsync(each.rpc_url)) for each in node.rpc_nodes
        ]
        farmer = await Wallet.funded(node, current, kale="1000")
        node.close_ledgers(LAG)
        yield TwoNodes(node, current, late, farmer)


async def test_a_node_that_starts_to_lag_stands_still_and_never_goes_back(node: NodeHandle) -> None:
    view = node.rpc_nodes[0].view
    node.close_ledgers(9)
    view.lag(3)
    seen = [view.latest.sequence]
    for _ in range(5):
        node.close_ledgers()
        seen.append(view.latest.sequence)
    view.lag(4)
    node.close_ledgers()
    seen.append(view.latest.sequence)
    view.lag(1)
    seen.append(view.latest.sequence)
    assert seen == [10, 10, 10, 10, 11, 12, 12, 15]


async def test_health_and_latest_ledger_are_those_of_two_ledgers_ago(two: TwoNodes) -> None:
    latest = two.node.chain.latest
    health, ledger = await two.late.get_health(), await two.late.get_latest_ledger()
    assert health.latest_ledger == ledger.sequence == latest.sequence - LAG
    assert ledger.id == two.node.chain.history.ledger(latest.sequence - LAG).hash.hex()
    assert (await two.current.get_health()).latest_ledger == latest.sequence
    listed = await two.late.get_ledgers(start_ledger=1)
    assert [each.sequence for each in listed.ledgers][-1] == listed.latest_ledger == ledger.sequence


async def test_a_node_that_is_more_than_30_seconds_behind_is_unhealthy(two: TwoNodes) -> None:
    view = two.node.rpc_nodes[1].view
    view.lag(6)
    two.node.close_ledgers(10)
    assert (await two.late.get_health()).status == "healthy"
    view.lag(13)
    two.node.close_ledgers(10)
    with pytest.raises(SorobanRpcErrorResponse) as refused:
        await two.late.get_health()
    assert (refused.value.code, refused.value.message) == (
        -32603,
        "latency (1m5s) since last known ledger closed is too high (>30s)",
    )


async def test_an_account_is_as_it_was_two_ledgers_ago(two: TwoNodes) -> None:
    before = (await two.current.load_account(two.farmer.address)).sequence
    await two.farmer.include(await payment(two.farmer))
    created = await Wallet.funded(two.node, two.current)
    with pytest.raises(AccountNotFoundException):
        await two.late.load_account(created.address)
    assert (await two.late.load_account(two.farmer.address)).sequence == before
    two.node.close_ledgers(LAG)
    assert (await two.late.load_account(two.farmer.address)).sequence == before + 1
    assert (await two.late.load_account(created.address)).sequence == created_sequence(two.node, created)


def created_sequence(node: NodeHandle, created: Wallet) -> int:
    """An account begins with the number of the ledger that made it, which is three before the latest."""
    return (node.chain.latest.sequence - LAG) << 32


async def test_a_transaction_and_its_events_are_found_when_the_node_has_their_ledger(two: TwoNodes) -> None:
    call = calls.plant(LOCAL.farm_contract_id, two.farmer.address, 10)
    planted = await two.farmer.call(call)
    planted_hash, ledger = planted.response.transaction_hash, planted.response.ledger
    assert ledger is not None
    for behind in range(LAG):
        assert (await two.late.get_transaction(planted_hash)).status.value == "NOT_FOUND", behind
        assert planted_hash not in await hashes_seen(two.late, ledger - LAG)
        two.node.close_ledgers()
    assert (await two.late.get_transaction(planted_hash)).status.value == "SUCCESS"
    assert planted_hash in await hashes_seen(two.late, ledger)


async def hashes_seen(rpc: SorobanServerAsync, start_ledger: int) -> set[str]:
    events = await rpc.get_events(start_ledger=start_ledger)
    transactions = await rpc.get_transactions(start_ledger=start_ledger)
    seen = {event.transaction_hash for event in events.events}
    assert seen == {transaction.transaction_hash for transaction in transactions.transactions}
    return seen


async def test_a_call_is_simulated_on_the_state_that_the_node_has(two: TwoNodes) -> None:
    """A farmer who has just planted may do so again, says the node that does not know of it yet."""
    again = await two.farmer.prepared(calls.plant(LOCAL.farm_contract_id, two.farmer.address, 10))
    await two.farmer.include(again)
    assert (await two.current.simulate_transaction(again)).error is not None
    late = await two.late.simulate_transaction(again)
    assert late.error is None
    assert late.latest_ledger == two.node.chain.latest.sequence - LAG


async def test_a_lagging_node_takes_transactions_by_the_sequence_that_it_knows(two: TwoNodes) -> None:
    stale = await payment(two.farmer, fee=200)
    await two.farmer.include(await payment(two.farmer))
    fresh = await payment(two.farmer)
    assert refusal_code(await two.late.send_transaction(fresh)) is TransactionResultCode.txBAD_SEQ
    assert refusal_code(await two.current.send_transaction(stale)) is TransactionResultCode.txBAD_SEQ
    sent = await two.late.send_transaction(stale)
    assert sent.status.value == "PENDING"
    two.node.close_ledgers(LAG + 1)
    assert (await two.late.get_transaction(sent.hash)).status.value == "NOT_FOUND"


async def test_a_transaction_sent_to_a_lagging_node_reaches_the_network(two: TwoNodes) -> None:
    paid = await payment(two.farmer)
    sent = await two.late.send_transaction(paid)
    two.node.close_ledgers()
    assert (await two.current.get_transaction(sent.hash)).status.value == "SUCCESS"


async def test_a_short_window_forgets_for_one_node_only(two: TwoNodes) -> None:
    await two.farmer.include(await payment(two.farmer))
    paid = two.node.chain.latest.transactions[0].hash.hex()
    two.node.close_ledgers(5)
    two.node.rpc_nodes[1].view.shorten(4)
    health = await two.late.get_health()
    assert (health.oldest_ledger, health.ledger_retention_window) == (health.latest_ledger - 3, 4)
    assert (await two.late.get_transaction(paid)).status.value == "SUCCESS"
    two.node.close_ledgers()
    assert (await two.late.get_transaction(paid)).status.value == "NOT_FOUND"
    assert (await two.current.get_transaction(paid)).status.value == "SUCCESS"
    two.node.rpc_nodes[1].view.shorten(None)
    assert (await two.late.get_transaction(paid)).status.value == "SUCCESS"


async def test_more_lag_than_is_kept_is_refused(node: NodeHandle) -> None:
    view = node.rpc_nodes[0].view
    with pytest.raises(ValueError, match="lag is 65 ledgers, must be between 0 and 64"):
        view.lag(MAX_LAG_LEDGERS + 1)
    view.lag(MAX_LAG_LEDGERS)
    node.close_ledgers(2 * MAX_LAG_LEDGERS)
    assert view.latest.sequence == 1 + MAX_LAG_LEDGERS
    assert view.state.find(b"no key") is None


@pytest.mark.parametrize(
    ("text", "lag"), [("", ()), ("3", (3,)), ("0, 2,1", (0, 2, 1))], ids=["none", "one", "three"]
)
def test_lag_is_read_from_a_list(text: str, lag: tuple[int, ...]) -> None:
    assert parse_lag(text) == lag


@pytest.mark.parametrize("text", ["a", "1,,2", "-1", "1.5"])
def test_a_list_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StartupError, match="must be whole numbers of ledgers"):
        parse_lag(text)


def test_nodes_outside_of_their_limits_are_refused_by_name() -> None:
    with pytest.raises(StartupError, match="nodes is 17, must be between 1 and 16"):
        LocalnetSettings(nodes=17)
    with pytest.raises(StartupError, match="port is 65535, must be at most 65534 for 2 nodes"):
        LocalnetSettings(port=65_535, nodes=2)
    with pytest.raises(StartupError, match="lag names 2 nodes, there are 1"):
        LocalnetSettings(lag_ledgers=(0, 1))
    with pytest.raises(StartupError, match="lag is 65 ledgers, must be between 0 and 64"):
        LocalnetSettings(lag_ledgers=(65,))
