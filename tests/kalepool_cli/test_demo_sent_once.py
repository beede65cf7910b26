"""The proof that nothing was sent twice fails on each way in which something was."""

import pytest
from stellar_sdk.soroban_server_async import SorobanServerAsync

from backend_svc.store.records import Purpose, TransactionStatus
from backend_svc.store.reports import SentTransaction
from kale import calls
from kale.constants import BLOCK_SECONDS
from kale.networks import LOCAL
from kalepool_cli.demo.sent_once import IncludedCall, double_sends, included_calls
from localnet.testing import running_localnet
from poolkit.stellar_rpc import StellarRpc
from tests.localnet.wallet import Wallet

FIRST, SECOND = bytes(31) + b"\x01", bytes(31) + b"\x02"


def sent(hash: bytes, status: str, reference: str = "row") -> SentTransaction:
    return SentTransaction(hash, Purpose.WORK, reference, TransactionStatus(status))


def work(hash: bytes, *, succeeded: bool = True) -> IncludedCall:
    return IncludedCall(hash, succeeded, "work", "GADA", 7 if succeeded else None)


@pytest.mark.parametrize("ended", ["failed", "dead"])
def test_another_transaction_may_follow_one_that_has_ended(ended: str) -> None:
    included = [work(SECOND)] if ended == "dead" else [work(FIRST, succeeded=False), work(SECOND)]
    assert double_sends([sent(FIRST, ended), sent(SECOND, "confirmed")], included) == []


@pytest.mark.parametrize("earlier", ["prepared", "submitted", "confirmed"])
def test_none_may_follow_one_that_has_not(earlier: str) -> None:
    (problem,) = double_sends([sent(FIRST, earlier), sent(SECOND, "failed")], [])
    assert problem == f"work row was signed again behind a transaction that is {earlier}"


def test_a_dead_transaction_may_not_be_in_a_ledger() -> None:
    (problem,) = double_sends([sent(FIRST, "dead")], [work(FIRST)])
    assert "is dead on record, and in a ledger" in problem


def test_what_is_in_a_ledger_is_on_record() -> None:
    (problem,) = double_sends([], [work(FIRST)])
    assert "is in a ledger and not on record" in problem


def test_no_step_succeeds_twice_for_a_farmer_and_block() -> None:
    known = [sent(FIRST, "confirmed", "one"), sent(SECOND, "confirmed", "other")]
    assert double_sends(known, [work(FIRST), work(SECOND)]) == ["work of GADA in block 7 succeeded 2 times"]


async def test_calls_are_read_from_the_chain_with_the_pail_that_they_changed() -> None:
    async with (
        running_localnet(runs_clock=False) as node,
        SorobanServerAsync(node.rpc_url) as server,
        StellarRpc([node.rpc_url]) as rpc,
    ):
        ours = await Wallet.funded(node, server, kale="10")
        stranger = await Wallet.funded(node, server, kale="10")
        node.close_ledgers(BLOCK_SECONDS // 5)
        for wallet in (ours, stranger):
            assert (await wallet.call(calls.plant(LOCAL.farm_contract_id, wallet.address, 5))).succeeded
        found = await included_calls(rpc, LOCAL, {ours.address}, since_ledger=2)
    assert [(call.function, call.farmer, call.block_index, call.succeeded) for call in found] == [
        (None, None, None, True),
        ("plant", ours.address, 1, True),
    ]
