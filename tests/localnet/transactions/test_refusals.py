"""Transactions that break a rule are refused, with a real node's code."""

from collections.abc import Callable

import pytest
from stellar_sdk import (
    Account,
    Asset,
    IdMemo,
    Keypair,
    MuxedAccount,
    TransactionBuilder,
    TransactionEnvelope,
    xdr,
)
from stellar_sdk.soroban_server_async import SorobanServerAsync

from localnet.testing import NodeHandle
from tests.localnet.conftest import START_TIME
from tests.localnet.transactions.wallet_transactions import payment, plant_envelope
from tests.localnet.wallet import Wallet, refusal_code

Code = xdr.TransactionResultCode
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
