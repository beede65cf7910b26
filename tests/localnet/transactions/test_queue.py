"""The queue's answers to transactions, in the words and codes of a real node."""

import dataclasses
from collections.abc import AsyncIterator

import pytest
from stellar_sdk import (
    Account,
    Asset,
    FeeBumpTransactionEnvelope,
    Keypair,
    TransactionBuilder,
    TransactionEnvelope,
    xdr,
)
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from localnet.ledger.accounts import find_account
from localnet.network_settings import MAINNET_SETTINGS
from localnet.testing import NodeHandle, running_localnet
from tests.localnet.conftest import START_TIME
from tests.localnet.transactions.wallet_transactions import payment, plant_envelope
from tests.localnet.wallet import Wallet, refusal_code

Code = xdr.TransactionResultCode


def bump(envelope: TransactionEnvelope, payer: Keypair, base_fee: int) -> FeeBumpTransactionEnvelope:
    outer = TransactionBuilder.build_fee_bump_transaction(
        payer, base_fee, envelope, envelope.network_passphrase
    )
    outer.sign(payer)
    return outer


async def test_a_sound_transaction_is_pending_then_found_by_its_hash(wallet: Wallet) -> None:
    envelope = wallet.signed(await payment(wallet))
    sent = await wallet.send(envelope)
    assert (sent.status.value, sent.hash) == ("PENDING", envelope.hash_hex())
    assert sent.latest_ledger == wallet.node.chain.latest.sequence
    assert (await wallet.rpc.get_transaction(sent.hash)).status.value == "NOT_FOUND"
    wallet.node.close_ledgers()
    found = await wallet.outcome(sent.hash)
    assert found.succeeded
    assert found.response.envelope_xdr == envelope.to_xdr()


async def test_the_same_envelope_again_is_a_duplicate_while_it_waits(wallet: Wallet) -> None:
    envelope = wallet.signed(await payment(wallet))
    await wallet.send(envelope)
    assert (await wallet.send(envelope)).status.value == "DUPLICATE"


async def test_a_source_account_has_one_transaction_in_the_queue(wallet: Wallet) -> None:
    account = await wallet.rpc.load_account(wallet.address)
    first, second = (
        TransactionBuilder(account, wallet.node.network.passphrase)
        .add_time_bounds(0, 0)
        .append_payment_op(wallet.node.faucet.public_key, Asset.native(), amount)
        for amount in ("1", "2")
    )
    await wallet.send(wallet.signed(first))
    assert (await wallet.send(wallet.signed(second))).status.value == "TRY_AGAIN_LATER"


async def test_classic_and_soroban_share_the_one_place_of_an_account(wallet: Wallet) -> None:
    await wallet.send(wallet.signed(await payment(wallet)))
    call = await wallet.prepared(calls.plant(wallet.node.network.farm_contract_id, wallet.address, 0))
    assert (await wallet.send(call)).status.value == "TRY_AGAIN_LATER"


async def test_an_applied_transaction_is_banned_and_later_has_a_bad_sequence(wallet: Wallet) -> None:
    envelope = wallet.signed(await payment(wallet))
    assert (await wallet.include(envelope)).succeeded
    assert (await wallet.send(envelope)).status.value == "TRY_AGAIN_LATER"
    wallet.node.close_ledgers(9)
    assert (await wallet.send(envelope)).status.value == "TRY_AGAIN_LATER"
    wallet.node.close_ledgers()
    assert refusal_code(await wallet.send(envelope)) == Code.txBAD_SEQ


async def test_an_older_sequence_number_than_the_waiting_one_is_bad(wallet: Wallet) -> None:
    account = await wallet.rpc.load_account(wallet.address)
    await wallet.send(wallet.signed(await payment(wallet)))
    old = TransactionBuilder(
        Account(wallet.address, account.sequence - 1), wallet.node.network.passphrase
    ).add_time_bounds(0, 0)
    old.append_payment_op(wallet.node.faucet.public_key, Asset.native(), "1")
    sent = await wallet.send(wallet.signed(old))
    assert refusal_code(sent) == Code.txBAD_SEQ
    assert sent.error_result_xdr is not None
    assert xdr.TransactionResult.from_xdr(sent.error_result_xdr).fee_charged.int64 == 0


@pytest.mark.parametrize("ledgers", [0, 3])
async def test_bounds_hold_until_the_last_ledger_inside_of_them(wallet: Wallet, ledgers: int) -> None:
    builder = await payment(wallet)
    builder.set_ledger_bounds(0, wallet.node.chain.latest.sequence + 5)
    envelope = wallet.signed(builder)
    wallet.node.close_ledgers(ledgers)
    assert (await wallet.include(envelope)).succeeded


async def test_all_waiting_bids_of_a_fee_source_must_be_covered(wallet: Wallet) -> None:
    other = await Wallet.funded(wallet.node, wallet.rpc)
    await wallet.apply(await payment(wallet, amount="9998"))
    first = bump(other.signed(await payment(other)), wallet.key, 4_000_000)
    assert (await wallet.send(first)).status.value == "PENDING"
    second = await wallet.send(wallet.signed(await payment(wallet, fee=4_000_000, amount="0.1")))
    assert refusal_code(second) == Code.txINSUFFICIENT_BALANCE


# Fee bumps


