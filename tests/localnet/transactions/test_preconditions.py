"""Bounds and other preconditions, to the ledger and the second: in the queue and when a ledger closes."""

from collections.abc import Callable

import pytest
from stellar_sdk import Asset, Keypair, TransactionBuilder, TransactionEnvelope

from localnet.genesis import FAUCET, FRIENDBOT_MINIONS
from localnet.transactions.queue import SendStatus
from tests.localnet.play import Play, signed

ADA, BOB = FRIENDBOT_MINIONS[:2]

Change = Callable[[TransactionBuilder, Play], object]


@pytest.fixture
def play() -> Play:
    """A chain some ledgers old."""
    play = Play()
    for _ in range(5):
        play.chain.close_ledger()
    return play


def paying(play: Play, source: Keypair = ADA) -> TransactionBuilder:
    return play.builder(source).append_payment_op(FAUCET.public_key, Asset.native(), "1")


def bounded(play: Play, change: Change) -> TransactionBuilder:
    builder = paying(play)
    change(builder, play)
    return builder


def sequence_of(play: Play, key: Keypair = ADA) -> int:
    return play.account(key).seq_num.sequence_number.int64


JUST_INSIDE: list[tuple[str, Change]] = [
    ("minTime is the last close time", lambda b, p: b.add_time_bounds(p.chain.latest.close_time, 0)),
    ("maxTime is two ledgers ahead", lambda b, p: b.add_time_bounds(0, p.chain.latest.close_time + 10)),
    ("minLedger is the next one", lambda b, p: b.set_ledger_bounds(p.chain.latest.sequence + 1, 0)),
    ("maxLedger is the one after the next", lambda b, p: b.set_ledger_bounds(0, p.chain.latest.sequence + 2)),
    ("never used is old enough for any age", lambda b, p: b.set_min_sequence_age(p.chain.latest.close_time)),
    ("and for any gap", lambda b, p: b.set_min_sequence_ledger_gap(p.chain.latest.sequence + 1)),
    ("minSeqNum is the number now", lambda b, p: b.set_min_sequence_number(sequence_of(p))),
    ("minSeqNum is 0", lambda b, p: b.set_min_sequence_number(0)),
]


@pytest.mark.parametrize("change", [row[1] for row in JUST_INSIDE], ids=[row[0] for row in JUST_INSIDE])
def test_a_bound_that_is_just_kept_lets_a_transaction_in(play: Play, change: Change) -> None:
    assert play.apply(bounded(play, change), ADA).succeeded


JUST_OUTSIDE: list[tuple[str, Change, str]] = [
    (
        "minTime is a second ahead",
        lambda b, p: b.add_time_bounds(p.chain.latest.close_time + 1, 0),
        "txTOO_EARLY",
    ),
    (
        "maxTime is a second too near",
        lambda b, p: b.add_time_bounds(0, p.chain.latest.close_time + 9),
        "txTOO_LATE",
    ),
    (
        "minLedger is the one after the next",
        lambda b, p: b.set_ledger_bounds(p.chain.latest.sequence + 2, 0),
        "txTOO_EARLY",
    ),
    (
        "maxLedger, which is excluded, is the next one",
        lambda b, p: b.set_ledger_bounds(0, p.chain.latest.sequence + 1),
        "txTOO_LATE",
    ),
    ("minSeqNum is not reached", lambda b, p: b.set_min_sequence_number(sequence_of(p) + 1), "txBAD_SEQ"),
    ("too early comes before too late", lambda b, p: b.add_time_bounds(2**40, 2**40), "txTOO_EARLY"),
]


@pytest.mark.parametrize(
    ("change", "code"), [row[1:] for row in JUST_OUTSIDE], ids=[row[0] for row in JUST_OUTSIDE]
)
def test_a_bound_that_is_just_missed_is_named(play: Play, change: Change, code: str) -> None:
    assert play.refusal(bounded(play, change), ADA) == [code]


def test_an_age_is_counted_from_the_last_use_to_the_last_close_time(play: Play) -> None:
    play.apply(paying(play), ADA)
    for _ in range(2):
        play.chain.close_ledger()
    older = bounded(play, lambda builder, _: builder.set_min_sequence_age(11))
    assert play.refusal(older, ADA) == ["txBAD_MIN_SEQ_AGE_OR_GAP"]
    assert play.apply(bounded(play, lambda builder, _: builder.set_min_sequence_age(10)), ADA).succeeded


def test_a_gap_is_counted_from_the_last_use_to_the_next_ledger(play: Play) -> None:
    play.apply(paying(play), ADA)
    for _ in range(2):
        play.chain.close_ledger()
    wider = bounded(play, lambda builder, _: builder.set_min_sequence_ledger_gap(4))
    assert play.refusal(wider, ADA) == ["txBAD_MIN_SEQ_AGE_OR_GAP"]
    assert play.apply(bounded(play, lambda builder, _: builder.set_min_sequence_ledger_gap(3)), ADA).succeeded


def test_a_minimum_lets_numbers_be_skipped_but_never_go_back(play: Play) -> None:
    builder = bounded(play, lambda builder, p: builder.set_min_sequence_number(sequence_of(p)))
    number = sequence_of(play)
    builder.source_account.sequence = number - 1
    assert play.refusal(builder, ADA) == ["txBAD_SEQ"]
    builder.source_account.sequence = number + 41
    assert play.apply(builder, ADA).succeeded
    assert sequence_of(play) == number + 42


def test_a_number_that_the_ledger_gives_to_new_accounts_is_not_taken(play: Play) -> None:
    """An account that is made in the ledger begins with that number: it could be used twice."""
    ledger = play.chain.latest.sequence + 3
    play.apply(play.builder(ADA).append_bump_sequence_op((ledger << 32) - 1), ADA)
    play.chain.close_ledger()
    assert play.chain.latest.sequence + 1 == ledger
    assert play.refusal(paying(play), ADA) == ["txBAD_SEQ"]
    play.chain.close_ledger()
    assert play.apply(paying(play), ADA).succeeded


# Time that runs out in the queue


def is_applied(play: Play, envelope: TransactionEnvelope) -> bool:
    return play.chain.history.find_transaction(envelope.hash()) is not None


@pytest.mark.parametrize(("seconds", "applied"), [(20, True), (21, False)])
def test_when_a_ledger_is_late_max_time_is_judged_by_its_close_time(
    play: Play, seconds: int, *, applied: bool
) -> None:
    latest_time = play.chain.latest.close_time + 20
    envelope = signed(bounded(play, lambda builder, _: builder.add_time_bounds(0, latest_time)), ADA)
    number = sequence_of(play)
    assert play.send(envelope).status is SendStatus.PENDING
    play.chain.close_ledger(seconds)
    assert is_applied(play, envelope) is applied
    assert sequence_of(play) == number + applied
    assert play.send(envelope).status is SendStatus.TRY_AGAIN_LATER, "it is banned, either way"


def test_bounds_pass_while_nothing_closes_a_second_later(play: Play) -> None:
    """Two ledgers may have the same close time."""
    envelope = signed(
        bounded(play, lambda builder, p: builder.add_time_bounds(p.chain.latest.close_time, 0)), ADA
    )
    assert play.send(envelope).status is SendStatus.PENDING
    play.chain.close_ledger(0)
    assert is_applied(play, envelope)
