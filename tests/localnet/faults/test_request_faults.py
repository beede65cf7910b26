"""RPC faults as clients meet them: the unmodified SDK, and HTTP underneath."""

import asyncio
import time

import aiohttp
import pytest
from stellar_sdk import TransactionEnvelope
from stellar_sdk.exceptions import BadRequestError, BadResponseError
from stellar_sdk.exceptions import ConnectionError as SdkConnectionError
from stellar_sdk.soroban_server_async import SorobanServerAsync
from stellar_sdk.xdr import TransactionResultCode

from localnet.testing import NodeHandle
from tests.localnet.faults.rules import add, fault, faulty
from tests.localnet.wallet import Wallet, payment, refusal_code

JSON = {"Content-Type": "application/json"}
HEALTH = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}


async def fate(farmer: Wallet, envelope: TransactionEnvelope) -> str:
    """What became of a transaction by the end of the next ledger."""
    farmer.node.close_ledgers()
    return (await farmer.rpc.get_transaction(envelope.hash_hex())).status.value


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_status_is_what_the_client_gets(status: int) -> None:
    async with faulty(fault("status", f"status = {status}")) as node, SorobanServerAsync(node.rpc_url) as rpc:
        with pytest.raises((BadRequestError, BadResponseError)) as refused:
            await rpc.get_health()
        assert refused.value.status == status


async def test_garbage_is_neither_json_nor_text() -> None:
    async with faulty(fault("garbage")) as node, SorobanServerAsync(node.rpc_url) as rpc:
        with pytest.raises(UnicodeDecodeError):
            await rpc.get_health()
        async with aiohttp.ClientSession() as http, http.post(node.rpc_url, json=HEALTH) as answer:
            assert answer.status == 200
            with pytest.raises(UnicodeDecodeError):
                await answer.text()


async def test_a_refused_connection_executes_nothing_and_leaves_the_port_open(
    node: NodeHandle, farmer: Wallet
) -> None:
    envelope = await payment(farmer)
    add(node, fault("connection_refused", "count = 1"))
    with pytest.raises(SdkConnectionError):
        await farmer.send(envelope)
    assert await fate(farmer, envelope) == "NOT_FOUND"


