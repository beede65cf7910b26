"""Transactions that meet trouble: deadlocks, lost connections, a caller that went away."""

import asyncio
import threading

import pytest

from backend_svc.store import farmers, poolers
from backend_svc.store.database import Database, in_transaction
from backend_svc.store.records import PoolerStatus
from poolkit.errors import DatabaseUnavailable
from tests.backend_svc.people import some_pooler


def test_a_deadlock_is_tried_again(database: Database) -> None:
    north, south = (database.run_here(some_pooler, name).id for name in ("North", "South"))
    both_hold_one = threading.Barrier(2)
    calls: list[str] = []

    def lock(first: str, second: str, name: str) -> None:
        calls.append(name)
        poolers.set_pooler_status(first, PoolerStatus.DRAINING)
        if calls.count(name) == 1:
            both_hold_one.wait(60)
        poolers.set_pooler_status(second, PoolerStatus.DRAINING)

    async def both() -> None:
        await asyncio.gather(
            database.run(lock, north, south, "one"), database.run(lock, south, north, "other")
        )

    asyncio.run(both())
    assert len(calls) >= 3  # PostgreSQL ends one of the two; again, if it is back before the other goes on
    statuses = {pooler.status for pooler in database.run_here(poolers.list_poolers)}
    assert statuses == {PoolerStatus.DRAINING}


async def test_idle_connections_that_were_lost_are_replaced_unnoticed(database: Database) -> None:
    def wait_for_all(everybody: threading.Barrier) -> None:
        in_transaction().execute_sql("SELECT 1")
        everybody.wait(60)

    four = threading.Barrier(4)
    await asyncio.gather(*(database.run(wait_for_all, four) for _ in range(4)))
    another = Database(database.url, pool_size=1)
    await another.run(_cut_everybody_else)
    another.close()
    await asyncio.gather(*(database.check() for _ in range(4)))


async def test_a_connection_lost_within_a_transaction_is_told(database: Database) -> None:
    def lose() -> None:
        in_transaction().execute_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(DatabaseUnavailable):
        await database.run(lose)
    await database.check()


async def test_callers_count_until_their_transaction_has_ended_well_or_not(database: Database) -> None:
    both_run, go_on = threading.Barrier(3), threading.Event()

    def fail() -> None:
        both_run.wait(60)
        go_on.wait(60)
        raise ValueError("no farmer")

    calls = [asyncio.create_task(database.run(fail)) for _ in range(2)]
    await asyncio.to_thread(both_run.wait, 60)
    assert database.running == 2
    go_on.set()
    assert [str(error) for error in await asyncio.gather(*calls, return_exceptions=True)] == ["no farmer"] * 2
    assert database.running == 0


async def test_a_cancelled_callers_transaction_still_ends(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly() -> None:
        farmers.find_or_add_user("ada@example.org")
        begun.set()
        go_on.wait(60)

    call = asyncio.create_task(database.run(slowly))
    await asyncio.to_thread(begun.wait, 60)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    go_on.set()
    await asyncio.to_thread(database.close)
    reopened = Database(database.url, pool_size=1)
    # The e-mail address is found, not made: the thread went on to its COMMIT.
    assert await reopened.run(_count_users) == 1
    reopened.close()


async def test_transactions_beyond_the_pool_wait_their_turn(database_url: str) -> None:
    small = Database(database_url, pool_size=2)
    await asyncio.gather(*(small.check() for _ in range(20)))
    small.close()


def _cut_everybody_else() -> None:
    in_transaction().execute_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def _count_users() -> int:
    return int(in_transaction().execute_sql("SELECT count(*) FROM users").fetchone()[0])
