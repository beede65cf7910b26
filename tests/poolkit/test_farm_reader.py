"""Reads of a real localnet, before and after a real plant sent through our own client."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from stellar_sdk import Account, InvokeHostFunction, Keypair, TransactionBuilder, xdr

from kale import calls
from kale.constants import STROOPS_PER_KALE, TEMPORARY_LIFETIME_LEDGERS
from kale.networks import LOCAL
from localnet.testing import NodeHandle, running_localnet
from poolkit.chain_clock import ChainClock, LedgerFollower
from poolkit.errors import NotFound, RpcUnavailable
from poolkit.farm_reader import FarmReader
from poolkit.rpc_answers import EventFilter, SendStatus, TransactionLookup, TransactionStatus
from poolkit.stellar_rpc import StellarRpc

STRANGER = Keypair.from_raw_ed25519_seed(bytes(32)).public_key
STAKE_STROOPS = 5 * STROOPS_PER_KALE


@pytest.fixture
async def node() -> AsyncIterator[NodeHandle]:
    async with running_localnet(runs_clock=False, start_time=1_700_000_000) as node:
        yield node


@pytest.fixture
async def rpc(node: NodeHandle) -> AsyncIterator[StellarRpc]:
    async with StellarRpc([node.rpc_url]) as rpc:
        yield rpc


@pytest.fixture
def reader(rpc: StellarRpc) -> FarmReader:
    return FarmReader(rpc, LOCAL)


async def plant(node: NodeHandle, rpc: StellarRpc, reader: FarmReader) -> TransactionLookup:
    """Plant for the faucet: simulate, assemble, send, close a ledger, look up."""
    account = await reader.get_account(node.faucet.public_key)
    call = InvokeHostFunction(calls.plant(LOCAL.farm_contract_id, account.address, STAKE_STROOPS), auth=[])
    source = Account(account.address, account.sequence)
    builder = TransactionBuilder(source, LOCAL.passphrase, base_fee=100).append_operation(call)
    trial = await rpc.simulate(builder.set_timeout(0).build().to_xdr())
    assert trial.error is None
    assert trial.transaction_data_xdr is not None
    call.auth = [xdr.SorobanAuthorizationEntry.from_xdr(entry) for entry in trial.auth_xdr]
    source = Account(account.address, account.sequence)
    builder = TransactionBuilder(
        source, LOCAL.passphrase, base_fee=100 + trial.min_resource_fee_stroops
    ).append_operation(call)
    data = xdr.SorobanTransactionData.from_xdr(trial.transaction_data_xdr)
    envelope = builder.set_timeout(0).set_soroban_data(data).build()
    envelope.sign(node.faucet)
    outcome = await rpc.send(envelope.to_xdr())
    assert (outcome.status, outcome.hash) == (SendStatus.PENDING, envelope.hash_hex())
    assert (await rpc.transaction(outcome.hash)).status is TransactionStatus.NOT_FOUND
    node.close_ledgers()
    return await rpc.transaction(outcome.hash)


async def test_the_farm_is_read_with_its_ledger(node: NodeHandle, reader: FarmReader) -> None:
    view = await reader.farm()
    assert view.ledger == node.chain.latest.sequence
    assert (view.farm.asset_contract_id, view.farm.paused) == (LOCAL.asset_contract_id, False)


async def test_a_contract_that_is_no_farm_is_not_found(rpc: StellarRpc) -> None:
    missing = replace(LOCAL, farm_contract_id="CDL74RF5BLYR2YBLCCI7F5FB6TPSCLKEJUBSD2RSVWZ4YHF3VMFAIGWA")
    with pytest.raises(NotFound, match="there is no farm contract CDL74"):
        await FarmReader(rpc, missing).farm()
    token = replace(LOCAL, farm_contract_id=LOCAL.asset_contract_id)
    with pytest.raises(NotFound, match="is not a farm"):
        await FarmReader(rpc, token).farm()


async def test_accounts_and_trustlines_are_read_and_missing_ones_left_out(
    node: NodeHandle, reader: FarmReader
) -> None:
    faucet = node.faucet.public_key
    accounts = await reader.accounts([faucet, STRANGER])
    assert list(accounts) == [faucet]
    assert accounts[faucet].balance_stroops > accounts[faucet].minimum_stroops
    assert (accounts[faucet].subentries, accounts[faucet].minimum_stroops) == (1, 15_000_000)
    lines = await reader.trustlines([faucet, STRANGER])
    assert list(lines) == [faucet]
    assert lines[faucet].authorized
    assert 0 < lines[faucet].balance_stroops <= lines[faucet].limit_stroops
    assert (await reader.find_account(STRANGER), await reader.find_trustline(STRANGER)) == (None, None)
    with pytest.raises(NotFound, match=f"account {STRANGER} does not exist on local"):
        await reader.get_account(STRANGER)


async def test_nothing_wanted_is_nothing_asked(reader: FarmReader) -> None:
    assert await reader.pails([]) == {}
    assert await reader.accounts([]) == {}


async def test_a_plant_shows_in_pail_block_balance_and_events(
    node: NodeHandle, rpc: StellarRpc, reader: FarmReader
) -> None:
    faucet = node.faucet.public_key
    index = (await reader.farm()).farm.index
    node.close_ledgers(60)
    before = (await reader.trustlines([faucet]))[faucet].balance_stroops
    assert await reader.find_block(index + 1) is None
    with pytest.raises(NotFound, match=f"block {index + 1} has no entry on local"):
        await reader.get_block(index + 1)

    planted = await plant(node, rpc, reader)

    assert planted.status is TransactionStatus.SUCCESS
    assert planted.ledger == node.chain.latest.sequence
    pail = await reader.find_pail(faucet, index + 1)
    assert pail is not None
    assert (pail.pail.stake, pail.pail.sequence, pail.pail.gap) == (STAKE_STROOPS, planted.ledger, None)
    assert pail.live_until == planted.ledger + TEMPORARY_LIFETIME_LEDGERS - 1
    assert (await reader.farm()).farm.index == index + 1
    opened = await reader.get_block(index + 1)
    assert opened.block.staked_total == STAKE_STROOPS
    assert before - (await reader.trustlines([faucet]))[faucet].balance_stroops == STAKE_STROOPS
    page = await rpc.events(
        start_ledger=planted.ledger, filters=[EventFilter(contract_ids=(LOCAL.asset_contract_id,))]
    )
    assert [event.transaction_hash for event in page.events] == [planted.hash]
    assert (await rpc.events(cursor=page.cursor)).events == ()
    assert (await rpc.fee_stats()).soroban.transaction_count == 1


async def test_a_node_that_is_down_is_unavailable_and_comes_back(node: NodeHandle, rpc: StellarRpc) -> None:
    await rpc.latest_ledger()
    await node.pause_rpc()
    with pytest.raises(RpcUnavailable):
        await rpc.latest_ledger()
    await node.resume_rpc()
    assert (await rpc.latest_ledger()).sequence == node.chain.latest.sequence
    assert (await rpc.network()).passphrase == LOCAL.passphrase


@pytest.mark.parametrize("speed", [20.0, 60.0])
async def test_the_follower_keeps_up_with_a_fast_localnet(speed: float) -> None:
    async with running_localnet(speed=speed) as node, StellarRpc([node.rpc_url]) as rpc:
        clock = ChainClock()
        following = asyncio.create_task(LedgerFollower(rpc, clock).run_forever())
        try:
            async with asyncio.timeout(200):
                first = await clock.wait_for_next_ledger()
                head = await clock.wait_for_ledger(first.sequence + 25)
                while clock.pace != pytest.approx(speed, rel=0.3):  # the machine was busy in these ledgers
                    head = await clock.wait_for_next_ledger()
                started = clock.now()
                await clock.sleep(20)
                assert clock.now() - started >= 20
                later = await clock.wait_until(head.close_time + 30)
                assert later.close_time >= head.close_time + 30
        finally:
            following.cancel()
            await asyncio.wait({following})
