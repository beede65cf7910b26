"""The queue's answers to transactions, in the words and codes of a real node."""

import dataclasses
from collections.abc import AsyncIterator, Callable

import pytest
from stellar_sdk import (
    Account,
    Asset,
    FeeBumpTransactionEnvelope,
    IdMemo,
    InvokeHostFunction,
    Keypair,
    MuxedAccount,
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
from tests.localnet.wallet import Wallet, refusal_code

Code = xdr.TransactionResultCode


@pytest.fixture
async def wallet(node: NodeHandle, rpc: SorobanServerAsync) -> Wallet:
    return await Wallet.funded(node, rpc)


async def payment(wallet: Wallet, fee: int = 100, amount: str = "1") -> TransactionBuilder:
    return (await wallet.builder(fee)).append_payment_op(
        wallet.node.faucet.public_key, Asset.native(), amount
    )


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


Change = Callable[[TransactionBuilder, Wallet], object]


REFUSALS: list[tuple[str, Change, xdr.TransactionResultCode]] = [
    ("maxTime in the past", lambda b, w: b.add_time_bounds(0, START_TIME), Code.txTOO_LATE),
    (
        "maxTime within the next two ledgers",
        lambda b, w: b.add_time_bounds(0, w.node.chain.latest.close_time + 9),
        Code.txTOO_LATE,
    ),
    (
        "minTime in the future",
        lambda b, w: b.add_time_bounds(w.node.chain.latest.close_time + 1, 0),
        Code.txTOO_EARLY,
    ),
    (
        "maxLedger is the next ledger, and exclusive",
        lambda b, w: b.set_ledger_bounds(0, w.node.chain.latest.sequence + 1),
        Code.txTOO_LATE,
    ),
    (
        "minLedger after the next ledger",
        lambda b, w: b.set_ledger_bounds(w.node.chain.latest.sequence + 2, 0),
        Code.txTOO_EARLY,
    ),
    (
        "sequence age not reached",
        lambda b, w: b.set_min_sequence_age(w.node.chain.latest.close_time + 1),
        Code.txBAD_MIN_SEQ_AGE_OR_GAP,
    ),
    (
        "sequence gap not reached",
        lambda b, w: b.set_min_sequence_ledger_gap(w.node.chain.latest.sequence + 2),
        Code.txBAD_MIN_SEQ_AGE_OR_GAP,
    ),
    ("fee below the base fee", lambda b, w: setattr(b, "base_fee", 99), Code.txINSUFFICIENT_FEE),
    (
        "fee above the balance",
        lambda b, w: setattr(b, "base_fee", 4_000_000_000),
        Code.txINSUFFICIENT_BALANCE,
    ),
]


@pytest.mark.parametrize(("change", "code"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
async def test_a_transaction_that_breaks_a_rule_is_an_error_with_its_result(
    node: NodeHandle, rpc: SorobanServerAsync, change: Change, code: xdr.TransactionResultCode
) -> None:
    wallet = await Wallet.funded(node, rpc)
    await wallet.apply(await payment(wallet, amount="9700"))
    builder = await payment(wallet)
    change(builder, wallet)
    sent = await wallet.send(wallet.signed(builder))
    assert refusal_code(sent) == code
    assert sent.error_result_xdr is not None
    assert xdr.TransactionResult.from_xdr(sent.error_result_xdr).fee_charged.int64 == 100


@pytest.mark.parametrize("ledgers", [0, 3])
async def test_bounds_hold_until_the_last_ledger_inside_of_them(wallet: Wallet, ledgers: int) -> None:
    builder = await payment(wallet)
    builder.set_ledger_bounds(0, wallet.node.chain.latest.sequence + 5)
    envelope = wallet.signed(builder)
    wallet.node.close_ledgers(ledgers)
    assert (await wallet.include(envelope)).succeeded


async def test_an_unknown_account_and_a_wrong_or_superfluous_signature_are_refused(wallet: Wallet) -> None:
    stranger = Keypair.random()
    unknown = TransactionBuilder(Account(stranger.public_key, 1), wallet.node.network.passphrase)
    unknown.add_time_bounds(0, 0).append_payment_op(wallet.address, Asset.native(), "1")
    envelope = unknown.build()
    envelope.sign(stranger)
    assert refusal_code(await wallet.send(envelope)) == Code.txNO_ACCOUNT
    unsigned = (await payment(wallet)).build()
    assert refusal_code(await wallet.send(unsigned)) == Code.txBAD_AUTH
    unsigned.sign(stranger)
    assert refusal_code(await wallet.send(unsigned)) == Code.txBAD_AUTH
    unsigned.sign(wallet.key)
    assert refusal_code(await wallet.send(unsigned)) == Code.txBAD_AUTH_EXTRA


async def test_a_signature_for_another_network_is_none(wallet: Wallet) -> None:
    account = await wallet.rpc.load_account(wallet.address)
    builder = TransactionBuilder(account, "Public Global Stellar Network ; September 2015")
    builder.add_time_bounds(0, 0).append_payment_op(wallet.address, Asset.native(), "1")
    assert refusal_code(await wallet.send(wallet.signed(builder))) == Code.txBAD_AUTH


async def test_a_gap_in_sequence_numbers_is_bad_unless_a_minimum_allows_it(wallet: Wallet) -> None:
    account = await wallet.rpc.load_account(wallet.address)
    known = account.sequence
    account.sequence += 5
    builder = TransactionBuilder(account, wallet.node.network.passphrase).add_time_bounds(0, 0)
    builder.append_payment_op(wallet.node.faucet.public_key, Asset.native(), "1")
    assert refusal_code(await wallet.send(wallet.signed(builder))) == Code.txBAD_SEQ
    builder.source_account.sequence = known + 5
    builder.set_min_sequence_number(known)
    assert (await wallet.apply(builder)).succeeded
    assert (await wallet.rpc.load_account(wallet.address)).sequence == known + 6


async def test_a_transaction_without_operations_is_refused(wallet: Wallet) -> None:
    assert refusal_code(await wallet.send(wallet.signed(await wallet.builder()))) == Code.txMISSING_OPERATION


async def plant_envelope(wallet: Wallet) -> TransactionEnvelope:
    return await wallet.prepared(calls.plant(wallet.node.network.farm_contract_id, wallet.address, 0))


def drop_resources(envelope: TransactionEnvelope, wallet: Wallet) -> None:
    envelope.transaction.soroban_data = None


def underpay_resources(envelope: TransactionEnvelope, wallet: Wallet) -> None:
    assert envelope.transaction.soroban_data is not None
    envelope.transaction.soroban_data.resource_fee = xdr.Int64(1_000)


def overpay_resources(envelope: TransactionEnvelope, wallet: Wallet) -> None:
    assert envelope.transaction.soroban_data is not None
    envelope.transaction.soroban_data.resource_fee = xdr.Int64(envelope.transaction.fee + 1)


def exceed_instructions(envelope: TransactionEnvelope, wallet: Wallet) -> None:
    assert envelope.transaction.soroban_data is not None
    envelope.transaction.soroban_data.resources.instructions = xdr.Uint32(400_000_001)


def repeat_key(envelope: TransactionEnvelope, wallet: Wallet) -> None:
    assert envelope.transaction.soroban_data is not None
    footprint = envelope.transaction.soroban_data.resources.footprint
    footprint.read_only.append(footprint.read_write[0])


def add_memo(envelope: TransactionEnvelope, wallet: Wallet) -> None:
    envelope.transaction.memo = IdMemo(1)


def multiplex_source(envelope: TransactionEnvelope, wallet: Wallet) -> None:
    envelope.transaction.source = MuxedAccount(wallet.address, 1)


def call_twice(envelope: TransactionEnvelope, wallet: Wallet) -> None:
    envelope.transaction.operations.append(envelope.transaction.operations[0])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (drop_resources, Code.txMALFORMED),
        (overpay_resources, Code.txMALFORMED),
        (call_twice, Code.txMALFORMED),
        (underpay_resources, Code.txSOROBAN_INVALID),
        (exceed_instructions, Code.txSOROBAN_INVALID),
        (repeat_key, Code.txSOROBAN_INVALID),
        (add_memo, Code.txSOROBAN_INVALID),
        (multiplex_source, Code.txSOROBAN_INVALID),
    ],
)
async def test_a_malformed_contract_call_is_refused_before_it_runs(
    wallet: Wallet,
    change: Callable[[TransactionEnvelope, Wallet], None],
    code: xdr.TransactionResultCode,
) -> None:
    envelope = await plant_envelope(wallet)
    change(envelope, wallet)
    envelope.signatures.clear()
    envelope.sign(wallet.key)
    assert refusal_code(await wallet.send(envelope)) == code


async def test_a_classic_transaction_with_resources_is_malformed(wallet: Wallet) -> None:
    resources = (await plant_envelope(wallet)).transaction.soroban_data
    envelope = (await payment(wallet, fee=1_000_000)).build()
    envelope.transaction.soroban_data = resources
    envelope.sign(wallet.key)
    assert await malformed_fee(wallet, envelope) == 100, "its resources pay for nothing"


async def malformed_fee(wallet: Wallet, envelope: TransactionEnvelope) -> int:
    """The fee that is told with txMALFORMED."""
    sent = await wallet.send(envelope)
    assert refusal_code(sent) == Code.txMALFORMED
    assert sent.error_result_xdr is not None
    return xdr.TransactionResult.from_xdr(sent.error_result_xdr).fee_charged.int64


@pytest.mark.parametrize("first", ["classic", "Soroban"])
async def test_classic_and_soroban_operations_do_not_mix(wallet: Wallet, first: str) -> None:
    """The first one decides what kind of transaction it is, and so which fee is told."""
    call = await plant_envelope(wallet)
    paying = (await payment(wallet)).build().transaction.operations[0]
    operations = [paying, call.transaction.operations[0]]
    resource_fee = 0
    if first == "Soroban":
        operations.reverse()
        assert call.transaction.soroban_data is not None
        resource_fee = call.transaction.soroban_data.resource_fee.int64
    call.transaction.operations = operations
    call.transaction.fee += 100
    call.signatures.clear()
    call.sign(wallet.key)
    assert await malformed_fee(wallet, call) == resource_fee + 200


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


async def test_a_simulated_call_needs_no_account_behind_its_source(wallet: Wallet) -> None:
    nobody = Account(Keypair.random().public_key, 0)
    harvest = calls.harvest(wallet.node.network.farm_contract_id, wallet.address, 0)
    builder = TransactionBuilder(nobody, wallet.node.network.passphrase).add_time_bounds(0, 0)
    simulated = await wallet.rpc.simulate_transaction(
        builder.append_operation(InvokeHostFunction(harvest)).build()
    )
    assert simulated.error is not None
    assert simulated.error.startswith("HostError: Error(Contract, #")
