"""Whatever comes, goes, is bumped or driven out: in the end the queue has all its room, and no debts."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from stellar_sdk import Asset, Keypair, TransactionBuilder, TransactionEnvelope

from kale.networks import LOCAL
from localnet.chain.background_load import NO_BACKGROUND_LOAD, BackgroundLoad
from localnet.genesis import FAUCET, FRIENDBOT_MINIONS
from localnet.ledger.accounts import available_stroops, find_account
from localnet.network_settings import MAINNET_SETTINGS
from localnet.transactions.queue import PENDING_LEDGERS, SendStatus
from tests.localnet.play import AnyEnvelope, Play, signed

SMALL = replace(MAINNET_SETTINGS, ledger=replace(MAINNET_SETTINGS.ledger, classic_operations=3))
SOURCES = FRIENDBOT_MINIONS[:6]
ROOM = 2 * SMALL.ledger.classic_operations


class Sender:
    """Sends what a test draws, and remembers what was accepted."""

    def __init__(self) -> None:
        self.play = Play(SMALL)
        self.accepted: list[AnyEnvelope] = []
        self.last: dict[int, TransactionEnvelope] = {}

    def pay(self, source: int, fee: int, operations: int) -> None:
        envelope = payment(self.play, SOURCES[source], fee, operations)
        self.last[source] = envelope
        self._send(envelope)

    def bump(self, source: int, payer: int, fee: int) -> None:
        """Bumps what the source has sent last, at no less than the inner one bids."""
        inner = self.last.get(source)
        if inner is None:
            return
        rate = max(fee, -(-inner.transaction.fee // len(inner.transaction.operations)))
        outer = TransactionBuilder.build_fee_bump_transaction(SOURCES[payer], rate, inner, LOCAL.passphrase)
        outer.sign(SOURCES[payer])
        self._send(outer)

    def close(self, load: float) -> None:
        self.play.chain.background_load = BackgroundLoad(classic=load)
        self.play.chain.close_ledger()
        inclusion = self.play.chain.latest.inclusion
        applied = self.play.chain.latest.transactions
        operations = sum(each.operations + each.is_fee_bump for each in applied)
        assert operations + inclusion.classic_strangers <= SMALL.ledger.classic_operations
        assert all(each.fee_charged_stroops % inclusion.classic_base_fee_stroops == 0 for each in applied)

    def _send(self, envelope: AnyEnvelope) -> None:
        if self.play.send(envelope).status is SendStatus.PENDING:
            self.accepted.append(envelope)
            assert self.play.send(envelope).status is SendStatus.DUPLICATE


def payment(play: Play, source: Keypair, fee: int, operations: int = 1) -> TransactionEnvelope:
    builder = play.builder(source, fee)
    for _ in range(operations):
        builder.append_payment_op(FAUCET.public_key, Asset.native(), "0.0000001")
    return signed(builder, source)


INDICES = st.integers(0, len(SOURCES) - 1)
FEES = st.sampled_from((100, 150, 400, 1_500, 5_000, 20_000))
ACTIONS = st.one_of(
    st.tuples(st.just("pay"), INDICES, FEES, st.integers(1, 4)),
    st.tuples(st.just("bump"), INDICES, INDICES, FEES),
    st.tuples(st.just("close"), st.sampled_from((0.0, 0.0, 0.5, 3.0))),
)


@settings(max_examples=40)
@given(st.lists(ACTIONS, max_size=30))
def test_an_emptied_queue_has_all_its_room_and_no_debts(actions: list[tuple[str, ...]]) -> None:
    sender = Sender()
    for name, *arguments in actions:
        getattr(sender, name)(*arguments)
    play = sender.play
    play.chain.background_load = NO_BACKGROUND_LOAD
    for _ in range(PENDING_LEDGERS):
        play.chain.close_ledger()
    assert len(play.chain.queue) == 0
    fill(play)


def fill(play: Play) -> None:
    """The queue takes two ledgers' worth, from payers who bid all that they have."""
    others = FRIENDBOT_MINIONS[len(SOURCES) :]
    for payer, source in zip(SOURCES[: ROOM // 2], others, strict=False):
        assert play.send(spending_all(play, source, payer)).status is SendStatus.PENDING
    assert play.send(payment(play, others[ROOM], 100)).status is SendStatus.ERROR, "now it is full"


def spending_all(play: Play, source: Keypair, payer: Keypair) -> AnyEnvelope:
    """A fee bump, two operations in the queue, that bids everything that the payer has."""
    inner = payment(play, source, 100)
    outer = TransactionBuilder.build_fee_bump_transaction(payer, 100, inner, LOCAL.passphrase)
    outer.transaction.fee = available(play, payer)
    outer.sign(payer)
    return outer


def available(play: Play, source: Keypair) -> int:
    account = find_account(play.chain.state, source.raw_public_key())
    assert account is not None
    return available_stroops(account, SMALL)
