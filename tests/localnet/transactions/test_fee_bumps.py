"""Fee bumps: what they must bid, in which order they are judged, and what they cost whom."""

import pytest
from stellar_sdk import (
    Asset,
    FeeBumpTransactionEnvelope,
    InvokeHostFunction,
    Keypair,
    TransactionBuilder,
    TransactionEnvelope,
    xdr,
)

from kale import calls
from kale.networks import LOCAL
from localnet.genesis import FAUCET, FRIENDBOT_MINIONS
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.queue import SendStatus
from tests.localnet.play import Play, operation_code, signed

ADA, BOB, EVE = FRIENDBOT_MINIONS[:3]
RESOURCE_FEE = 1_000_000


@pytest.fixture
def play() -> Play:
    return Play()


def payment(play: Play, fee: int = 100, operations: int = 1) -> TransactionEnvelope:
    """Ada's, bidding `fee` stroops for each operation."""
    builder = play.builder(ADA, fee)
    for _ in range(operations):
        builder.append_payment_op(FAUCET.public_key, Asset.native(), "1")
    return signed(builder, ADA)


def contract_call(play: Play, fee: int) -> TransactionEnvelope:
    """Ada's; `fee` is all that she bids, the resource fee in it."""
    builder = play.builder(ADA)
    builder.append_operation(InvokeHostFunction(calls.plant(LOCAL.farm_contract_id, ADA.public_key, 0)))
    resources = xdr.SorobanResources(
        xdr.LedgerFootprint([], []), xdr.Uint32(1_000), xdr.Uint32(0), xdr.Uint32(0)
    )
    builder.set_soroban_data(
        xdr.SorobanTransactionData(xdr.SorobanTransactionDataExt(0), resources, xdr.Int64(RESOURCE_FEE))
    )
    built = builder.build()
    built.transaction.fee = fee
    built.sign(ADA)
    return built


def bump(
    inner: TransactionEnvelope, fee: int, *keys: Keypair, payer: Keypair = BOB
) -> FeeBumpTransactionEnvelope:
    """A fee bump that pays `fee` in all; signed by its payer unless it is told by whom."""
    outer = TransactionBuilder.build_fee_bump_transaction(payer, 10_000_000, inner, LOCAL.passphrase)
    outer.transaction.fee = fee
    for key in keys or (payer,):
        outer.sign(key)
    return outer


def outer_code(play: Play, envelope: FeeBumpTransactionEnvelope) -> tuple[str, int]:
    """The outer code and the fee that a refused fee bump is told."""
    submission = play.send(envelope)
    assert submission.status is SendStatus.ERROR
    assert submission.result is not None
    result = xdr.TransactionResult.from_xdr_bytes(submission.result.encode())
    return result.result.code.name, result.fee_charged.int64


def inner_codes(play: Play, envelope: FeeBumpTransactionEnvelope) -> list[str]:
    """What a fee bump says of the inner transaction; which is never charged."""
    submission = play.send(envelope)
    assert submission.result is not None
    result = xdr.TransactionResult.from_xdr_bytes(submission.result.encode()).result
    assert result.code is xdr.TransactionResultCode.txFEE_BUMP_INNER_FAILED
    pair = result.inner_result_pair
    assert pair is not None
    assert pair.result.fee_charged.int64 == 0
    return [pair.result.result.code.name, *map(operation_code, pair.result.result.results or ())]


def test_a_fee_bump_bids_for_one_operation_more(play: Play) -> None:
    assert outer_code(play, bump(payment(play), 199)) == ("txINSUFFICIENT_FEE", 200)
    assert play.apply(bump(payment(play), 200)).transaction.fee_charged_stroops == 200
    assert outer_code(play, bump(payment(play, operations=3), 399)) == ("txINSUFFICIENT_FEE", 400)


def test_a_fee_bump_bids_no_less_an_operation_than_the_inner_one_and_is_told_how_much(play: Play) -> None:
    assert outer_code(play, bump(payment(play, 301), 601)) == ("txINSUFFICIENT_FEE", 602)
    assert outer_code(play, bump(payment(play, 101, operations=3), 403)) == ("txINSUFFICIENT_FEE", 404)
    assert play.send(bump(payment(play, 301), 602)).status is SendStatus.PENDING


def test_a_contract_call_is_bumped_by_200_and_its_resource_fee(play: Play) -> None:
    call = contract_call(play, RESOURCE_FEE + 100)
    refused = outer_code(play, bump(call, RESOURCE_FEE + 199))
    assert refused == ("txINSUFFICIENT_FEE", RESOURCE_FEE + 200)
    assert play.send(bump(call, RESOURCE_FEE + 200)).status is SendStatus.PENDING