async def test_a_fee_bump_is_paid_by_its_source_and_found_by_both_hashes(wallet: Wallet) -> None:
    payer = await Wallet.funded(wallet.node, wallet.rpc)
    call = await plant_envelope(wallet)
    outer = bump(call, payer.key, call.transaction.fee)
    before = balances(wallet, payer)
    included = await payer.include(outer)
    assert included.result.result.code == Code.txFEE_BUMP_INNER_SUCCESS
    pair = included.result.result.inner_result_pair
    assert pair is not None
    assert pair.transaction_hash.hash.hex() == call.hash_hex()
    assert pair.result.fee_charged.int64 == 0
    after = balances(wallet, payer)
    assert after == (before[0], before[1] - included.result.fee_charged.int64)
    inner = await wallet.rpc.get_transaction(call.hash_hex())
    assert inner.transaction_hash == call.hash_hex()
    assert inner.fee_bump is True
    assert inner.envelope_xdr == outer.to_xdr()


def balances(*wallets: Wallet) -> tuple[int, ...]:
    return tuple(native_balance(wallet) for wallet in wallets)


def native_balance(wallet: Wallet) -> int:
    account = find_account(wallet.node.chain.state, wallet.key.raw_public_key())
    assert account is not None
    return account.balance.int64


async def test_a_fee_bump_replaces_a_waiting_transaction_at_ten_times_its_bid(wallet: Wallet) -> None:
    payer = await Wallet.funded(wallet.node, wallet.rpc)
    inner = wallet.signed(await payment(wallet))
    await wallet.send(inner)
    low = await payer.send(bump(inner, payer.key, 999))
    assert refusal_code(low) == Code.txINSUFFICIENT_FEE
    assert low.error_result_xdr is not None
    assert xdr.TransactionResult.from_xdr(low.error_result_xdr).fee_charged.int64 == 2_000
    high = bump(inner, payer.key, 1_000)
    assert (await payer.send(high)).status.value == "PENDING"
    assert (await payer.send(inner)).status.value == "DUPLICATE"
    wallet.node.close_ledgers()
    assert (await wallet.outcome(high.hash_hex())).response.fee_bump is True


async def test_a_fee_bump_below_the_resource_fee_is_insufficient_and_not_malformed(wallet: Wallet) -> None:
    payer = await Wallet.funded(wallet.node, wallet.rpc)
    call = await plant_envelope(wallet)
    outer = bump(call, payer.key, call.transaction.fee)
    outer.transaction.fee = 1_000
    outer.signatures.clear()
    outer.sign(payer.key)
    assert refusal_code(await payer.send(outer)) == Code.txINSUFFICIENT_FEE


async def test_a_fee_bump_tells_its_own_failure_from_the_inner_ones(wallet: Wallet) -> None:
    payer = await Wallet.funded(wallet.node, wallet.rpc)
    inner = wallet.signed(await payment(wallet))
    outer = bump(inner, payer.key, 200)
    outer.signatures.clear()
    assert refusal_code(await payer.send(outer)) == Code.txBAD_AUTH
    inner.signatures.clear()
    sent = await payer.send(bump(inner, payer.key, 200))
    assert refusal_code(sent) == Code.txFEE_BUMP_INNER_FAILED
    assert sent.error_result_xdr is not None
    pair = xdr.TransactionResult.from_xdr(sent.error_result_xdr).result.inner_result_pair
    assert pair is not None
    assert pair.result.result.code == Code.txBAD_AUTH


# Waiting


@pytest.fixture
async def full_node() -> AsyncIterator[NodeHandle]:
    """A network whose ledgers have no room for classic operations once the faucet has paid."""
    ledger = dataclasses.replace(MAINNET_SETTINGS.ledger, classic_operations=1)
    limits = dataclasses.replace(MAINNET_SETTINGS, ledger=ledger)
    async with running_localnet(runs_clock=False, start_time=START_TIME, network_settings=limits) as handle:
        yield handle


async def test_a_transaction_waits_four_ledgers_and_is_banned_for_ten(full_node: NodeHandle) -> None:
    async with SorobanServerAsync(full_node.rpc_url) as rpc:
        wallet = await Wallet.funded(full_node, rpc)
        builder = (await payment(wallet)).append_payment_op(wallet.address, Asset.native(), "1")
        envelope = wallet.signed(builder)
        assert (await wallet.send(envelope)).status.value == "PENDING"
        full_node.close_ledgers(3)
        assert (await wallet.send(envelope)).status.value == "DUPLICATE"
        full_node.close_ledgers()
        assert (await wallet.send(envelope)).status.value == "TRY_AGAIN_LATER"
        assert (await wallet.rpc.get_transaction(envelope.hash_hex())).status.value == "NOT_FOUND"
        full_node.close_ledgers(9)
        assert (await wallet.send(envelope)).status.value == "TRY_AGAIN_LATER"
        full_node.close_ledgers()
        assert (await wallet.send(envelope)).status.value == "PENDING"


async def test_a_transaction_whose_time_runs_out_in_the_queue_is_never_included(
    full_node: NodeHandle,
) -> None:
    async with SorobanServerAsync(full_node.rpc_url) as rpc:
        wallet = await Wallet.funded(full_node, rpc)
        builder = (await payment(wallet)).append_payment_op(wallet.address, Asset.native(), "1")
        builder.set_ledger_bounds(0, full_node.chain.latest.sequence + 3)
        sequence = (await rpc.load_account(wallet.address)).sequence
        envelope = wallet.signed(builder)
        await wallet.send(envelope)
        full_node.close_ledgers(3)
        assert (await wallet.send(envelope)).status.value == "TRY_AGAIN_LATER"
        assert (await rpc.load_account(wallet.address)).sequence == sequence