async def test_a_port_that_refuses_connections_for_a_while_comes_back() -> None:
    async with (
        faulty(fault("connection_refused", "count = 1", "wall_seconds = 2")) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        began = time.monotonic()
        with pytest.raises(SdkConnectionError):
            await rpc.get_health()
        refused = 0
        while True:
            try:
                await rpc.get_health()
                break
            except SdkConnectionError as error:
                refused += isinstance(error.__cause__, aiohttp.ClientConnectorError)
                await asyncio.sleep(0.01)
        assert refused > 0
        assert time.monotonic() - began >= 2


async def test_an_answer_is_cut_in_half_after_the_request_was_executed(
    node: NodeHandle, farmer: Wallet
) -> None:
    envelope = await payment(farmer)
    add(node, fault("truncated", "count = 2"))
    with pytest.raises(SdkConnectionError) as cut:
        await farmer.send(envelope)
    assert isinstance(cut.value.__cause__, aiohttp.ClientPayloadError)
    async with aiohttp.ClientSession() as http, http.post(node.rpc_url, json=HEALTH) as answer:
        whole = answer.content_length
        assert whole is not None
        assert len(await answer.content.readany()) == whole // 2
    assert await fate(farmer, envelope) == "SUCCESS"


async def test_a_lost_answer_leaves_the_transaction_in_the_network(node: NodeHandle, farmer: Wallet) -> None:
    envelope = await payment(farmer)
    add(node, fault("answer_lost", "methods = ['sendTransaction']"))
    with pytest.raises(SdkConnectionError):
        await farmer.send(envelope)
    assert await fate(farmer, envelope) == "SUCCESS"


async def test_a_slow_answer_comes_whole_and_late() -> None:
    async with (
        faulty(fault("slow", "wall_seconds = 0.1")) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        began = time.monotonic()
        assert (await rpc.get_health()).status == "healthy"
        assert time.monotonic() - began >= 0.1


async def test_a_dropped_transaction_is_pending_for_ever(node: NodeHandle, farmer: Wallet) -> None:
    envelope = await payment(farmer)
    add(node, fault("transaction_dropped", "count = 1"))
    assert (await farmer.send(envelope)).status.value == "PENDING"
    assert await fate(farmer, envelope) == "NOT_FOUND"
    assert (await farmer.send(envelope)).status.value == "PENDING"
    assert await fate(farmer, envelope) == "SUCCESS"


async def test_a_transaction_that_would_be_refused_is_refused_and_not_dropped(
    node: NodeHandle, farmer: Wallet
) -> None:
    envelope = await payment(farmer)
    await farmer.include(envelope)
    node.close_ledgers(10)
    add(node, fault("transaction_dropped"))
    assert refusal_code(await farmer.send(envelope)) is TransactionResultCode.txBAD_SEQ


async def test_try_again_later_takes_nothing_in(node: NodeHandle, farmer: Wallet) -> None:
    envelope = await payment(farmer)
    add(node, fault("try_again_later", "count = 1"))
    sent = await farmer.send(envelope)
    assert (sent.status.value, sent.hash) == ("TRY_AGAIN_LATER", envelope.hash_hex())
    assert await fate(farmer, envelope) == "NOT_FOUND"
    assert (await farmer.send(envelope)).status.value == "PENDING"


async def healthy(rpc: SorobanServerAsync, requests: int) -> list[bool]:
    """Which of so many requests in a row are answered."""
    answered = []
    for _ in range(requests):
        try:
            answered.append((await rpc.get_health()).status == "healthy")
        except BadResponseError:
            answered.append(False)
    return answered


async def test_the_same_seed_and_requests_meet_the_same_faults() -> None:
    rules = fault("status", "status = 500", "probability = 0.3")
    seen = []
    for seed in (1, 1, 2):
        async with faulty(f"seed = {seed}\n{rules}") as node, SorobanServerAsync(node.rpc_url) as rpc:
            seen.append(await healthy(rpc, 40))
    assert seen[0] == seen[1] != seen[2]
    assert 5 <= seen[0].count(False) <= 20


async def test_the_first_rule_that_strikes_counts_and_those_before_it_keep_their_chances() -> None:
    rules = fault("status", "status = 500", "probability = 0.3")
    before = fault("status", "status = 503", "count = 1", "methods = ['getLatestLedger']")
    async with faulty(rules + before) as node, SorobanServerAsync(node.rpc_url) as rpc:
        with_other = await healthy(rpc, 20)
    async with faulty(rules) as node, SorobanServerAsync(node.rpc_url) as rpc:
        assert await healthy(rpc, 20) == with_other


async def test_every_third_and_at_most_two() -> None:
    rules = fault("status", "status = 500", "every = 3", "count = 2")
    async with faulty(rules) as node, SorobanServerAsync(node.rpc_url) as rpc:
        assert [number for number, well in enumerate(await healthy(rpc, 12), 1) if not well] == [3, 6]
        (active,) = node.faults.rules()
        assert (active.strikes, active.opportunities) == (2, 6)


async def test_a_rule_is_asked_between_its_ledgers_only() -> None:
    rules = fault("status", "status = 500", "from_ledger = 2", "until_ledger = 4")
    async with faulty(rules) as node, SorobanServerAsync(node.rpc_url) as rpc:
        answered = []
        for _ in range(4):
            answered += await healthy(rpc, 1)
            node.close_ledgers()
        assert answered == [True, False, False, True]


async def test_a_rule_strikes_its_nodes_and_methods_only() -> None:
    rules = fault("status", "status = 500", "nodes = [1]", "methods = ['getHealth', 'getEvents']")
    async with faulty(rules, nodes=2) as node:
        urls = [each.rpc_url for each in node.rpc_nodes]
        async with SorobanServerAsync(urls[0]) as first, SorobanServerAsync(urls[1]) as second:
            assert await healthy(first, 1) == [True]
            assert await healthy(second, 1) == [False]
            assert (await second.get_latest_ledger()).sequence == 1
        async with aiohttp.ClientSession() as http:
            batch = [{**HEALTH, "method": "getNetwork"}, HEALTH]
            assert (await http.post(urls[1], json=batch)).status == 500
            assert (await http.post(urls[1], data=b"[7]", headers=JSON)).status == 200


async def test_rules_come_and_go(node: NodeHandle, rpc: SorobanServerAsync) -> None:
    add(node, fault("status", "status = 500"))
    add(node, fault("status", "status = 503"))
    assert await healthy(rpc, 1) == [False]
    first, second = node.faults.rules()
    assert (first.number, second.number) == (1, 2)
    assert node.faults.remove(1) is first
    assert node.faults.remove(1) is None
    assert await healthy(rpc, 1) == [False]
    node.faults.clear()
    assert await healthy(rpc, 1) == [True]
    assert (first.strikes, second.strikes) == (1, 1)
