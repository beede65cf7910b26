"""Ledgers: their clock, their chain of hashes, their metas, and how long they are kept."""

import asyncio
import hashlib

import pytest
from stellar_sdk import Asset, xdr
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.networks import LOCAL
from localnet.chain.chain import Chain, new_chain
from localnet.chain.ledger_clock import LedgerClock
from localnet.genesis import FRIENDBOT_MINIONS
from localnet.network_settings import MAINNET_SETTINGS
from localnet.testing import NodeHandle, running_localnet
from tests.localnet.conftest import START_TIME
from tests.localnet.wallet import Wallet


def chain_of(retention: int = 100) -> Chain:
    return new_chain(LOCAL, MAINNET_SETTINGS, START_TIME, retention)


def test_every_ledger_is_five_seconds_after_the_one_before() -> None:
    chain = chain_of()
    assert (chain.latest.sequence, chain.latest.close_time) == (1, START_TIME)
    for number in range(1, 20):
        ledger = chain.close_ledger()
        assert (ledger.sequence, ledger.close_time) == (1 + number, START_TIME + 5 * number)


def test_two_chains_from_the_same_start_are_the_same_chain() -> None:
    one, other = chain_of(), chain_of()
    for _ in range(5):
        assert one.close_ledger().hash == other.close_ledger().hash


def test_headers_hash_to_the_ledgers_id_and_name_the_one_before() -> None:
    chain = chain_of()
    previous = chain.latest
    for _ in range(5):
        ledger = chain.close_ledger()
        header = xdr.LedgerHeader.from_xdr_bytes(ledger.header)
        assert hashlib.sha256(ledger.header).digest() == ledger.hash
        assert header.previous_ledger_hash.hash == previous.hash
        assert header.ledger_seq.uint32 == ledger.sequence
        assert header.ledger_version.uint32 == 29
        assert header.scp_value.close_time.time_point.uint64 == ledger.close_time
        previous = ledger


async def test_a_ledgers_meta_holds_its_transactions_in_apply_order(node: NodeHandle) -> None:
    async with SorobanServerAsync(node.rpc_url) as rpc:
        wallets = [await Wallet.funded(node, rpc, kale="10") for _ in range(3)]
        for wallet in wallets[:2]:
            call = calls.plant(LOCAL.farm_contract_id, wallet.address, 10)
            await wallet.send(await wallet.prepared(call))
        payment = await wallets[2].builder()
        payment.append_payment_op(wallets[0].address, Asset.native(), "1")
        await wallets[2].send(wallets[2].signed(payment))
        node.close_ledgers()
    ledger = node.chain.latest
    encoded = ledger.close_meta(MAINNET_SETTINGS)
    meta = xdr.LedgerCloseMeta.from_xdr_bytes(encoded)
    assert meta.to_xdr_bytes() == encoded
    assert meta.v2 is not None
    assert [item.result.transaction_hash.hash for item in meta.v2.tx_processing] == [
        transaction.hash for transaction in ledger.transactions
    ]
    set_hash = hashlib.sha256(meta.v2.tx_set.to_xdr_bytes()).digest()
    header = meta.v2.ledger_header.header
    assert header.scp_value.tx_set_hash.hash == set_hash
    results = xdr.TransactionResultSet([item.result for item in meta.v2.tx_processing])
    assert header.tx_set_result_hash.hash == hashlib.sha256(results.to_xdr_bytes()).digest()
    assert header.fee_pool.int64 == ledger.fee_pool_stroops


async def test_changes_in_metas_lead_from_state_to_state(node: NodeHandle) -> None:
    """Every STATE in a meta is what was there before, and every entry that is new has its TTL entry."""
    async with SorobanServerAsync(node.rpc_url) as rpc:
        wallet = await Wallet.funded(node, rpc, kale="10")
        planted = await wallet.call(calls.plant(LOCAL.farm_contract_id, wallet.address, 10))
    kinds = [change.type.name.removeprefix("LEDGER_ENTRY_") for change in changes_of(planted.meta)]
    assert kinds.count("STATE") == kinds.count("UPDATED") + kinds.count("REMOVED")
    created = [change.created.data for change in changes_of(planted.meta) if change.created is not None]
    data_keys = {data_key_hash(data) for data in created if data.contract_data is not None}
    lives = {data.ttl.key_hash.hash for data in created if data.ttl is not None}
    assert len(data_keys) == 2
    assert lives == data_keys


