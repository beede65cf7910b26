"""Transactions that wait for a ledger: who may wait, for how long, and who may not come again.

Checks and their order are stellar-core's queue's.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from stellar_sdk.xdr import TransactionResultCode

from localnet.ledger.accounts import available_stroops, find_account
from localnet.network_settings import LedgerLimits
from localnet.transactions.bids import Bid, bid_of, ledger_capacity
from localnet.transactions.envelopes import Envelope
from localnet.transactions.queue_lane import NoRoom, QueueLane, Waiting
from localnet.transactions.results import TransactionResult
from localnet.transactions.soroban_limits import MAX_RESOURCE_FEE_STROOPS, resource_fault
from localnet.transactions.validation import Moment, Validator

PENDING_LEDGERS = 4
BANNED_LEDGERS = 10
REPLACEMENT_FACTOR = 10


class SendStatus(Enum):
    """What a node answers to a transaction; the values are the RPC's words."""

    PENDING = "PENDING"
    DUPLICATE = "DUPLICATE"
    TRY_AGAIN_LATER = "TRY_AGAIN_LATER"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Submission:
    """The answer to a transaction; with a result only if it is ERROR."""

    status: SendStatus
    result: TransactionResult | None = None


@dataclass(frozen=True)
class _Offer:
    """A transaction that wants in: the one that it would replace, and those that would have to go for it."""

    bid: Bid
    replaced: Waiting | None
    evicted: list[Waiting]


class TransactionQueue:
    """One waiting transaction a source account, none for more than four ledgers."""

    def __init__(self, limits: LedgerLimits) -> None:
        self._lanes = {kind: QueueLane(ledger_capacity(limits, soroban=kind)) for kind in (False, True)}
        self._fees_by_payer: dict[bool, Counter[bytes]] = {False: Counter(), True: Counter()}
        self._banned: deque[set[bytes]] = deque((set() for _ in range(BANNED_LEDGERS)), BANNED_LEDGERS)

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __repr__(self) -> str:
        return f"TransactionQueue({len(self)} waiting, {sum(map(len, self._banned))} banned)"

    def bids(self, *, soroban: bool) -> list[Bid]:
        """What competes for the next ledger in a lane."""
        return self._lanes[soroban].bids()

    def offer(self, envelope: Envelope, validator: Validator, *, keeps: bool = True) -> Submission:
        """Takes the transaction in, or says why not. Without `keeps` it is answered for and forgotten."""
        answer = self._judge(envelope, validator)
        if isinstance(answer, Submission):
            return answer
        if keeps:
            self._let_in(envelope, answer, validator.moment)
        return Submission(SendStatus.PENDING)

    def drop_invalid(self, validator: Validator) -> None:
        """Drops and bans what is not valid for the ledger that is about to close."""
        moment = validator.moment
        for waiting in self._waiting():
            known = waiting.valid_for
            if known is None or known.sequence != moment.sequence or known.latest < moment.latest:
                self._keep_if_valid(waiting, validator)

    def ledger_closed(self, included: Iterable[Envelope], validator: Validator) -> None:
        """Drops and bans what the ledger took in, what has waited too long and what is not valid any more.

        `validator` judges for the next ledger.
        """
        self._banned.appendleft(set())
        for envelope in included:
            waiting = self._lanes[envelope.soroban].find(envelope.source)
            assert waiting is not None, "only what waits is included"
            self._drop(waiting)
        for waiting in self._waiting():
            waiting.ledgers += 1
            if waiting.ledgers >= PENDING_LEDGERS:
                self._drop(waiting)
            else:
                self._keep_if_valid(waiting, validator)
        for lane in self._lanes.values():
            lane.forget_evictions()

    def restore_bans(self, hashes_by_ledger: Iterable[set[bytes]]) -> None:
        """Bans the envelope hashes of ledgers that closed before this queue was there, the earliest first."""
        for hashes in hashes_by_ledger:
            self._banned.appendleft(hashes)

    def replace_strangers(self, bids: Iterable[Bid], *, soroban: bool) -> None:
        """The background load of the next ledger; it takes room in the queue as well."""
        self._lanes[soroban].replace_strangers(bids)

    def _let_in(self, envelope: Envelope, offer: _Offer, moment: Moment) -> None:
        """A replacement takes over the age of what it replaces."""
        lane = self._lanes[envelope.soroban]
        for waiting in offer.evicted:
            lane.evict(waiting)
            if waiting.bid.envelope is not None:
                self._ban(waiting.bid.envelope)
                self._forget_fee(waiting.bid.envelope)
        ledgers = 0
        if offer.replaced is not None:
            ledgers = offer.replaced.ledgers
            lane.remove(offer.replaced)
            self._forget_fee(offer.replaced.envelope)
        lane.put(Waiting(offer.bid, moment, ledgers))
        self._fees_by_payer[envelope.soroban][envelope.fee_source] += envelope.full_fee_stroops

    def _waiting(self) -> list[Waiting]:
        return [waiting for lane in self._lanes.values() for waiting in lane]

    def _keep_if_valid(self, waiting: Waiting, validator: Validator) -> None:
        envelope = waiting.envelope
        if validator.refusal(envelope) is None and self._can_pay(envelope.fee_source, 0, validator):
            waiting.valid_for = validator.moment
        else:
            self._drop(waiting)

    def _drop(self, waiting: Waiting) -> None:
        self._lanes[waiting.envelope.soroban].remove(waiting)
        self._ban(waiting.envelope)
        self._forget_fee(waiting.envelope)

    def _ban(self, envelope: Envelope) -> None:
        self._banned[0].add(envelope.envelope_hash)

    def _is_banned(self, envelope: Envelope) -> bool:
        return any(envelope.envelope_hash in banned for banned in self._banned)

    def _forget_fee(self, envelope: Envelope) -> None:
        fees = self._fees_by_payer[envelope.soroban]
        fees[envelope.fee_source] -= envelope.full_fee_stroops
        if not fees[envelope.fee_source]:
            del fees[envelope.fee_source]

    def _judge(self, envelope: Envelope, validator: Validator) -> _Offer | Submission:
        """What it would take to let the transaction in, or the answer that refuses it."""
        if self._is_pending_as(envelope.source, soroban=not envelope.soroban):
            return Submission(SendStatus.TRY_AGAIN_LATER)
        if not _has_sound_resources(envelope):
            return _error(TransactionResultCode.txMALFORMED)
        if self._is_banned(envelope):
            return Submission(SendStatus.TRY_AGAIN_LATER)
        if not _has_sound_fee(envelope):
            return _error(TransactionResultCode.txMALFORMED)
        waiting = self._lanes[envelope.soroban].find(envelope.source)
        if waiting is not None:
            refused = _refusal_beside(waiting.envelope, envelope, validator)
            if refused is not None:
                return refused
        offer = self._find_room(envelope, waiting)
        if isinstance(offer, Submission):
            return offer
        invalid = validator.refusal(envelope)
        if invalid is not None:
            return Submission(SendStatus.ERROR, invalid)
        if not self._can_pay(envelope.fee_source, _added_fee(envelope, waiting), validator):
            return _error(
                TransactionResultCode.txINSUFFICIENT_BALANCE, validator.nominal_fee_stroops(envelope)
            )
        return offer

    def _is_pending_as(self, source: bytes, *, soroban: bool) -> bool:
        """Whether the account has a transaction of that kind in the queue, or pays for one."""
        return self._lanes[soroban].find(source) is not None or source in self._fees_by_payer[soroban]

    def _find_room(self, envelope: Envelope, replaced: Waiting | None) -> _Offer | Submission:
        """Who has no room is banned (stellar-core)."""
        bid = bid_of(envelope)
        room = self._lanes[envelope.soroban].room_for(bid, envelope.charged_operations, replaced)
        if not isinstance(room, NoRoom):
            return _Offer(bid, replaced, room)
        self._ban(envelope)
        if not room.fee_stroops:
            return Submission(SendStatus.TRY_AGAIN_LATER)
        needed = room.fee_stroops + envelope.resource_fee_stroops
        return _error(TransactionResultCode.txINSUFFICIENT_FEE, needed)

    def _can_pay(self, fee_source: bytes, added_stroops: int, validator: Validator) -> bool:
        """Whether the fee source can pay all its waiting bids together, and that much more."""
        payer = find_account(validator.reader, fee_source)
        assert payer is not None, "a valid transaction has a fee source"
        waiting = sum(fees[fee_source] for fees in self._fees_by_payer.values())
        return available_stroops(payer, validator.settings) >= waiting + added_stroops


