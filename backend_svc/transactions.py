"""The one way onto the chain: stored before it is sent, driven until its outcome is known.

    prepared ──send──> submitted ──lookup──> confirmed | failed | dead

A transaction is written, with its hash and last ledger, before a byte of it
leaves; whatever happens then, its hash is looked up ledger by ledger until a
ledger holds it or none ever can. Only then may its intent be tried anew, and
whether it is, is the caller's decision. Nothing here ever makes a second
transaction while the outcome of the first is unknown.
"""

import asyncio
import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from stellar_sdk import InvokeHostFunction, Operation, TransactionEnvelope, xdr
from stellar_sdk.decorated_signature import DecoratedSignature

from backend_svc import envelopes
from backend_svc.rules import outcomes
from backend_svc.rules.outcomes import Failure
from backend_svc.store import transactions
from backend_svc.store.database import Database
from backend_svc.store.records import (
    AttemptStep,
    FailureKind,
    Purpose,
    StoredTransaction,
    TransactionStatus,
)
from kale.storage import account_key
from poolkit.chain_clock import ChainClock
from poolkit.errors import PoolError, RpcUnavailable
from poolkit.logs import get_logger
from poolkit.rpc_answers import Entries, SendOutcome, SendStatus, Simulation, TransactionLookup
from poolkit.rpc_answers import TransactionStatus as ChainStatus

log = get_logger(__name__)

# A node keeps a queued transaction for 4 ledgers, then drops it and bans its hash.
VALIDITY_LEDGERS = 4
# Between simulation and sending, ledgers pass: of many at once only so many are on that way.
_PREPARED_AT_ONCE = 8


class ChainReader(Protocol):
    """What the engine asks a node. Each raises RpcUnavailable if none answers."""

    async def entries(self, keys: Iterable[xdr.LedgerKey]) -> Entries: ...

    async def simulate(self, envelope_xdr: str) -> Simulation: ...

    async def transaction(self, hash_hex: str) -> TransactionLookup: ...


class Submitter(Protocol):
    """The way by which an envelope reaches the network: a node now; channels or a relay later."""

    async def send(self, envelope_xdr: str) -> SendOutcome:
        """Raises RpcUnavailable: the envelope may have been taken all the same."""
        ...


class Signer(Protocol):
    """Whoever holds the farmers' keys."""

    async def sign(self, farmer_id: str, transaction_hash: bytes) -> DecoratedSignature: ...


@dataclass(frozen=True)
class Intent:
    """What is to happen on the chain, once.

    `purpose` and `reference_id` (the row that wants it) name the intent: it
    has at most one confirmed transaction, ever. `source_account` is the
    farmer's, who signs and pays the fee. `also_read_write`: entries that the
    call may need where its simulation did not.
    """

    purpose: Purpose
    reference_id: str
    farmer_id: str
    source_account: str
    operation: Operation
    also_read_write: tuple[xdr.LedgerKey, ...] = ()


class OutcomeStatus(StrEnum):
    """not_sent: the simulation or the account's state says it would fail; nothing was signed."""

    CONFIRMED = "confirmed"
    FAILED = "failed"
    DEAD = "dead"
    NOT_SENT = "not_sent"


@dataclass(frozen=True)
class TransactionOutcome:
    """The end of an intent's latest transaction. `failure` is set for failed and not_sent."""

    status: OutcomeStatus
    transaction_id: str | None = None
    hash: bytes | None = None
    ledger: int | None = None
    return_value: xdr.SCVal | None = None
    fee_charged_stroops: int = 0
    failure: Failure | None = None

    @property
    def confirmed(self) -> bool:
        return self.status is OutcomeStatus.CONFIRMED


class OutcomeUnknownError(Exception):
    """The nodes no longer know whether a transaction was applied, and its account has moved past it.

    Only an operator with an archive can tell. Its account sends nothing until then.
    """


# Runs inside Database.run, in the COMMIT that says the transaction is on its way.
OnSent = Callable[[StoredTransaction], None]


@dataclass(frozen=True)
class _Standing:
    """What is known of an intent and its account before anything is done."""

    latest: StoredTransaction | None
    in_flight: StoredTransaction | None
    last_ledger: int


@dataclass(frozen=True)
class _Answer:
    """What came of handing an envelope over. `certain_refusal`: no node had it before this one."""

    step: AttemptStep
    latest_ledger: int
    detail: str = ""
    certain_refusal: bool = False