def changes_of(meta: xdr.TransactionMetaV4) -> list[xdr.LedgerEntryChange]:
    return meta.operations[0].changes.ledger_entry_changes


def data_key_hash(data: xdr.LedgerEntryData) -> bytes:
    entry = data.contract_data
    assert entry is not None
    key = xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.LedgerKeyContractData(entry.contract, entry.key, entry.durability),
    )
    return hashlib.sha256(key.to_xdr_bytes()).digest()


async def test_old_ledgers_and_their_transactions_are_forgotten() -> None:
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME, retention_ledgers=10) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        wallet = await Wallet.funded(node, rpc)
        paid = await wallet.apply(
            (await wallet.builder()).append_payment_op(wallet.address, Asset.native(), "1")
        )
        found_hash = paid.response.transaction_hash
        node.close_ledgers(9)
        assert (await rpc.get_transaction(found_hash)).status.value == "SUCCESS"
        node.close_ledgers()
        missing = await rpc.get_transaction(found_hash)
        assert missing.status.value == "NOT_FOUND"
        assert missing.latest_ledger - missing.oldest_ledger == 9
        assert (await rpc.get_health()).oldest_ledger == missing.oldest_ledger


async def test_the_clock_closes_ledgers_one_by_one_at_its_speed() -> None:
    async with running_localnet(speed=500, start_time=START_TIME) as node:
        loop = asyncio.get_running_loop()
        began = loop.time()
        seen = [(await node.chain.next_ledger_closed()).sequence for _ in range(20)]
        assert seen == list(range(seen[0], seen[0] + 20))
        assert loop.time() - began > 20 * 0.005


async def test_a_late_clock_catches_up_without_skipping() -> None:
    chain = chain_of()
    clock = asyncio.create_task(LedgerClock(chain, 500).close_ledgers_forever())
    await chain.next_ledger_closed()
    stall_event_loop(seconds=0.1)
    before = chain.latest.sequence
    sequences = [(await chain.next_ledger_closed()).sequence for _ in range(10)]
    clock.cancel()
    assert sequences == list(range(before + 1, before + 11))
    assert chain.latest.close_time == START_TIME + 5 * (chain.latest.sequence - 1)


def stall_event_loop(seconds: float) -> None:
    """Keeps the loop busy, as an overloaded machine would."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        pass


@pytest.mark.parametrize("ledgers", [1, 7])
async def test_apply_order_is_not_the_order_of_submission_but_repeats(ledgers: int) -> None:
    async def order() -> list[bytes]:
        async with (
            running_localnet(runs_clock=False, start_time=START_TIME) as node,
            SorobanServerAsync(node.rpc_url) as rpc,
        ):
            wallets = [Wallet(node, rpc, key) for key in FRIENDBOT_MINIONS[:8]]
            node.close_ledgers(ledgers)
            hashes = []
            for wallet in wallets:
                builder = await wallet.builder()
                builder.append_payment_op(wallet.address, Asset.native(), "1")
                sent = await wallet.send(wallet.signed(builder))
                hashes.append(bytes.fromhex(sent.hash))
            node.close_ledgers()
            applied = [transaction.hash for transaction in node.chain.latest.transactions]
            assert sorted(applied) == sorted(hashes)
            assert applied != hashes
            return applied

    assert await order() == await order()


def test_an_observer_is_told_of_each_ledger_and_what_it_changed() -> None:
    chain = chain_of()
    told: list[tuple[int, int]] = []
    chain.observers.append(lambda ledger, changes: told.append((ledger.sequence, len(changes))))
    chain.close_ledger()
    chain.close_ledger()
    assert told == [(2, 0), (3, 0)]