@pytest.mark.parametrize("fee", [0, 100, RESOURCE_FEE - 1])
def test_the_inner_call_need_not_pay_for_its_resources(play: Play, fee: int) -> None:
    call = contract_call(play, fee)
    alone = play.send(call)
    assert alone.result is not None
    assert alone.result.code is xdr.TransactionResultCode.txMALFORMED
    applied = play.apply(bump(call, RESOURCE_FEE + 200))
    assert applied.transaction.fee_charged_stroops <= RESOURCE_FEE + 200


def test_of_a_fee_bump_only_the_inner_envelope_is_priced(play: Play) -> None:
    call = contract_call(play, RESOURCE_FEE)
    encoded = bump(call, RESOURCE_FEE + 200).to_xdr_object().to_xdr_bytes()
    outer = decode_envelope(encoded, play.chain.network_id)
    assert outer.declared_resources.transaction_bytes == len(call.to_xdr_object().to_xdr_bytes())


def test_the_outer_rules_come_one_after_the_other(play: Play) -> None:
    """Each envelope breaks the rule that is named and all that follow."""
    stranger = play.key("stranger")
    poor = play.funded("poor", "2")
    inner = payment(play)
    inner.signatures.clear()
    assert outer_code(play, bump(inner, 100, EVE, payer=stranger))[0] == "txINSUFFICIENT_FEE"
    assert outer_code(play, bump(inner, 200, EVE, payer=stranger))[0] == "txNO_ACCOUNT"
    assert outer_code(play, bump(inner, 20_000_000, EVE, payer=poor))[0] == "txBAD_AUTH"
    assert outer_code(play, bump(inner, 20_000_000, poor, EVE, payer=poor))[0] == "txINSUFFICIENT_BALANCE"
    assert outer_code(play, bump(inner, 200, BOB, EVE))[0] == "txBAD_AUTH_EXTRA"
    assert inner_codes(play, bump(inner, 200)) == ["txBAD_AUTH"]


def test_the_inner_rules_hold_but_for_the_fee(play: Play) -> None:
    late = play.builder(ADA).append_payment_op(FAUCET.public_key, Asset.native(), "1").add_time_bounds(0, 1)
    assert inner_codes(play, bump(signed(late, ADA), 200)) == ["txTOO_LATE"]
    foreign = play.builder(ADA).append_payment_op(
        FAUCET.public_key, Asset.native(), "1", source=EVE.public_key
    )
    assert inner_codes(play, bump(signed(foreign, ADA), 200)) == ["txFAILED", "opBAD_AUTH"]
    cheap = payment(play, 1)
    assert play.apply(bump(cheap, 200)).succeeded


def test_only_the_payer_pays_and_only_the_inner_source_uses_its_number(play: Play) -> None:
    before = play.account(ADA), play.account(BOB)
    inner = payment(play)
    applied = play.apply(bump(inner, 5_000))
    after = play.account(ADA), play.account(BOB)
    assert applied.result.fee_charged.int64 == 200
    assert after[1].balance.int64 == before[1].balance.int64 - 200
    assert after[0].balance.int64 == before[0].balance.int64 - 10_000_000
    assert after[0].seq_num.sequence_number.int64 == before[0].seq_num.sequence_number.int64 + 1
    assert after[1].seq_num == before[1].seq_num
    pair = applied.result.result.inner_result_pair
    assert pair is not None
    assert pair.transaction_hash.hash == inner.hash()
    assert pair.result.fee_charged.int64 == 0
    found = play.chain.history.find_transaction(inner.hash())
    assert found is applied.transaction


def test_a_negative_fee_is_malformed(play: Play) -> None:
    assert outer_code(play, bump(payment(play), -1)) == ("txMALFORMED", 0)


def test_resources_beyond_the_limits_are_the_inner_ones_fault_beside_a_waiting_call(play: Play) -> None:
    assert play.send(contract_call(play, RESOURCE_FEE + 100)).status is SendStatus.PENDING
    call = contract_call(play, RESOURCE_FEE + 100)
    assert call.transaction.soroban_data is not None
    call.transaction.soroban_data.resources.instructions = xdr.Uint32(400_000_001)
    assert inner_codes(play, bump(call, RESOURCE_FEE + 5_000)) == ["txSOROBAN_INVALID"]