class TransactionEngine:
    """Executes intents. One a process; several processes may share the database."""

    def __init__(
        self,
        *,
        database: Database,
        chain: ChainReader,
        submitter: Submitter,
        signer: Signer,
        clock: ChainClock,
        passphrase: str,
        inclusion_fee_stroops: int = 1_000,
    ) -> None:
        self._database = database
        self._chain = chain
        self._submitter = submitter
        self._signer = signer
        self._clock = clock
        self._passphrase = passphrase
        self._inclusion_fee_stroops = inclusion_fee_stroops
        self._preparing = asyncio.Semaphore(_PREPARED_AT_ONCE)

    async def execute(self, intent: Intent, *, on_sent: OnSent | None = None) -> TransactionOutcome:
        """Bring the intent to an outcome: a ledger's, or the proof that none will have it.

        An intent that is confirmed already returns that; one in flight is
        driven on; after a failed or dead transaction a new one is made.
        Waits for nodes that do not answer as long as a transaction is in
        flight. `on_sent` is called once a new transaction is on its way.
        Cancelling is safe: the transaction stays on record, and the next
        execute on its account, or `recover`, drives it on.
        Raises RpcUnavailable and other refusals of a node only before anything was stored;
        OutcomeUnknownError; DatabaseUnavailable at any time: then nobody knows, and nothing may be
        concluded.
        """
        while True:
            standing = await self._database.run(_standing, intent)
            if standing.latest is not None and standing.latest.status is TransactionStatus.CONFIRMED:
                return outcome_of(standing.latest)
            if standing.in_flight is not None:
                outcome = await self._drive(standing.in_flight)
                if _is_of(standing.in_flight, intent):
                    return outcome
                continue
            sent = await self._prepare_and_send(intent, standing.last_ledger, on_sent)
            if isinstance(sent, TransactionOutcome):
                return sent
            if sent is not None:
                return await self._drive(sent[0], answer=sent[1])

    async def recover(self) -> list[TransactionOutcome]:
        """Drive every unfinished transaction of an earlier life to its outcome; at start.

        One that only an operator can decide is logged and left out.
        """
        unfinished = await self._database.run(transactions.all_in_flight)
        results = await asyncio.gather(*map(self._recover_one, unfinished))
        return [outcome for outcome in results if outcome is not None]

    async def _recover_one(self, transaction: StoredTransaction) -> TransactionOutcome | None:
        try:
            return await self._drive(transaction)
        except OutcomeUnknownError as error:
            log.error("transaction needs an operator", transaction=transaction.id, error=str(error))
            return None

    async def _prepare_and_send(
        self, intent: Intent, last_ledger: int, on_sent: OnSent | None
    ) -> tuple[StoredTransaction, AttemptStep] | TransactionOutcome | None:
        """Build, store, send. None: another transaction took the account meanwhile."""
        # A node behind the account's last ledger would give a sequence number of the past.
        await self._clock.wait_for_ledger(last_ledger)
        async with self._preparing:
            built = await self._build(intent)
            if isinstance(built, Failure):
                return TransactionOutcome(OutcomeStatus.NOT_SENT, failure=built)
            stored = await self._sign_and_store(intent, *built)
            if stored is None:
                return None
            answer = await self._hand_over(stored)
        # Written outside of the queue for the node: it may have to wait for the pooler's session.
        await self._record_answer(stored, answer, on_sent)
        if answer.certain_refusal:
            refused = await self._database.run(transactions.record_refusal, stored.id, answer.detail)
            if refused is not None:
                return outcome_of(refused)
        return stored, answer.step

    async def _build(self, intent: Intent) -> tuple[TransactionEnvelope, int] | Failure:
        """The unsigned transaction and the latest ledger before it can be sent."""
        entries = await self._chain.entries([account_key(intent.source_account)])
        account = entries.find(account_key(intent.source_account))
        if account is None or account.data.account is None:
            return Failure(FailureKind.RESULT, "txNO_ACCOUNT")
        sequence_number = account.data.account.seq_num.sequence_number.int64 + 1
        envelope = self._unsigned(intent, sequence_number, entries.latest_ledger)
        latest = entries.latest_ledger
        if isinstance(intent.operation, InvokeHostFunction):
            simulation = await self._chain.simulate(envelope.to_xdr())
            if simulation.transaction_data_xdr is None:
                return failure_of_simulation(simulation)
            latest = self._latest(simulation.latest_ledger)
            envelope = envelopes.with_resources(
                self._unsigned(intent, sequence_number, latest),
                transaction_data_xdr=simulation.transaction_data_xdr,
                min_resource_fee_stroops=simulation.min_resource_fee_stroops,
                auth_xdr=simulation.auth_xdr,
                also_read_write=intent.also_read_write,
            )
        return envelope, latest

    def _unsigned(self, intent: Intent, sequence_number: int, latest: int) -> TransactionEnvelope:
        return envelopes.unsigned(
            intent.source_account,
            sequence_number,
            intent.operation,
            passphrase=self._passphrase,
            inclusion_fee_stroops=self._inclusion_fee_stroops,
            max_ledger=latest + 1 + VALIDITY_LEDGERS,
        )

    def _latest(self, ledger: int) -> int:
        return max(ledger, self._clock.head.sequence if self._clock.head else 0)

    async def _sign_and_store(
        self, intent: Intent, envelope: TransactionEnvelope, latest: int
    ) -> StoredTransaction | None:
        transaction_hash = envelope.hash()
        envelope.signatures.append(await self._signer.sign(intent.farmer_id, transaction_hash))
        return await self._database.run(
            transactions.store_prepared,
            purpose=intent.purpose,
            reference_id=intent.reference_id,
            farmer_id=intent.farmer_id,
            source_account=intent.source_account,
            sequence_number=envelope.transaction.sequence,
            hash=transaction_hash,
            envelope=envelope.to_xdr_object().to_xdr_bytes(),
            max_ledger=latest + 1 + VALIDITY_LEDGERS,
            prepared_ledger=latest,
        )

    async def _hand_over(self, transaction: StoredTransaction) -> _Answer:
        """Give the stored envelope to the network; what it answered."""
        try:
            sent = await self._submitter.send(base64.b64encode(transaction.envelope).decode())
        except PoolError as error:
            # Also where a node refuses the call itself: another may have taken it before.
            return _Answer(AttemptStep.UNKNOWN, self._latest(0), str(error))
        if sent.status is not SendStatus.ERROR:
            return _Answer(_STEP_OF[sent.status], sent.latest_ledger)
        code = outcomes.refusal_code(sent.error_result_xdr)
        return _Answer(AttemptStep.ERROR, sent.latest_ledger, code, certain_refusal=not sent.after_unknown)

    async def _record_answer(
        self, transaction: StoredTransaction, answer: _Answer, on_sent: OnSent | None = None
    ) -> None:
        def record() -> None:
            # First what takes the session's row, as everywhere: so nobody waits in a circle.
            if on_sent is not None and not answer.certain_refusal:
                on_sent(transaction)
            transactions.mark_submitted(transaction, answer.step, answer.latest_ledger, answer.detail)

        await self._database.run(record)

    async def _drive(
        self, transaction: StoredTransaction, *, answer: AttemptStep | None = None
    ) -> TransactionOutcome:
        """Look up ledger by ledger until the outcome stands; send again where the answer left it open.

        `answer` None: not sent in this life, so look first.
        """
        seen = 0 if answer is None else transaction.prepared_ledger
        while True:
            head = await self._clock.wait_for_ledger(seen + 1)
            seen = max(seen, head.sequence)
            lookup = await self._look_up(transaction)
            if lookup is None:
                continue
            seen = max(seen, lookup.latest_ledger)
            outcome = await self._settle(transaction, lookup)
            if outcome is not None:
                return outcome
            if answer in _MAY_BE_LOST and lookup.latest_ledger + 1 < transaction.max_ledger:
                stored = await self._database.run(
                    transactions.begin_sending_again, transaction, lookup.latest_ledger
                )
                if not stored.status.in_flight:
                    return outcome_of(stored)
                again = await self._hand_over(transaction)
                await self._record_answer(transaction, again)
                answer = again.step

    async def _look_up(self, transaction: StoredTransaction) -> TransactionLookup | None:
        try:
            return await self._chain.transaction(transaction.hash.hex())
        except RpcUnavailable as error:
            log.warning("cannot look a transaction up", transaction=transaction.id, error=str(error))
            return None
        except PoolError as error:
            log.error("a node refuses the lookup", transaction=transaction.id, error=str(error))
            return None

    async def _settle(
        self, transaction: StoredTransaction, lookup: TransactionLookup
    ) -> TransactionOutcome | None:
        """The outcome if this lookup decides it."""
        if lookup.status is not ChainStatus.NOT_FOUND:
            return await self._record_found(transaction, lookup)
        if lookup.latest_ledger < transaction.max_ledger:
            return None
        if lookup.oldest_ledger > transaction.prepared_ledger and not await self._is_sequence_unused(
            transaction
        ):
            return None
        refusal = await self._database.run(transactions.last_refusal_of, transaction.id)
        if refusal is not None:
            return await self._fail(transaction, Failure(FailureKind.REFUSED, refusal), None)
        return outcome_of(await self._database.run(transactions.record_dead, transaction.id))

    async def _is_sequence_unused(self, transaction: StoredTransaction) -> bool:
        """The ledgers in which it may have been are gone: only its sequence number can still tell.

        False while no node that is past its last ledger answers. Raises OutcomeUnknownError.
        """
        key = account_key(transaction.source_account)
        try:
            entries = await self._chain.entries([key])
        except PoolError as error:
            log.warning("cannot read an account", account=transaction.source_account, error=str(error))
            return False
        account = entries.find(key)
        used = account.data.account.seq_num.sequence_number.int64 if account and account.data.account else 0
        if used >= transaction.sequence_number:
            await self._database.run(
                transactions.add_attempt, transaction, AttemptStep.WINDOW_LOST, entries.latest_ledger
            )
            raise OutcomeUnknownError(
                f"transaction {transaction.hash.hex()} of {transaction.source_account}: sequence number "
                f"{transaction.sequence_number} is used, and the nodes forgot by what"
            )
        return entries.latest_ledger >= transaction.max_ledger

    async def _record_found(
        self, transaction: StoredTransaction, lookup: TransactionLookup
    ) -> TransactionOutcome:
        assert lookup.result_xdr is not None
        assert lookup.ledger is not None
        result = outcomes.read_result(lookup.result_xdr)
        if not result.succeeded:
            return await self._fail(transaction, await self._why(transaction, lookup, result), lookup)
        value = outcomes.return_value(lookup.result_meta_xdr)
        stored = await self._database.run(
            transactions.record_success,
            transaction.id,
            ledger=lookup.ledger,
            fee_charged_stroops=result.fee_charged_stroops,
            result=base64.b64decode(lookup.result_xdr),
            return_value=None if value is None else value.to_xdr_bytes(),
        )
        return outcome_of(stored)

    async def _why(
        self, transaction: StoredTransaction, lookup: TransactionLookup, result: outcomes.Result
    ) -> Failure:
        """The events tell; where the node keeps none, a trial run may show the same error."""
        events = outcomes.diagnostic_events(lookup.diagnostic_events_xdr, lookup.result_meta_xdr)
        failure = outcomes.failure_in_events(events)
        if failure is not None:
            return failure
        if result.operation_code == _TRAPPED:
            try:
                simulation = await self._chain.simulate(base64.b64encode(transaction.envelope).decode())
            except PoolError:
                return outcomes.failure_in_result(result)
            if simulation.error is not None:
                return failure_of_simulation(simulation)
        return outcomes.failure_in_result(result)

    async def _fail(
        self, transaction: StoredTransaction, failure: Failure, lookup: TransactionLookup | None
    ) -> TransactionOutcome:
        result_xdr = lookup.result_xdr if lookup is not None else None
        fee = outcomes.read_result(result_xdr).fee_charged_stroops if result_xdr is not None else None
        stored = await self._database.run(
            transactions.record_failure,
            transaction.id,
            kind=failure.kind,
            contract=failure.contract,
            code=failure.code,
            text=failure.text,
            ledger=lookup.ledger if lookup is not None else None,
            fee_charged_stroops=fee,
            result=base64.b64decode(result_xdr) if result_xdr is not None else None,
        )
        return outcome_of(stored)


