"""A queue that is full: better bids drive cheap ones out, the others are told what it takes."""

from dataclasses import replace

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
from localnet.network_settings import MAINNET_SETTINGS
from localnet.transactions.queue import SendStatus, Submission
from tests.localnet.play import Play, signed

RESOURCE_FEE = 1_000_000


def play_with(**limits: int) -> Play:
    """A chain whose ledgers take that little; the queue takes twice as much."""
    return Play(replace(MAINNET_SETTINGS, ledger=replace(MAINNET_SETTINGS.ledger, **limits)))


@pytest.fixture
def play() -> Play:
    return play_with(classic_operations=1, soroban_transactions=1)


ADA, BOB, EVE, DAN = FRIENDBOT_MINIONS[:4]


def payment(play: Play, source: Keypair, fee: int = 100, operations: int = 1) -> TransactionEnvelope:
    """Bids `fee` stroops for each of its operations."""
    builder = play.builder(source, fee)
    for _ in range(operations):
        builder.append_payment_op(FAUCET.public_key, Asset.native(), "1")
    return signed(builder, source)


def contract_call(play: Play, source: Keypair, bid: int = 100) -> TransactionEnvelope:
    builder = play.builder(source, bid)
    builder.append_operation(InvokeHostFunction(calls.plant(LOCAL.farm_contract_id, source.public_key, 0)))
    resources = xdr.SorobanResources(
        xdr.LedgerFootprint([], []), xdr.Uint32(1_000), xdr.Uint32(0), xdr.Uint32(0)
    )
    builder.set_soroban_data(
        xdr.SorobanTransactionData(xdr.SorobanTransactionDataExt(0), resources, xdr.Int64(RESOURCE_FEE))
    )
    return signed(builder, source)


def bump(envelope: TransactionEnvelope, payer: Keypair, fee: int) -> FeeBumpTransactionEnvelope:
    """A fee bump that bids `fee` stroops for each operation and one more."""
    outer = TransactionBuilder.build_fee_bump_transaction(payer, fee, envelope, LOCAL.passphrase)
    outer.sign(payer)
    return outer


def fee_needed(submission: Submission) -> int:
    """What a transaction is told that there was no room for."""
    assert submission.status is SendStatus.ERROR
    assert submission.result is not None
    assert submission.result.code is xdr.TransactionResultCode.txINSUFFICIENT_FEE
    return submission.result.fee_charged_stroops


def is_applied(play: Play, envelope: TransactionEnvelope | FeeBumpTransactionEnvelope) -> bool:
    return play.chain.history.find_transaction(envelope.hash()) is not None


def test_two_ledgers_worth_may_wait_and_no_more(play: Play) -> None:
    late = payment(play, EVE)
    assert play.send(payment(play, ADA)).status is SendStatus.PENDING
    assert play.send(payment(play, BOB, 200)).status is SendStatus.PENDING
    assert fee_needed(play.send(late)) == 101
    assert play.send(late).status is SendStatus.TRY_AGAIN_LATER, "who was refused is banned"
    assert play.send(payment(play, EVE, 101)).status is SendStatus.PENDING


def test_a_better_bid_drives_out_the_cheapest_which_is_banned(play: Play) -> None:
    cheap, middle, rich = payment(play, ADA, 150), payment(play, BOB, 160), payment(play, EVE, 151)
    for envelope in (middle, cheap, rich):
        assert play.send(envelope).status is SendStatus.PENDING
    assert play.send(cheap).status is SendStatus.TRY_AGAIN_LATER
    for _ in range(3):
        play.chain.close_ledger()
    assert [is_applied(play, envelope) for envelope in (cheap, middle, rich)] == [False, True, True]
    assert play.send(payment(play, ADA)).status is SendStatus.PENDING


def test_nobody_enters_for_less_than_was_driven_out_until_the_next_ledger() -> None:
    play = play_with(classic_operations=2)
    assert play.send(payment(play, ADA, 150, operations=2)).status is SendStatus.PENDING
    assert play.send(payment(play, BOB, 300, operations=2)).status is SendStatus.PENDING
    assert play.send(payment(play, EVE, 200)).status is SendStatus.PENDING
    assert fee_needed(play.send(payment(play, DAN, 150))) == 151, (
        "there is room for one, but not at this price"
    )
    play.chain.close_ledger()
    assert play.send(payment(play, DAN, 149)).status is SendStatus.PENDING


def test_rates_are_compared_by_operation() -> None:
    play = play_with(classic_operations=2)
    assert play.send(payment(play, ADA, 101, operations=3)).status is SendStatus.PENDING
    assert fee_needed(play.send(payment(play, BOB, 100, operations=2))) == 203


def test_what_is_larger_than_the_whole_queue_may_try_later(play: Play) -> None:
    assert play.send(payment(play, ADA, 10_000, operations=3)).status is SendStatus.TRY_AGAIN_LATER


def test_contract_calls_have_a_room_of_their_own(play: Play) -> None:
    for source in (ADA, BOB):
        assert play.send(payment(play, source)).status is SendStatus.PENDING
    for source in (EVE, DAN):
        assert play.send(contract_call(play, source)).status is SendStatus.PENDING
    refused = play.send(contract_call(play, FRIENDBOT_MINIONS[4]))
    assert fee_needed(refused) == 101 + RESOURCE_FEE


def test_a_replacement_counts_only_by_what_it_asks_more(play: Play) -> None:
    waiting = payment(play, ADA)
    assert play.send(waiting).status is SendStatus.PENDING
    assert play.send(bump(waiting, EVE, 1_000)).status is SendStatus.PENDING
    assert len(play.chain.queue) == 1


def test_a_replacement_may_drive_out_others_but_not_itself(play: Play) -> None:
    ada, bob = payment(play, ADA), payment(play, BOB, 120)
    assert play.send(ada).status is SendStatus.PENDING
    assert play.send(bob).status is SendStatus.PENDING
    assert play.send(bump(ada, EVE, 1_000)).status is SendStatus.TRY_AGAIN_LATER
    assert play.send(bump(bob, EVE, 1_200)).status is SendStatus.PENDING
    assert play.send(ada).status is SendStatus.TRY_AGAIN_LATER
    play.chain.close_ledger()
    assert len(play.chain.queue) == 1, "two operations do not fit into a ledger of one"


def test_the_same_transaction_with_other_signatures_is_no_duplicate() -> None:
    play = Play()
    waiting = payment(play, ADA)
    assert play.send(waiting).status is SendStatus.PENDING
    assert play.send(waiting).status is SendStatus.DUPLICATE
    assert play.send(waiting, EVE).status is SendStatus.TRY_AGAIN_LATER


def test_who_pays_for_a_contract_call_sends_no_payment_meanwhile(play: Play) -> None:
    assert play.send(bump(contract_call(play, ADA), BOB, 100)).status is SendStatus.PENDING
    assert play.send(payment(play, BOB)).status is SendStatus.TRY_AGAIN_LATER
    assert play.send(contract_call(play, BOB)).status is not SendStatus.TRY_AGAIN_LATER
