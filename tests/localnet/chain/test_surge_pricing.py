"""Ledgers that are full: what is paid, what waits, and what headers and fee statistics tell of it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from stellar_sdk import Asset, xdr
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.networks import LOCAL
from localnet.genesis import FAUCET, FRIENDBOT_MINIONS
from localnet.network_settings import MAINNET_SETTINGS, NetworkSettings
from localnet.testing import NodeHandle, running_localnet
from tests.localnet.conftest import START_TIME
from tests.localnet.wallet import Wallet

SMALL: NetworkSettings = replace(
    MAINNET_SETTINGS, ledger=replace(MAINNET_SETTINGS.ledger, classic_operations=2, soroban_transactions=2)
)


@pytest.fixture
async def small_node() -> AsyncIterator[NodeHandle]:
    async with running_localnet(runs_clock=False, start_time=START_TIME, network_settings=SMALL) as handle:
        yield handle


@pytest.fixture
async def wallets(small_node: NodeHandle) -> AsyncIterator[list[Wallet]]:
    async with SorobanServerAsync(small_node.rpc_url) as rpc:
        yield [Wallet(small_node, rpc, key) for key in FRIENDBOT_MINIONS[:4]]


async def pay(wallet: Wallet, fee: int) -> str:
    builder = (await wallet.builder(fee)).append_payment_op(FAUCET.public_key, Asset.native(), "1")
    sent = await wallet.send(wallet.signed(builder))
    assert sent.status.value == "PENDING"
    return sent.hash


async def plant(wallet: Wallet, bid: int) -> str:
    envelope = await wallet.prepared(calls.plant(LOCAL.farm_contract_id, wallet.address, 0))
    envelope.transaction.fee += bid - 100
    envelope.signatures.clear()
    envelope.sign(wallet.key)
    sent = await wallet.send(envelope)
    assert sent.status.value == "PENDING"
    return sent.hash


async def test_a_full_ledger_charges_its_lowest_bid_and_the_rest_waits(wallets: list[Wallet]) -> None:
    node = wallets[0].node
    hashes = [await pay(wallet, fee) for wallet, fee in zip(wallets, (150, 900, 500), strict=False)]
    node.close_ledgers()
    assert (await wallets[0].rpc.get_transaction(hashes[0])).status.value == "NOT_FOUND"
    for transaction_hash in hashes[1:]:
        assert (await wallets[0].outcome(transaction_hash)).result.fee_charged.int64 == 500
    node.close_ledgers()
    late = await wallets[0].outcome(hashes[0])
    assert late.result.fee_charged.int64 == 100, "the next ledger is not full"
    assert late.response.ledger == node.chain.latest.sequence


async def test_contract_calls_surge_apart_from_payments(wallets: list[Wallet]) -> None:
    node = wallets[0].node
    paid = await pay(wallets[3], 10_000)
    planted = [await plant(wallet, bid) for wallet, bid in zip(wallets, (700, 300, 200), strict=False)]
    node.close_ledgers()
    assert (await wallets[3].outcome(paid)).result.fee_charged.int64 == 100
    found = node.chain.history.find_transaction(bytes.fromhex(planted[0]))
    assert found is not None
    assert found.inclusion_fee_stroops == 300
    stats = await wallets[0].rpc.get_fee_stats()
    assert (stats.soroban_inclusion_fee.min, stats.soroban_inclusion_fee.max) == (300, 300)
    assert stats.soroban_inclusion_fee.transaction_count == 2
    assert stats.inclusion_fee.max == 100


async def test_the_transaction_set_tells_the_base_fee_of_each_phase(wallets: list[Wallet]) -> None:
    node = wallets[0].node
    for wallet, fee in zip(wallets, (150, 900, 500), strict=False):
        await pay(wallet, fee)
    await plant(wallets[3], 100)
    node.close_ledgers()
    meta = xdr.LedgerCloseMeta.from_xdr_bytes(node.chain.latest.close_meta(SMALL))
    assert meta.v2 is not None
    generalized = meta.v2.tx_set.v1_tx_set
    assert generalized is not None
    classic, soroban = generalized.phases
    assert classic.v0_components is not None
    (component,) = classic.v0_components
    priced = component.txs_maybe_discounted_fee
    assert priced is not None
    assert priced.base_fee is not None
    assert (priced.base_fee.int64, len(priced.txs)) == (500, 2)
    parallel = soroban.parallel_txs_component
    assert parallel is not None
    assert parallel.base_fee is not None
    assert parallel.base_fee.int64 == 100
    assert [
        len(cluster.dependent_tx_cluster)
        for cluster in parallel.execution_stages[0].parallel_tx_execution_stage
    ] == [1]


async def test_fee_statistics_have_percentiles_by_nearest_rank(wallets: list[Wallet]) -> None:
    """Five prices: 100 three times, then 300 for one that had to beat another, and for its neighbour."""
    node = wallets[0].node
    for _ in range(3):
        await pay(wallets[0], 100)
        node.close_ledgers()
    for wallet, fee in zip(wallets, (300, 400, 100), strict=False):
        await pay(wallet, fee)
    node.close_ledgers()
    fees = (await wallets[0].rpc.get_fee_stats()).inclusion_fee
    assert (fees.min, fees.mode, fees.max, fees.transaction_count) == (100, 100, 300, 5)
    assert (fees.p10, fees.p50, fees.p60, fees.p70, fees.p99) == (100, 100, 100, 300, 300)
    assert fees.ledger_count == 5
    node.close_ledgers(11)
    fees = (await wallets[0].rpc.get_fee_stats()).inclusion_fee
    assert (fees.transaction_count, fees.max, fees.ledger_count) == (0, 0, 0)
