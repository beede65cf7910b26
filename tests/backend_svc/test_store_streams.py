"""Sessions, operations, and the notifications that wake streams."""

import asyncio

import peewee
import pytest

from backend_svc.store import ledger, operations, sessions
from backend_svc.store.database import Database, in_transaction
from backend_svc.store.notifications import SessionNotifications
from backend_svc.store.records import OperationStatus, StreamKind, StreamSession
from backend_svc.store.sessions import RequestOrder, SequenceGapError, SupersededError
from tests.backend_svc.people import a_planted_farmer, some_id, some_pooler


def opened(database: Database, kind: StreamKind = StreamKind.PLANT) -> StreamSession:
    session = database.run_here(lambda: sessions.open_session(some_pooler().id, kind))
    assert session is not None
    return session


def test_a_pooler_has_one_current_session_of_a_kind(database: Database) -> None:
    first = opened(database)
    again = database.run_here(sessions.open_session, first.pooler_id, StreamKind.PLANT)
    named = database.run_here(sessions.open_session, first.pooler_id, StreamKind.PLANT, first.id)
    assert again is not None
    assert named is not None
    assert [first.connection, again.connection, named.connection] == [1, 2, 3]
    assert first.id == again.id == named.id
    other = database.run_here(sessions.open_session, first.pooler_id, StreamKind.WORK)
    assert other is not None
    assert other.id != first.id


def test_a_session_of_somebody_else_or_of_the_past_cannot_be_opened(database: Database) -> None:
    session = opened(database)
    stranger = database.run_here(some_pooler, "South")
    assert database.run_here(sessions.open_session, stranger.id, StreamKind.PLANT, session.id) is None
    assert database.run_here(sessions.open_session, session.pooler_id, StreamKind.WORK, session.id) is None
    assert database.run_here(sessions.open_session, session.pooler_id, StreamKind.PLANT, some_id()) is None
    database.run_here(sessions.end_session, session.id)
    assert database.run_here(sessions.open_session, session.pooler_id, StreamKind.PLANT, session.id) is None


def test_requests_are_counted_without_gaps_and_replays_do_nothing(database: Database) -> None:
    session = opened(database)

    def take(sequence: int) -> RequestOrder:
        return sessions.advance_request(sessions.lock_session(session.id, session.connection), sequence)

    assert [database.run_here(take, n) for n in (1, 2, 2, 1)] == [
        RequestOrder.NEXT,
        RequestOrder.NEXT,
        RequestOrder.REPLAYED,
        RequestOrder.REPLAYED,
    ]
    with pytest.raises(SequenceGapError) as caught:
        database.run_here(take, 4)
    assert (caught.value.sequence, caught.value.expected) == (4, 3)


def test_an_older_connection_may_say_nothing_more(database: Database) -> None:
    session = opened(database)
    database.run_here(sessions.open_session, session.pooler_id, StreamKind.PLANT)
    with pytest.raises(SupersededError):
        database.run_here(sessions.lock_session, session.id, session.connection)


async def test_responses_of_many_writers_have_one_sequence_without_gaps(database: Database) -> None:
    session = await database.run(lambda: sessions.open_session(some_pooler().id, StreamKind.PLANT))
    assert session is not None
    numbers = await asyncio.gather(
        *(
            database.run(sessions.append_response, session.id, kind="outcome", payload=bytes([n]))
            for n in range(20)
        )
    )
    assert sorted(numbers) == list(range(1, 21))
    stored = await database.run(sessions.responses_after, session.id, 15)
    assert [response.sequence for response in stored] == [16, 17, 18, 19, 20]


def test_a_response_that_is_rolled_back_leaves_no_gap(database: Database) -> None:
    session = opened(database)

    def fail() -> None:
        sessions.append_response(session.id, kind="outcome", payload=b"lost")
        raise ValueError("rolled back")

    with pytest.raises(ValueError, match="rolled back"):
        database.run_here(fail)
    assert database.run_here(sessions.append_response, session.id, kind="outcome", payload=b"kept") == 1


