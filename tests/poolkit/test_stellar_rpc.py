"""The chain client against a real HTTP server: what is asked, and how answers are read."""

from typing import Any

import pytest
from aiohttp import web
from stellar_sdk import scval, xdr

from kale import storage
from kale.networks import LOCAL
from poolkit.errors import RpcUnavailable
from poolkit.rpc_answers import ChainTransaction, EventFilter, LedgerHead, SendStatus, TransactionStatus
from poolkit.stellar_rpc import CallCounts, StellarRpc
from tests.poolkit import rpc_server
from tests.poolkit.fakes import InstantWallClock
from tests.poolkit.rpc_server import Answer, ScriptedRpcServer, health

KEYS = [storage.block_key(LOCAL.farm_contract_id, index) for index in range(250)]

TRANSACTION_WINDOW = {
    "txHash": "ab" * 32,
    "latestLedger": 20,
    "latestLedgerCloseTime": "1700000100",
    "oldestLedger": 2,
    "oldestLedgerCloseTime": "1700000010",
}


async def test_calls_count_while_they_run_and_once_however_often_they_are_repeated(
    server: ScriptedRpcServer, rpc: StellarRpc
) -> None:
    running: list[int] = []

    def answer_health(request: web.Request, body: dict[str, Any]) -> Any:
        running.append(rpc.counts.running)
        return rpc_server.result(health(37))(request, body)

    server.answer("getHealth", answer_health)
    await rpc.latest_ledger()  # polled for: it does not count
    await rpc.health()
    assert (running, rpc.counts) == ([0, 1], CallCounts(running=0, total=1))
    server.answer("getTransaction", rpc_server.http_status(500))
    with pytest.raises(RpcUnavailable):
        await rpc.transaction("ab" * 32)
    server.answer("sendTransaction", rpc_server.http_status(500))
    with pytest.raises(RpcUnavailable):
        await rpc.send("AAAA")
    assert len(server.calls) > 4
    assert rpc.counts == CallCounts(running=0, total=3)


async def test_the_latest_ledger_comes_from_the_cheapest_method(
    server: ScriptedRpcServer, rpc: StellarRpc
) -> None:
    server.answer("getHealth", health(37, 1_700_000_005))
    assert await rpc.latest_ledger() == LedgerHead(37, 1_700_000_005)
    assert server.calls == [("getHealth", None)]
    assert (await rpc.health()).oldest == LedgerHead(2, 1_699_999_005)


