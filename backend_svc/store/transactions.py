"""Questions about stored transactions and what was done with them."""

from uuid import uuid4

from peewee import fn

from backend_svc.store.database import in_transaction
from backend_svc.store.models import TransactionAttempts, Transactions, as_record, maybe_record
from backend_svc.store.records import (
    AttemptStep,
    FailureKind,
    Purpose,
    StoredTransaction,
    TransactionStatus,
)

_IN_FLIGHT = (TransactionStatus.PREPARED, TransactionStatus.SUBMITTED)


def store_prepared(
    *,
    purpose: Purpose,
    reference_id: str,
    farmer_id: str | None,
    source_account: str,
    sequence_number: int,
    hash: bytes,
    envelope: bytes,
    max_ledger: int,
    prepared_ledger: int,
) -> StoredTransaction | None:
    """Write a signed transaction before it is sent, with its first row "sending".

    None if the source account has another one in flight, or the intent has
    succeeded already: then nothing may be sent.
    """
    with in_transaction().atomic() as savepoint:
        query = (
            Transactions.insert(
                id=str(uuid4()),
                purpose=purpose,
                reference_id=reference_id,
                farmer_id=farmer_id,
                source_account=source_account,
                sequence_number=sequence_number,
                hash=hash,
                envelope=envelope,
                max_ledger=max_ledger,
                prepared_ledger=prepared_ledger,
            )
            .on_conflict_ignore()
            .returning(Transactions)
        )
        rows = list(query.execute())
        # Asked after the insertion: had the intent's other transaction been in flight until then,
        # the insertion would have waited for its end, so its success is seen here.
        if not rows or _has_succeeded(purpose, reference_id):
            savepoint.rollback()
            return None
        transaction = as_record(StoredTransaction, rows[0])
        add_attempt(transaction, AttemptStep.SENDING, prepared_ledger)
    return transaction


def add_attempt(
    transaction: StoredTransaction, step: AttemptStep, latest_ledger: int, detail: str = ""
) -> None:
    """Append what is about to be done, or what came of it. The envelope is the inner one, unbumped."""
    TransactionAttempts.insert(
        transaction_id=transaction.id,
        step=step,
        envelope_hash=transaction.hash,
        latest_ledger=latest_ledger,
        detail=detail,
    ).execute()


def begin_sending_again(transaction: StoredTransaction, latest_ledger: int) -> StoredTransaction:
    """Append "sending" before the same envelope goes out once more; the transaction as it stands.

    If somebody has recorded its outcome meanwhile nothing is appended, and nothing may be sent.
    """
    stored = _lock_transaction(transaction.id)
    if stored.status.in_flight:
        add_attempt(stored, AttemptStep.SENDING, latest_ledger)
    return stored


def mark_submitted(
    transaction: StoredTransaction, step: AttemptStep, latest_ledger: int, detail: str = ""
) -> None:
    """A node has answered, or may have it: from here on only the ledger decides."""
    Transactions.update(status=TransactionStatus.SUBMITTED).where(
        (Transactions.id == transaction.id) & (Transactions.status == TransactionStatus.PREPARED)
    ).execute()
    add_attempt(transaction, step, latest_ledger, detail)


def record_success(
    transaction_id: str,
    *,
    ledger: int,
    fee_charged_stroops: int,
    result: bytes,
    return_value: bytes | None,
) -> StoredTransaction:
    """It is in a ledger and did what it should. The first to record an outcome wins."""
    return _finish(
        transaction_id,
        status=TransactionStatus.CONFIRMED,
        ledger=ledger,
        fee_charged_stroops=fee_charged_stroops,
        result=result,
        return_value=return_value,
    )


def record_failure(
    transaction_id: str,
    *,
    kind: FailureKind,
    contract: str | None,
    code: int | None,
    text: str,
    ledger: int | None,
    fee_charged_stroops: int | None,
    result: bytes | None,
) -> StoredTransaction:
    """It failed, in a ledger (or was refused and can no longer get into one: ledger None)."""
    return _finish(
        transaction_id,
        status=TransactionStatus.FAILED,
        failure_kind=kind,
        failure_contract=contract,
        failure_code=code,
        failure_text=text,
        ledger=ledger,
        fee_charged_stroops=fee_charged_stroops,
        result=result,
    )