def test_a_replay_from_nothing_leaves_out_harvested_blocks(database: Database) -> None:
    session = opened(database)

    def tell(index: int) -> str:
        operation = operations.open_operation(index, session.pooler_id, capacity=5, deadline=None)
        sessions.append_response(session.id, kind="summary", payload=b"", operation_id=operation.id)
        return operation.id

    done = database.run_here(tell, 1)
    database.run_here(tell, 2)
    database.run_here(operations.advance_operation, done, OperationStatus.HARVESTED)
    left = database.run_here(sessions.responses_after, session.id, 0, unfinished_blocks_only=True)
    assert [response.sequence for response in left] == [2]
    assert len(database.run_here(sessions.responses_after, session.id, 0)) == 2


@pytest.mark.parametrize(
    "statement",
    ["UPDATE block_events SET payload = ''", "DELETE FROM block_events", "TRUNCATE block_events"],
)
def test_what_was_told_cannot_be_taken_back(database: Database, statement: str) -> None:
    session = opened(database)
    database.run_here(sessions.append_response, session.id, kind="outcome", payload=b"told")
    with pytest.raises(peewee.DatabaseError, match="block_events is append-only"):
        database.run_here(lambda: in_transaction().execute_sql(statement))


def test_an_operation_is_made_once_and_only_moves_forward(database: Database) -> None:
    pooler = database.run_here(some_pooler)
    first = database.run_here(operations.open_operation, 7, pooler.id, capacity=5, deadline=1_000)
    again = database.run_here(operations.open_operation, 7, pooler.id, capacity=9, deadline=None)
    assert again == first
    assert database.run_here(operations.advance_operation, first.id, OperationStatus.WORKED)
    assert not database.run_here(operations.advance_operation, first.id, OperationStatus.PLANTED)
    assert [o.id for o in database.run_here(operations.list_operations, (OperationStatus.WORKED,))] == [
        first.id
    ]


def test_summaries_count_the_rows(database: Database) -> None:
    planted = database.run_here(a_planted_farmer)
    operation_id = planted.planting.operation_id
    counts = database.run_here(operations.plant_counts, operation_id)
    assert (counts.requested, counts.planted, counts.failed, counts.total_staked_stroops) == (1, 1, 0, 1_000)
    assert database.run_here(operations.work_counts, operation_id).recorded == 0


def test_a_cursor_moves(database: Database) -> None:
    assert database.run_here(ledger.find_cursor, "asset") is None
    database.run_here(ledger.move_cursor, "asset", "a", 5)
    database.run_here(ledger.move_cursor, "asset", "b", 6)
    cursor = database.run_here(ledger.lock_cursor, "asset")
    assert cursor is not None
    assert (cursor.cursor, cursor.ledger) == ("b", 6)


async def test_a_response_by_any_backend_wakes_the_sessions_stream(
    database: Database, database_url: str
) -> None:
    session = await database.run(lambda: sessions.open_session(some_pooler().id, StreamKind.PLANT))
    assert session is not None
    notifications = SessionNotifications(database_url)
    listening = asyncio.create_task(notifications.listen_forever())
    await notifications.wait_until_listening()
    another_backend = Database(database_url, pool_size=1)
    with notifications.subscribe(session.id) as mine, notifications.subscribe(some_id()) as others:
        await another_backend.run(sessions.append_response, session.id, kind="outcome", payload=b"")
        await asyncio.wait_for(mine.wait(), 60)
        mine.clear()
        await another_backend.run(sessions.open_session, session.pooler_id, StreamKind.PLANT)
        await asyncio.wait_for(mine.wait(), 60)
        assert not others.is_set()
    another_backend.close()
    listening.cancel()


async def test_after_a_lost_connection_everybody_looks_again(database: Database, database_url: str) -> None:
    notifications = SessionNotifications(database_url)
    listening = asyncio.create_task(notifications.listen_forever())
    await notifications.wait_until_listening()
    with notifications.subscribe(some_id()) as mine:
        await database.run(_cut_listeners)
        await asyncio.wait_for(mine.wait(), 60)
    listening.cancel()


def _cut_listeners() -> None:
    in_transaction().execute_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'kalepool listen' AND datname = current_database()"
    )