async def test_one_connection_serves_call_after_call(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    server.answer("getHealth", health(37))
    for _ in range(10):
        await rpc.latest_ledger()
    assert len(server.connections) == 1


async def test_the_network_is_read(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    server.answer("getNetwork", {"passphrase": LOCAL.passphrase, "protocolVersion": 29})
    network = await rpc.network()
    assert (network.passphrase, network.protocol_version, network.friendbot_url) == (
        LOCAL.passphrase,
        29,
        None,
    )


def entry(key: Any, live_until: int | None) -> dict[str, Any]:
    return {
        "key": key.to_xdr(),
        "xdr": contract_data(key),
        "lastModifiedLedgerSeq": 9,
        **({} if live_until is None else {"liveUntilLedgerSeq": live_until}),
    }


def contract_data(key: Any) -> str:
    wanted = key.contract_data
    return xdr.LedgerEntryData(
        type=xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.ContractDataEntry(
            ext=xdr.ExtensionPoint(0),
            contract=wanted.contract,
            key=wanted.key,
            durability=wanted.durability,
            val=scval.to_uint32(7),
        ),
    ).to_xdr()


async def test_entries_are_found_by_key_and_missing_ones_left_out(
    server: ScriptedRpcServer, rpc: StellarRpc
) -> None:
    server.answer("getLedgerEntries", {"entries": [entry(KEYS[1], 77)], "latestLedger": 12})
    entries = await rpc.entries([KEYS[0], KEYS[1], KEYS[1]])
    assert entries.latest_ledger == 12
    assert entries.find(KEYS[0]) is None
    found = entries.find(KEYS[1])
    assert found is not None
    assert (found.last_modified, found.live_until) == (9, 77)
    assert found.data.contract_data is not None
    assert server.calls[0][1] == {"keys": [KEYS[0].to_xdr(), KEYS[1].to_xdr()]}
    assert list(entries.by_key) == [KEYS[1].to_xdr()]


async def test_more_keys_than_a_node_takes_are_asked_in_parts(
    server: ScriptedRpcServer, rpc: StellarRpc
) -> None:
    sizes: list[int] = []

    def answer(request: Any, body: dict[str, Any]) -> Any:
        sizes.append(len(body["params"]["keys"]))
        return rpc_server.result({"entries": [], "latestLedger": 30 - len(sizes)})(request, body)

    server.answer("getLedgerEntries", answer)
    assert (await rpc.entries(KEYS)).latest_ledger == 28
    assert sizes == [200, 50]


async def test_entries_without_keys_is_a_fault_of_the_caller(rpc: StellarRpc) -> None:
    with pytest.raises(ValueError, match="at least one key"):
        await rpc.entries([])


async def test_a_simulation_succeeds(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    server.answer(
        "simulateTransaction",
        {
            "latestLedger": 5,
            "transactionData": "AAAA",
            "minResourceFee": "12345",
            "results": [{"auth": ["AUTH"], "xdr": "VALUE"}],
        },
    )
    simulation = await rpc.simulate("ENVELOPE", auth_mode="record")
    assert simulation.error is None
    assert (simulation.transaction_data_xdr, simulation.min_resource_fee_stroops) == ("AAAA", 12_345)
    assert (simulation.auth_xdr, simulation.return_value_xdr) == (("AUTH",), "VALUE")
    assert server.calls[0][1] == {"transaction": "ENVELOPE", "useUpgradedAuth": True, "authMode": "record"}


async def test_a_contracts_error_is_a_simulation_and_no_exception(
    server: ScriptedRpcServer, rpc: StellarRpc
) -> None:
    server.answer(
        "simulateTransaction", {"latestLedger": 5, "error": "HostError: Error(Contract, #8)", "events": ["E"]}
    )
    simulation = await rpc.simulate("ENVELOPE")
    assert simulation.error == "HostError: Error(Contract, #8)"
    assert (simulation.transaction_data_xdr, simulation.events_xdr) == (None, ("E",))


async def test_a_send_is_answered(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    answer = {
        "status": "ERROR",
        "hash": "ab" * 32,
        "latestLedger": 5,
        "latestLedgerCloseTime": "1700000100",
        "errorResultXdr": "RESULT",
    }
    server.answer("sendTransaction", answer)
    outcome = await rpc.send("ENVELOPE")
    assert (outcome.status, outcome.error_result_xdr, outcome.after_unknown) == (
        SendStatus.ERROR,
        "RESULT",
        False,
    )
    assert outcome.latest_close_time == 1_700_000_100


async def test_a_send_after_an_unknown_one_says_so(
    server: ScriptedRpcServer, second: ScriptedRpcServer, clock: InstantWallClock
) -> None:
    server.answer("sendTransaction", rpc_server.hang_up)
    second.answer(
        "sendTransaction",
        {"status": "ERROR", "hash": "ab" * 32, "latestLedger": 5, "latestLedgerCloseTime": "1"},
    )
    async with StellarRpc([server.url, second.url], wall_clock=clock) as rpc:
        assert (await rpc.send("ENVELOPE")).after_unknown


async def test_a_send_repeated_in_a_second_round_says_so(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    answers: list[Answer] = [
        rpc_server.http_status(503),
        rpc_server.result(
            {"status": "DUPLICATE", "hash": "ab" * 32, "latestLedger": 5, "latestLedgerCloseTime": "1"}
        ),
    ]
    server.answer("sendTransaction", lambda request, body: answers.pop(0)(request, body))
    outcome = await rpc.send("ENVELOPE")
    assert (outcome.status, outcome.after_unknown) == (SendStatus.DUPLICATE, True)


async def test_a_transaction_that_is_not_found_has_a_window_and_nothing_else(
    server: ScriptedRpcServer, rpc: StellarRpc
) -> None:
    zeros = {"status": "NOT_FOUND", "applicationOrder": 0, "feeBump": False, "ledger": 0, "createdAt": "0"}
    server.answer("getTransaction", TRANSACTION_WINDOW | zeros)
    lookup = await rpc.transaction("ab" * 32)
    assert lookup.status is TransactionStatus.NOT_FOUND
    assert (lookup.oldest_ledger, lookup.latest_ledger) == (2, 20)
    assert (lookup.ledger, lookup.close_time, lookup.result_xdr) == (None, None, None)


async def test_a_transaction_that_is_found_is_complete(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    found = {
        "status": "FAILED",
        "applicationOrder": 3,
        "feeBump": True,
        "ledger": 17,
        "createdAt": "1700000085",
        "envelopeXdr": "E",
        "resultXdr": "R",
        "resultMetaXdr": "M",
        "diagnosticEventsXdr": ["D"],
    }
    server.answer("getTransaction", TRANSACTION_WINDOW | found)
    lookup = await rpc.transaction("ab" * 32)
    assert (lookup.status, lookup.ledger, lookup.close_time) == (TransactionStatus.FAILED, 17, 1_700_000_085)
    assert (lookup.application_order, lookup.fee_bump) == (3, True)
    assert (lookup.envelope_xdr, lookup.result_xdr, lookup.result_meta_xdr) == ("E", "R", "M")
    assert lookup.diagnostic_events_xdr == ("D",)


async def test_transactions_are_paged_by_cursor(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    found = {
        "status": "FAILED",
        "txHash": "ab" * 32,
        "ledger": 9,
        "createdAt": 1_700_000_045,
        "envelopeXdr": "E",
        "resultXdr": "R",
        "resultMetaXdr": "M",
    }
    server.answer("getTransactions", {"transactions": [found], "cursor": "C1", "latestLedger": 20})
    page = await rpc.transactions(start_ledger=5)
    assert page.transactions == (ChainTransaction("ab" * 32, 9, False, "E", "M"),)
    await rpc.transactions(cursor=page.cursor)
    assert [params for _, params in server.calls] == [
        {"pagination": {"limit": 200}, "startLedger": 5},
        {"pagination": {"limit": 200, "cursor": "C1"}},
    ]
    for neither_or_both in ({}, {"start_ledger": 5, "cursor": "C1"}):
        with pytest.raises(ValueError, match="either start_ledger or cursor"):
            await rpc.transactions(**neither_or_both)  # type: ignore[arg-type]


async def test_events_are_paged_by_cursor(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    event = {
        "type": "contract",
        "ledger": 9,
        "ledgerClosedAt": "2026-11-01T00:00:00Z",
        "contractId": LOCAL.asset_contract_id,
        "id": "0000000038654709760-0000000000",
        "operationIndex": 0,
        "transactionIndex": 1,
        "txHash": "ab" * 32,
        "topic": ["T1", "T2"],
        "value": "V",
    }
    server.answer("getEvents", {"events": [event], "cursor": "C1", "latestLedger": 20, "oldestLedger": 2})
    wanted = EventFilter(contract_ids=(LOCAL.asset_contract_id,), topics=(("T1", "**"),))
    page = await rpc.events(start_ledger=5, end_ledger=15, filters=[wanted], limit=99_999)
    assert (page.cursor, page.events[0].topics_xdr, page.events[0].transaction_index) == (
        "C1",
        ("T1", "T2"),
        1,
    )
    await rpc.events(cursor=page.cursor)
    asked, continued = (params for _, params in server.calls)
    assert asked == {
        "filters": [{"type": "contract", "contractIds": [LOCAL.asset_contract_id], "topics": [["T1", "**"]]}],
        "pagination": {"limit": 10_000},
        "startLedger": 5,
        "endLedger": 15,
    }
    assert continued == {"filters": [], "pagination": {"limit": 1_000, "cursor": "C1"}}


@pytest.mark.parametrize("arguments", [{}, {"start_ledger": 1, "cursor": "C"}])
async def test_events_start_at_a_ledger_or_at_a_cursor(rpc: StellarRpc, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either start_ledger or cursor"):
        await rpc.events(**arguments)


async def test_fee_stats_are_read(server: ScriptedRpcServer, rpc: StellarRpc) -> None:
    names = ("max", "min", "mode", "p50", "p90", "p99", "transactionCount")
    fees = dict.fromkeys(names, "100") | {"ledgerCount": 50}
    server.answer("getFeeStats", {"sorobanInclusionFee": fees, "inclusionFee": fees, "latestLedger": 9})
    stats = await rpc.fee_stats()
    assert (stats.soroban.p90, stats.classic.ledger_count, stats.latest_ledger) == (100, 50, 9)