_STEP_OF = {
    SendStatus.PENDING: AttemptStep.PENDING,
    SendStatus.DUPLICATE: AttemptStep.DUPLICATE,
    SendStatus.TRY_AGAIN_LATER: AttemptStep.TRY_AGAIN_LATER,
    SendStatus.ERROR: AttemptStep.ERROR,
}
# After these the envelope may be in no queue at all: the same one is sent again.
_MAY_BE_LOST = (None, AttemptStep.UNKNOWN, AttemptStep.TRY_AGAIN_LATER)
_TRAPPED = xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED.name


def outcome_of(transaction: StoredTransaction) -> TransactionOutcome:
    """The outcome on record of a finished transaction. Raises ValueError for one in flight."""
    if transaction.status.in_flight:
        raise ValueError(f"transaction {transaction.id} is {transaction.status}")
    failure = None
    if transaction.failure_kind is not None:
        failure = Failure(
            transaction.failure_kind,
            transaction.failure_text or "",
            contract=transaction.failure_contract,
            code=transaction.failure_code,
        )
    value = transaction.return_value
    return TransactionOutcome(
        status=OutcomeStatus(transaction.status.value),
        transaction_id=transaction.id,
        hash=transaction.hash,
        ledger=transaction.ledger,
        return_value=None if value is None else xdr.SCVal.from_xdr_bytes(value),
        fee_charged_stroops=transaction.fee_charged_stroops or 0,
        failure=failure,
    )


def failure_of_simulation(simulation: Simulation) -> Failure:
    """Why a trial run failed: its events, else its text."""
    failure = outcomes.failure_in_events(outcomes.diagnostic_events(simulation.events_xdr))
    return failure or outcomes.failure_in_text(simulation.error or "")


def _standing(intent: Intent) -> _Standing:
    return _Standing(
        latest=transactions.latest_of_intent(intent.purpose, intent.reference_id),
        in_flight=transactions.in_flight_of(intent.source_account),
        last_ledger=transactions.last_ledger_of(intent.source_account),
    )


def _is_of(transaction: StoredTransaction, intent: Intent) -> bool:
    return (transaction.purpose, transaction.reference_id) == (intent.purpose, intent.reference_id)