def record_refusal(transaction_id: str, code: str) -> StoredTransaction | None:
    """The node refused the only envelope that ever went out: it cannot get into a ledger any more.

    None, and nothing recorded, if somebody sent it another time: that one may be in a queue, and
    the refusal may say no more than that it got into a ledger first.
    """
    _lock_transaction(transaction_id)
    if attempts_of(transaction_id).count(AttemptStep.SENDING) > 1:
        return None
    return record_failure(
        transaction_id,
        kind=FailureKind.REFUSED,
        contract=None,
        code=None,
        text=code,
        ledger=None,
        fee_charged_stroops=None,
        result=None,
    )


def record_dead(transaction_id: str) -> StoredTransaction:
    """It is proved that no ledger holds it and none ever will."""
    return _finish(transaction_id, status=TransactionStatus.DEAD)


def get_transaction(transaction_id: str) -> StoredTransaction:
    return as_record(StoredTransaction, Transactions.get(Transactions.id == transaction_id))


def latest_of_intent(purpose: Purpose, reference_id: str) -> StoredTransaction | None:
    """The last transaction made for an intent: its outcome is the intent's so far."""
    query = Transactions.select().where(
        (Transactions.purpose == purpose) & (Transactions.reference_id == reference_id)
    )
    row = query.order_by(Transactions.created_at.desc(), Transactions.sequence_number.desc()).first()
    return maybe_record(StoredTransaction, row)


def find_confirmed(source_account: str, purpose: Purpose, ledger: int) -> StoredTransaction | None:
    """The transaction of an account that did this in this ledger."""
    row = Transactions.get_or_none(
        (Transactions.source_account == source_account)
        & (Transactions.purpose == purpose)
        & (Transactions.ledger == ledger)
        & (Transactions.status == TransactionStatus.CONFIRMED)
    )
    return maybe_record(StoredTransaction, row)


def in_flight_of(source_account: str) -> StoredTransaction | None:
    """The one whose outcome must be known before the account may send another."""
    row = Transactions.get_or_none(
        (Transactions.source_account == source_account) & Transactions.status.in_(_IN_FLIGHT)
    )
    return maybe_record(StoredTransaction, row)


def all_in_flight() -> list[StoredTransaction]:
    """What a Backend that starts must drive to its end, oldest first."""
    query = Transactions.select().where(Transactions.status.in_(_IN_FLIGHT))
    return [as_record(StoredTransaction, row) for row in query.order_by(Transactions.created_at)]


def last_ledger_of(source_account: str) -> int:
    """The latest ledger that we know took a transaction of this account, 0 if none."""
    query = Transactions.select(fn.MAX(Transactions.ledger)).where(
        Transactions.source_account == source_account
    )
    return int(query.scalar() or 0)


def newest_ledger() -> int:
    """The latest ledger that we know took a transaction of ours, 0 if none."""
    return int(Transactions.select(fn.MAX(Transactions.ledger)).scalar() or 0)


def attempts_of(transaction_id: str) -> list[AttemptStep]:
    """What was done with it, in order."""
    query = TransactionAttempts.select().where(TransactionAttempts.transaction_id == transaction_id)
    return [row.step for row in query.order_by(TransactionAttempts.id)]


def last_refusal_of(transaction_id: str) -> str | None:
    """The node's words when it refused it for good, if it did."""
    query = TransactionAttempts.select().where(
        (TransactionAttempts.transaction_id == transaction_id)
        & (TransactionAttempts.step == AttemptStep.ERROR)
    )
    row = query.order_by(TransactionAttempts.id.desc()).first()
    return row and str(row.detail)


def are_ours(hashes: list[bytes]) -> set[bytes]:
    """Which of these transaction hashes we signed."""
    if not hashes:
        return set()
    query = Transactions.select(Transactions.hash).where(Transactions.hash.in_(hashes))
    return {row.hash for row in query}


def _lock_transaction(transaction_id: str) -> StoredTransaction:
    """The row, held until COMMIT: whether it is sent again and whether it failed is decided in turn."""
    row = Transactions.select().where(Transactions.id == transaction_id).for_update().get()
    return as_record(StoredTransaction, row)


def _has_succeeded(purpose: Purpose, reference_id: str) -> bool:
    return (
        Transactions.select()
        .where(
            (Transactions.purpose == purpose)
            & (Transactions.reference_id == reference_id)
            & (Transactions.status == TransactionStatus.CONFIRMED)
        )
        .exists()
    )


def _finish(transaction_id: str, **outcome: object) -> StoredTransaction:
    Transactions.update(finished_at=fn.now(), **outcome).where(
        (Transactions.id == transaction_id) & Transactions.status.in_(_IN_FLIGHT)
    ).execute()
    return get_transaction(transaction_id)
