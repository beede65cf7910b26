"""The client against a real RPC server on which things go wrong, kind by kind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from stellar_sdk import Account, Asset, TransactionBuilder

from localnet.faults.fault_file import parse_faults
from localnet.testing import NodeHandle, running_localnet
from poolkit.errors import RpcUnavailable
from poolkit.rpc_answers import SendStatus, TransactionStatus
from poolkit.stellar_rpc import StellarRpc

SLOW = "kind = 'slow'\nwall_seconds = 60"
STATUSES = [f"kind = 'status'\nstatus = {status}" for status in (429, 500, 502, 503, 504)]
BROKEN = [*STATUSES, *(f"kind = '{kind}'" for kind in ("connection_refused", "garbage", "truncated"))]
BROKEN += ["kind = 'answer_lost'", SLOW]
TAKEN = [rule for rule in BROKEN if any(kind in rule for kind in ("truncated", "answer_lost", "slow"))]


@asynccontextmanager
async def failing(rule: str, nodes: int = 1, rounds: int = 3) -> AsyncIterator[tuple[NodeHandle, StellarRpc]]:
    """A client that gives up on a slow answer soon, and on all others only when they never come.

    On a busy machine an answer that is not slow may take as long: such a client asks more often.
    """
    plan = parse_faults(f"[[fault]]\n{rule}", "test", nodes)
    patience_seconds = 1 if rule.startswith(SLOW) else 60
    async with (
        running_localnet(runs_clock=False, nodes=nodes, faults=plan) as node,
        StellarRpc(
            [each.rpc_url for each in node.rpc_nodes], call_wall_seconds=patience_seconds, rounds=rounds
        ) as rpc,
    ):
        yield node, rpc


def payment(node: NodeHandle) -> str:
    """A payment of the faucet to itself, signed; base64 XDR."""
    source = Account(node.faucet.public_key, 1 << 32)
    builder = TransactionBuilder(source, node.network.passphrase, 100).add_time_bounds(0, 0)
    envelope = builder.append_payment_op(node.faucet.public_key, Asset.native(), "1").build()
    envelope.sign(node.faucet)
    return envelope.to_xdr()


@pytest.mark.parametrize("rule", BROKEN)
async def test_one_that_fails_is_asked_again(rule: str) -> None:
    async with failing(f"{rule}\ncount = 2", rounds=50) as (node, rpc):
        assert (await rpc.health()).latest.sequence == 1
        assert node.faults.rules()[0].strikes == 2


@pytest.mark.parametrize("rule", BROKEN)
async def test_one_that_fails_is_passed_over_for_the_next(rule: str) -> None:
    async with failing(f"{rule}\nnodes = [0]", nodes=2) as (_, rpc):
        assert (await rpc.latest_ledger()).sequence == 1
        assert rpc.endpoints()[0].last_error is not None


@pytest.mark.parametrize("rule", BROKEN)
async def test_without_an_answer_it_is_unavailable(rule: str) -> None:
    async with failing(rule) as (_, rpc):
        with pytest.raises(RpcUnavailable):
            await rpc.latest_ledger()


async def test_a_port_that_refuses_for_a_while_is_asked_until_it_is_back() -> None:
    rule = "kind = 'connection_refused'\nwall_seconds = 0.05\ncount = 1"
    async with failing(rule, rounds=20) as (_, rpc):
        assert (await rpc.health()).latest.sequence == 1


@pytest.mark.parametrize("rule", TAKEN)
async def test_a_transaction_that_was_taken_without_an_answer_is_a_duplicate_that_says_so(rule: str) -> None:
    async with failing(f"{rule}\nmethods = ['sendTransaction']\ncount = 1", rounds=50) as (node, rpc):
        sent = await rpc.send(payment(node))
        assert (sent.status, sent.after_unknown) == (SendStatus.DUPLICATE, True)
        node.close_ledgers()
        assert (await rpc.transaction(sent.hash)).status is TransactionStatus.SUCCESS
        assert len(node.chain.latest.transactions) == 1


@pytest.mark.parametrize("rule", TAKEN)
async def test_a_send_that_no_try_answers_may_have_been_taken_all_the_same(rule: str) -> None:
    async with failing(f"{rule}\nmethods = ['sendTransaction']", rounds=2) as (node, rpc):
        with pytest.raises(RpcUnavailable):
            await rpc.send(payment(node))
        node.close_ledgers()
        assert len(node.chain.latest.transactions) == 1


@pytest.mark.parametrize("rule", [rule for rule in BROKEN if rule not in TAKEN])
async def test_a_send_that_failed_before_it_was_taken_is_pending_and_says_that_it_failed(rule: str) -> None:
    async with failing(f"{rule}\nmethods = ['sendTransaction']\ncount = 1") as (node, rpc):
        sent = await rpc.send(payment(node))
        assert (sent.status, sent.after_unknown) == (SendStatus.PENDING, True)


async def test_a_node_that_lags_is_asked_last_as_soon_as_another_was_heard() -> None:
    lag = "kind = 'lag'\nledgers = 6\nnodes = [0]"
    once = "[[fault]]\nkind = 'garbage'\nnodes = [0]\nfrom_ledger = 25\ncount = 1"
    async with failing(f"{lag}\n{once}", nodes=2) as (node, rpc):
        node.close_ledgers(23)
        assert (await rpc.latest_ledger()).sequence == 24 - 6
        node.close_ledgers()
        assert (await rpc.latest_ledger()).sequence == 25
        assert (await rpc.latest_ledger()).sequence == 25
        late, current = rpc.endpoints()
        assert (late.lag_ledgers, current.lag_ledgers) == (7, 0)
