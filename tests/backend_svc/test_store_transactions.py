"""Stored transactions: one in flight an account, one success an intent, nothing rewritten."""

import asyncio
import threading

import peewee
import pytest

from backend_svc.store import transactions
from backend_svc.store.database import Database, in_transaction
from backend_svc.store.records import (
    AttemptStep,
    FailureKind,
    Farmer,
    Purpose,
    StoredTransaction,
    TransactionStatus,
)
from tests.backend_svc.people import some_farmer, some_id, some_pooler, some_transaction


@pytest.fixture
def farmer(database: Database) -> Farmer:
    return database.run_here(lambda: some_farmer(some_pooler()))


def stored(database: Database, farmer: Farmer, reference_id: str) -> StoredTransaction:
    transaction = database.run_here(some_transaction, farmer, reference_id)
    assert transaction is not None
    return transaction


def succeed(transaction_id: str) -> StoredTransaction:
    return transactions.record_success(
        transaction_id, ledger=102, fee_charged_stroops=99, result=b"r", return_value=None
    )


def test_an_account_has_one_transaction_in_flight(database: Database, farmer: Farmer) -> None:
    first = stored(database, farmer, some_id())
    assert database.run_here(some_transaction, farmer, some_id()) is None
    database.run_here(transactions.record_dead, first.id)
    assert database.run_here(some_transaction, farmer, some_id()) is not None


def test_the_first_sending_is_on_record_before_it_happens(database: Database, farmer: Farmer) -> None:
    transaction = stored(database, farmer, some_id())
    assert transaction.status is TransactionStatus.PREPARED
    assert database.run_here(transactions.attempts_of, transaction.id) == [AttemptStep.SENDING]
    assert database.run_here(transactions.all_in_flight) == [transaction]


def test_an_intent_that_succeeded_gets_no_second_transaction(database: Database, farmer: Farmer) -> None:
    """Also where the caller learned of its intent's standing before it succeeded."""
    reference = some_id()
    first = stored(database, farmer, reference)
    database.run_here(succeed, first.id)
    assert database.run_here(some_transaction, farmer, reference) is None
    assert database.run_here(transactions.all_in_flight) == []
    assert database.run_here(some_transaction, farmer, some_id()) is not None


async def test_whoever_stores_while_the_intent_succeeds_learns_of_it(
    database: Database, farmer: Farmer
) -> None:
    reference = some_id()
    first = stored(database, farmer, reference)
    succeeding, storing = threading.Event(), threading.Event()

    def succeed_slowly() -> None:
        succeed(first.id)
        succeeding.set()
        storing.wait(10)

    def store_meanwhile() -> StoredTransaction | None:
        succeeding.wait(10)
        storing.set()
        return some_transaction(farmer, reference)

    _, second = await asyncio.gather(database.run(succeed_slowly), database.run(store_meanwhile))
    assert second is None


def test_the_first_outcome_wins(database: Database, farmer: Farmer) -> None:
    transaction = stored(database, farmer, some_id())
    confirmed = database.run_here(succeed, transaction.id)
    assert database.run_here(transactions.record_dead, transaction.id) == confirmed
    assert database.run_here(transactions.in_flight_of, farmer.public_key) is None
    assert database.run_here(transactions.last_ledger_of, farmer.public_key) == 102


def test_a_failure_says_why(database: Database, farmer: Farmer) -> None:
    transaction = stored(database, farmer, some_id())
    failed = database.run_here(
        transactions.record_failure,
        transaction.id,
        kind=FailureKind.CONTRACT,
        contract="C1",
        code=8,
        text="Error(Contract, #8)",
        ledger=103,
        fee_charged_stroops=5,
        result=b"r",
    )
    assert (failed.status, failed.failure_code) == (TransactionStatus.FAILED, 8)
    latest = database.run_here(transactions.latest_of_intent, Purpose.PLANT, transaction.reference_id)
    assert latest == failed


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transactions SET envelope = 'other'",
        "UPDATE transactions SET max_ledger = max_ledger + 100",
        "DELETE FROM transactions",
        "TRUNCATE transactions CASCADE",
        "UPDATE transaction_attempts SET detail = ''",
        "DELETE FROM transaction_attempts",
        "TRUNCATE transaction_attempts",
    ],
)
def test_what_was_signed_and_sent_cannot_be_rewritten(
    database: Database, farmer: Farmer, statement: str
) -> None:
    stored(database, farmer, some_id())
    with pytest.raises(peewee.DatabaseError, match=r"append-only|was signed"):
        database.run_here(lambda: in_transaction().execute_sql(statement))


def test_a_finished_transaction_is_final(database: Database, farmer: Farmer) -> None:
    transaction = stored(database, farmer, some_id())
    database.run_here(succeed, transaction.id)
    with pytest.raises(peewee.DatabaseError, match="confirmed and final"):
        database.run_here(lambda: in_transaction().execute_sql("UPDATE transactions SET status = 'failed'"))
