"""Transactions that wait for a ledger: who may wait, for how long, and who may not come again.

Checks and their order are stellar-core's queue's.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from stellar_sdk.xdr import TransactionResultCode

from localnet.ledger.accounts import available_stroops, find_account
from localnet.transactions.envelopes import Envelope
from localnet.transactions.results import TransactionResult
from localnet.transactions.soroban_limits import MAX_RESOURCE_FEE_STROOPS, are_resources_valid
from localnet.transactions.validation import Validator

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


@dataclass
class _Waiting:
    envelope: Envelope
    ledgers: int = 0


class TransactionQueue:
    """One waiting transaction a source account, none for more than four ledgers."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, _Waiting] = {}
        self._bids_by_payer: Counter[bytes] = Counter()
        self._banned: deque[set[bytes]] = deque((set() for _ in range(BANNED_LEDGERS)), BANNED_LEDGERS)

    def __len__(self) -> int:
        return len(self._waiting)

    def __repr__(self) -> str:
        return f"TransactionQueue({len(self._waiting)} waiting, {sum(map(len, self._banned))} banned)"

    def envelopes(self) -> list[Envelope]:
        return [waiting.envelope for waiting in self._waiting.values()]

    def offer(self, envelope: Envelope, validator: Validator, *, keeps: bool = True) -> Submission:
        """Takes the transaction in, or says why not. Without `keeps` it is answered for and forgotten."""
        waiting = self._waiting.get(envelope.source)
        refused = self._refusal(envelope, None if waiting is None else waiting.envelope, validator)
        if refused is None:
            if keeps:
                self._put(envelope, waiting)
            return Submission(SendStatus.PENDING)
        return refused

    def ledger_closed(self, included: Iterable[Envelope], invalid: Iterable[Envelope]) -> None:
        """Forgets and bans what a ledger took in or found invalid, and what has waited for too long."""
        self._banned.appendleft(set())
        for envelope in (*included, *invalid):
            self._drop(envelope)
        for waiting in list(self._waiting.values()):
            waiting.ledgers += 1
            if waiting.ledgers >= PENDING_LEDGERS:
                self._drop(waiting.envelope)

    def _put(self, envelope: Envelope, replaced: _Waiting | None) -> None:
        """A replacement takes over the age of what it replaces."""
        if replaced is not None:
            self._forget_bid(replaced.envelope)
        self._waiting[envelope.source] = _Waiting(envelope, 0 if replaced is None else replaced.ledgers)
        self._bids_by_payer[envelope.fee_source] += envelope.full_fee_stroops

    def _drop(self, envelope: Envelope) -> None:
        self._banned[0].add(envelope.envelope_hash)
        del self._waiting[envelope.source]
        self._forget_bid(envelope)

    def _forget_bid(self, envelope: Envelope) -> None:
        self._bids_by_payer[envelope.fee_source] -= envelope.full_fee_stroops
        if not self._bids_by_payer[envelope.fee_source]:
            del self._bids_by_payer[envelope.fee_source]

    def _refusal(
        self, envelope: Envelope, waiting: Envelope | None, validator: Validator
    ) -> Submission | None:
        if waiting is not None and waiting.soroban != envelope.soroban:
            return Submission(SendStatus.TRY_AGAIN_LATER)
        if envelope.soroban and not _has_sound_resource_fee(envelope):
            return _error(TransactionResultCode.txMALFORMED)
        if any(envelope.envelope_hash in banned for banned in self._banned):
            return Submission(SendStatus.TRY_AGAIN_LATER)
        if envelope.fee_bump is None and envelope.inclusion_fee_stroops < 0:
            return _error(TransactionResultCode.txMALFORMED)
        if waiting is not None:
            refused = _refusal_beside(waiting, envelope, validator)
            if refused is not None:
                return refused
        invalid = validator.refusal(envelope)
        if invalid is not None:
            return Submission(SendStatus.ERROR, invalid)
        if not self._can_pay(envelope, waiting, validator):
            return _error(TransactionResultCode.txINSUFFICIENT_BALANCE)
        return None

    def _can_pay(self, envelope: Envelope, replaced: Envelope | None, validator: Validator) -> bool:
        """Whether the fee source can pay all its waiting bids together."""
        payer = find_account(validator.reader, envelope.fee_source)
        assert payer is not None, "a valid transaction has a fee source"
        bids = self._bids_by_payer[envelope.fee_source]
        if replaced is not None and replaced.fee_source == envelope.fee_source:
            bids -= replaced.full_fee_stroops
        return available_stroops(payer, validator.settings) >= bids + envelope.full_fee_stroops


def _refusal_beside(waiting: Envelope, envelope: Envelope, validator: Validator) -> Submission | None:
    """What becomes of a transaction whose source has one in the queue; None if it may replace that one."""
    if envelope.envelope_hash in _envelope_hashes(waiting):
        return Submission(SendStatus.DUPLICATE)
    if envelope.sequence < waiting.sequence:
        return _error(TransactionResultCode.txBAD_SEQ)
    if envelope.soroban and not are_resources_valid(envelope, validator.settings):
        return _error(TransactionResultCode.txSOROBAN_INVALID)
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


def _has_sound_resource_fee(envelope: Envelope) -> bool:
    data = envelope.soroban_data
    return data is not None and 0 <= data.resource_fee.int64 <= MAX_RESOURCE_FEE_STROOPS


def _error(code: TransactionResultCode, fee_stroops: int = 0) -> Submission:
    return Submission(SendStatus.ERROR, TransactionResult(code, fee_stroops))