def _added_fee(envelope: Envelope, replaced: Waiting | None) -> int:
    if replaced is not None and replaced.envelope.fee_source == envelope.fee_source:
        return envelope.full_fee_stroops - replaced.envelope.full_fee_stroops
    return envelope.full_fee_stroops


def _refusal_beside(waiting: Envelope, envelope: Envelope, validator: Validator) -> Submission | None:
    """What becomes of a transaction whose source has one in the queue; None if it may replace that one."""
    if envelope.envelope_hash in _envelope_hashes(waiting):
        return Submission(SendStatus.DUPLICATE)
    if envelope.sequence < waiting.sequence:
        return _error(TransactionResultCode.txBAD_SEQ)
    fault = resource_fault(envelope, validator.settings) if envelope.soroban else None
    if fault is not None:
        bumped = None if envelope.fee_bump is None else envelope.inner_hash
        result = TransactionResult(TransactionResultCode.txSOROBAN_INVALID, bumped_hash=bumped, fault=fault)
        return Submission(SendStatus.ERROR, result)
    if envelope.fee_bump is None or envelope.sequence != waiting.sequence:
        return Submission(SendStatus.TRY_AGAIN_LATER)
    needed = _replacement_fee(waiting, envelope)
    if envelope.full_fee_stroops < needed:
        return _error(TransactionResultCode.txINSUFFICIENT_FEE, needed)
    return None


def _envelope_hashes(waiting: Envelope) -> Collection[bytes]:
    if waiting.fee_bump is None:
        return (waiting.envelope_hash,)
    return (waiting.envelope_hash, waiting.fee_bump.inner_envelope_hash)


def _replacement_fee(waiting: Envelope, replacement: Envelope) -> int:
    """The least full fee of a fee bump that replaces a waiting one: ten times its inclusion fee rate."""
    rate_times_operations = (
        REPLACEMENT_FACTOR * waiting.inclusion_fee_stroops * replacement.charged_operations
    )
    return -(-rate_times_operations // waiting.charged_operations) + replacement.resource_fee_stroops


def _has_sound_resources(envelope: Envelope) -> bool:
    """Whether a Soroban transaction has resources, and their fee is no nonsense."""
    if not envelope.soroban:
        return True
    data = envelope.soroban_data
    return data is not None and 0 <= data.resource_fee_stroops <= MAX_RESOURCE_FEE_STROOPS


def _has_sound_fee(envelope: Envelope) -> bool:
    if envelope.fee_bump is not None:
        return envelope.full_fee_stroops >= 0
    return envelope.inclusion_fee_stroops >= 0


def _error(code: TransactionResultCode, fee_stroops: int = 0) -> Submission:
    return Submission(SendStatus.ERROR, TransactionResult(code, fee_stroops))
