"""Stream sessions: what was asked, what was told, and who may speak.

A handler of a request composes one transaction:

    def take(...):                                       # inside Database.run
        session = sessions.lock_session(session_id, connection)
        if sessions.advance_request(session, sequence) is RequestOrder.REPLAYED:
            return
        ... plantings.…, works.…, ledger.… ...
        sessions.append_response(session_id, kind=…, payload=…)
"""

from enum import Enum
from uuid import uuid4

from peewee import fn

from backend_svc.store.models import BlockEvents, BlockOperations, StreamSessions, as_record, maybe_record
from backend_svc.store.records import OperationStatus, StoredResponse, StreamKind, StreamSession


class SupersededError(Exception):
    """Another connection has taken the session since: this one may say nothing more."""


class SequenceGapError(Exception):
    """A request came whose predecessors did not."""

    def __init__(self, sequence: int, expected: int) -> None:
        super().__init__(f"request sequence {sequence}, expected {expected}")
        self.sequence = sequence
        self.expected = expected


class RequestOrder(Enum):
    NEXT = "next"
    REPLAYED = "replayed"


def open_session(pooler_id: str, kind: StreamKind, session_id: str = "") -> StreamSession | None:
    """Take a session for a new connection; whoever had it is superseded and notified.

    Empty `session_id`: the pooler's current session of this kind, made if
    there is none. None if the named one is not a session of this pooler and
    kind, or has ended. The record's `connection` is this connection's number.
    """
    if not session_id:
        StreamSessions.insert(id=str(uuid4()), pooler_id=pooler_id, kind=kind).on_conflict_ignore().execute()
    query = StreamSessions.update(connection=StreamSessions.connection + 1).where(
        (StreamSessions.pooler_id == pooler_id)
        & (StreamSessions.kind == kind)
        & StreamSessions.ended_at.is_null()
    )
    if session_id:
        query = query.where(StreamSessions.id == session_id)
    rows = list(query.returning(StreamSessions).execute())
    return as_record(StreamSession, rows[0]) if rows else None


def find_session(session_id: str) -> StreamSession | None:
    row = StreamSessions.get_or_none(StreamSessions.id == session_id)
    return maybe_record(StreamSession, row)


def lock_current_session(pooler_id: str, kind: StreamKind) -> StreamSession:
    """The session that outcomes of this kind are told on, made if the pooler never opened one.

    Its row is held until COMMIT. Whoever writes outcomes takes it first, before
    the rows that they are about, as requests do: so nobody waits in a circle.
    """
    current = (
        StreamSessions.select()
        .where(
            (StreamSessions.pooler_id == pooler_id)
            & (StreamSessions.kind == kind)
            & StreamSessions.ended_at.is_null()
        )
        .for_update()
    )
    row = current.first()
    if row is None:
        StreamSessions.insert(id=str(uuid4()), pooler_id=pooler_id, kind=kind).on_conflict_ignore().execute()
        row = current.get()
    return as_record(StreamSession, row)


def lock_session(session_id: str, connection: int | None = None) -> StreamSession:
    """The session, its row held until COMMIT. `connection` None: for the Backend's own work.

    Raises SupersededError.
    """
    row = StreamSessions.select().where(StreamSessions.id == session_id).for_update().get()
    session = as_record(StreamSession, row)
    if connection is not None and session.connection != connection:
        raise SupersededError(f"session {session_id} went to connection {session.connection}")
    return session


def advance_request(session: StreamSession, sequence: int) -> RequestOrder:
    """Count a request of a locked session. REPLAYED: it was committed before, do nothing again.

    Raises SequenceGapError.
    """
    if sequence <= session.last_request_sequence:
        return RequestOrder.REPLAYED
    if sequence != session.last_request_sequence + 1:
        raise SequenceGapError(sequence, session.last_request_sequence + 1)
    StreamSessions.update(last_request_sequence=sequence).where(StreamSessions.id == session.id).execute()
    return RequestOrder.NEXT


def append_response(
    session_id: str,
    *,
    kind: str,
    payload: bytes,
    operation_id: str | None = None,
    farmer_id: str | None = None,
) -> int:
    """Write a durable response under the session's next sequence, and return that.

    Takes the session's row lock if the transaction does not hold it already.
    The payload is the message without its sequence and acknowledgement: those
    are filled in when it is sent. Open streams are notified at COMMIT.
    """
    query = (
        StreamSessions.update(last_response_sequence=StreamSessions.last_response_sequence + 1)
        .where(StreamSessions.id == session_id)
        .returning(StreamSessions.last_response_sequence)
    )
    sequence = int(next(iter(query.execute())).last_response_sequence)
    BlockEvents.insert(
        session_id=session_id,
        sequence=sequence,
        operation_id=operation_id,
        farmer_id=farmer_id,
        kind=kind,
        payload=payload,
    ).execute()
    return sequence


def responses_after(
    session_id: str, sequence: int, *, limit: int = 200, unfinished_blocks_only: bool = False
) -> list[StoredResponse]:
    """What was told after this sequence, in order, at most `limit`.

    `unfinished_blocks_only` leaves out what belongs to blocks that are
    harvested: for a pooler that kept nothing and asks for all from 0.
    """
    query = (
        BlockEvents.select()
        .where((BlockEvents.session_id == session_id) & (BlockEvents.sequence > sequence))
        .order_by(BlockEvents.sequence)
        .limit(limit)
    )
    if unfinished_blocks_only:
        done = BlockOperations.select(BlockOperations.id).where(
            BlockOperations.status == OperationStatus.HARVESTED
        )
        query = query.where(BlockEvents.operation_id.is_null() | BlockEvents.operation_id.not_in(done))
    return [as_record(StoredResponse, row) for row in query]


def end_session(session_id: str) -> None:
    """Close the conversation for good; the pooler's next one is a new session."""
    StreamSessions.update(ended_at=fn.now()).where(
        (StreamSessions.id == session_id) & StreamSessions.ended_at.is_null()
    ).execute()
