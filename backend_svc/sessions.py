"""The server's side of the Plant, Work and Harvest streams.

A session is the durable conversation of one pooler on one kind of stream; a
connection is one gRPC call that carries it for a while. What a request changes
and the fact that it was taken are one COMMIT; what is told to the pooler is a
row, written in the COMMIT of what it tells, and read from there. So a
connection may break at any moment: the next one goes on where this one was.

What is wrong with the conversation ends the stream; what is wrong with one
request is a durable `refused`, and the stream goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from google.protobuf.message import Message

from backend_svc.idempotency import conflict, content_hash
from backend_svc.store import request_ids, sessions
from backend_svc.store.database import Database
from backend_svc.store.records import StoredResponse, StreamKind, StreamSession
from kalepool.v1.errors_pb2 import Reason
from kalepool.v1.types_pb2 import RequestRefused, SessionAcknowledged, SessionGoodbye, SessionOpened
from poolkit.errors import (
    FieldViolation,
    InternalFault,
    InvalidField,
    PoolError,
    StreamOutOfOrder,
    StreamSequenceGap,
    StreamSessionUnknown,
    StreamSuperseded,
    to_failure,
)
from poolkit.fields import FieldChecks
from poolkit.logs import get_logger

log = get_logger(__name__)

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
RequestIn = TypeVar("RequestIn", bound=Message, contravariant=True)

#: What to do once the request is committed: wake a task, start a planting.
FollowUp = Callable[[], None]
#: What a request does to the database, within the transaction that counts it.
Commit = Callable[[StreamSession], FollowUp]

# Faults of ours: the pooler is to come back and ask again, not to be told no.
_ENDS_THE_STREAM: Final = frozenset(
    {
        Reason.REASON_RPC_UNAVAILABLE,
        Reason.REASON_DATABASE_UNAVAILABLE,
        Reason.REASON_INTERNAL,
        Reason.REASON_SHUTTING_DOWN,
        Reason.REASON_STREAM_SUPERSEDED,
        Reason.REASON_REQUEST_ID_CONFLICT,
    }
)


def no_follow_up() -> None:
    """Nothing is to be done after this COMMIT."""


class RequestTaker(Protocol[RequestIn]):
    """The domain behind one kind of stream."""

    async def take(self, pooler_id: str, request: RequestIn) -> Commit:
        """Check a request against the chain and what is known, without changing anything.

        Raises PoolError to refuse it; so may the returned function, which is
        then rolled back.
        """
        ...

    def has_pending(self, pooler_id: str) -> bool:
        """Whether something is under way of which the pooler is still to be told. Inside Database.run."""
        ...


class SessionWakes(Protocol):
    """Tells that something was written for a session, by this Backend or another."""

    def subscribe(self, session_id: str) -> AbstractContextManager[asyncio.Event]:
        """An event that is set at every change from now on; the subscriber clears it."""
        ...


@dataclass(frozen=True)
class _Taken:
    """What came of committing one request."""

    follow_up: FollowUp


class SessionStreams(Generic[Request, Response]):
    """All connections of one kind of stream in this process."""

    def __init__(
        self,
        *,
        kind: StreamKind,
        response_type: type[Response],
        taker: RequestTaker[Request],
        database: Database,
        wakes: SessionWakes,
    ) -> None:
        self._kind = kind
        self._response_type = response_type
        self._taker = taker
        self._database = database
        self._wakes = wakes
        self._connections: set[_Connection[Request, Response]] = set()
        self._connection_ended = asyncio.Event()
        self._draining = False

    async def converse(self, pooler_id: str, requests: AsyncIterator[Request]) -> AsyncIterator[Response]:
        """Carry one connection from its `open` to its end.

        Raises PoolError for what is wrong with the conversation.
        """
        first = await anext(requests, None)
        session, seen = await self._open(pooler_id, first)
        connection = _Connection(
            session, seen, self._response_type, self._taker, self._database, draining=self._draining
        )
        with self._connected(connection), self._wakes.subscribe(session.id) as wake:
            yield connection.opened(resumed=session.connection > 1)
            async for response in connection.run(requests, wake):
                yield response

    async def drain(self) -> None:
        """Let every connection finish its request, say goodbye and end; also those still to come."""
        self._draining = True
        for connection in self._connections:
            connection.drain()
        while self._connections:
            self._connection_ended.clear()
            await self._connection_ended.wait()

    @contextmanager
    def _connected(self, connection: "_Connection[Request, Response]") -> Iterator[None]:
        self._connections.add(connection)
        try:
            yield
        finally:
            self._connections.discard(connection)
            self._connection_ended.set()

    async def _open(self, pooler_id: str, first: Any) -> tuple[StreamSession, int]:
        """Take the session that the first request names. Returns it and the last sequence seen."""
        if first is None or first.WhichOneof("message") != "open":
            got = "nothing" if first is None else first.WhichOneof("message") or "no message"
            text = f"the first message of a stream must be open (got {got})"
            raise StreamOutOfOrder(text, field_violations=[FieldViolation("message", text)])
        with FieldChecks("open.") as check:
            if first.open.session_id:
                check.uuid("session_id", first.open.session_id)
        session = await self._database.run(
            sessions.open_session, pooler_id, self._kind, first.open.session_id.lower()
        )
        if session is None:
            text = f"must be a current {self._kind} session of this pooler (got {first.open.session_id!r})"
            raise StreamSessionUnknown(
                f"open.session_id {text}", field_violations=[FieldViolation("open.session_id", text)]
            )
        with FieldChecks("open.") as check:
            check.integer(
                "last_sequence_seen",
                first.open.last_sequence_seen,
                least=0,
                most=session.last_response_sequence,
            )
        return session, first.open.last_sequence_seen


class _Connection(Generic[Request, Response]):
    """One gRPC call that carries a session: reads requests, tells what is written for it."""

    def __init__(
        self,
        session: StreamSession,
        last_sequence_seen: int,
        response_type: type[Response],
        taker: RequestTaker[Request],
        database: Database,
        *,
        draining: bool,
    ) -> None:
        self._session = session
        self._response_type = response_type
        self._taker = taker
        self._database = database
        self._told = last_sequence_seen
        # A pooler that has seen nothing rebuilds itself from the blocks that are still open.
        self._replays_unfinished_only = last_sequence_seen == 0
        self._committed = session.last_request_sequence
        self._acknowledged = session.last_request_sequence
        self._draining = draining
        self._goodbye_received = False
        self._taking = asyncio.Lock()
        self._wake: asyncio.Event | None = None

    def __repr__(self) -> str:
        return (
            f"<Connection {self._session.connection} of {self._session.kind} session {self._session.id}: "
            f"requests to {self._committed}, responses to {self._told}>"
        )

    def opened(self, *, resumed: bool) -> Response:
        return self._response(
            opened=SessionOpened(
                session_id=self._session.id,
                last_request_sequence=self._session.last_request_sequence,
                last_response_sequence=self._session.last_response_sequence,
                resumed=resumed,
            )
        )

    def drain(self) -> None:
        self._draining = True
        if self._wake is not None:
            self._wake.set()

    async def run(self, requests: AsyncIterator[Request], wake: asyncio.Event) -> AsyncIterator[Response]:
        """Tell and read side by side until goodbye, the end of the requests, or an error."""
        self._wake = wake
        reader = asyncio.create_task(self._read(requests))
        reader.add_done_callback(lambda _: wake.set())
        try:
            while True:
                wake.clear()
                ending = await self._is_ending(reader)
                async for response in self._untold():
                    yield response
                if self._acknowledged < self._committed:
                    yield self._response(acknowledged=SessionAcknowledged())
                if ending:
                    break
                await wake.wait()
        finally:
            reader.cancel()
            await asyncio.wait([reader])
        if not reader.cancelled():
            reader.result()
        if self._draining or self._goodbye_received:
            yield self._goodbye()

    async def _is_ending(self, reader: asyncio.Task[None]) -> bool:
        """Whether what is written now is all there is to tell on this connection.

        A pooler that only stops asking (half-closes) still hears the end of
        what it asked for.
        """
        if self._draining:
            async with self._taking:
                return True
        if not reader.done():
            return False
        if self._goodbye_received or reader.cancelled() or reader.exception() is not None:
            return True
        return not await self._database.run(self._taker.has_pending, self._session.pooler_id)

    async def _read(self, requests: AsyncIterator[Request]) -> None:
        async for request in requests:
            async with self._taking:
                if self._draining:
                    return
                if await self._is_goodbye(request):
                    return
                await self._take(request)
            if self._wake is not None:
                self._wake.set()

    async def _is_goodbye(self, request: Any) -> bool:
        message = request.WhichOneof("message")
        if message == "open":
            text = "open must be the first message of a stream and no other (got a second one)"
            raise StreamOutOfOrder(text, field_violations=[FieldViolation("message", text)])
        self._goodbye_received = message == "goodbye"
        return self._goodbye_received

    async def _take(self, request: Any) -> None:
        """Commit one request, or its refusal; a repeated one only counts as acknowledged."""
        if request.WhichOneof("message") is None:
            text = "must hold one of the request's messages (got none)"
            raise InvalidField(f"message {text}", field_violations=[FieldViolation("message", text)])
        if request.sequence <= self._committed:
            self._check_replay(request.sequence)
            return
        self._check_next(request.sequence)
        with FieldChecks() as check:
            check.uuid("idempotency_key", request.idempotency_key)
        try:
            commit = await self._taker.take(self._session.pooler_id, request)
            taken = await self._database.run(self._commit, request, commit)
        except PoolError as error:
            if error.reason in _ENDS_THE_STREAM:
                raise
            taken = await self._database.run(
                self._commit, request, _refusal(self._response_type, request, error)
            )
        self._committed = request.sequence
        taken.follow_up()

    def _check_replay(self, sequence: int) -> None:
        if sequence == 0:
            self._check_next(sequence)
        # Told once more at the next turn, however often it was told before.
        self._acknowledged = min(self._acknowledged, self._committed - 1)

    def _check_next(self, sequence: int) -> None:
        expected = self._committed + 1
        if sequence != expected:
            text = f"must be {expected}, the one after the last committed request (got {sequence})"
            raise StreamSequenceGap(f"sequence {text}", field_violations=[FieldViolation("sequence", text)])

    def _commit(self, request: Any, commit: Commit) -> _Taken:
        """Inside Database.run: count the request and do what it asks, or nothing at all."""
        session = self._lock_session()
        if sessions.advance_request(session, request.sequence) is sessions.RequestOrder.REPLAYED:
            return _Taken(no_follow_up)
        try:
            claim = request_ids.claim(
                f"pooler/{session.pooler_id}",
                request.idempotency_key,
                str(session.kind),
                content_hash(request, "sequence", "idempotency_key"),
            )
        except request_ids.RequestConflictError as error:
            raise conflict("idempotency_key", request.idempotency_key) from error
        return _Taken(no_follow_up if claim.answer is not None else commit(session))

    def _lock_session(self) -> StreamSession:
        try:
            return sessions.lock_session(self._session.id, self._session.connection)
        except sessions.SupersededError as error:
            raise StreamSuperseded(str(error)) from error

    async def _untold(self) -> AsyncIterator[Response]:
        """What is written for the session and not yet told on this connection, in order."""
        while True:
            stored, committed = await self._database.run(self._read_untold)
            # The reader may not have heard yet of the COMMIT of what it took: here it is seen.
            self._committed = max(self._committed, committed)
            if not stored:
                break
            for response in stored:
                self._told = response.sequence
                yield self._durable(response)
        if self._replays_unfinished_only:
            self._replays_unfinished_only = False
            if self._told < self._session.last_response_sequence:
                # What was told last is of a finished block and left out: an acknowledgement ends the replay.
                self._told = self._session.last_response_sequence
                self._acknowledged = min(self._acknowledged, self._committed - 1)

    def _read_untold(self) -> tuple[list[StoredResponse], int]:
        """What is not yet told, and the last request that is committed, read in this order."""
        stored = sessions.responses_after(
            self._session.id, self._told, unfinished_blocks_only=self._replays_unfinished_only
        )
        session = sessions.find_session(self._session.id)
        if session is None:
            raise InternalFault(f"session {self._session.id} has vanished")
        if session.connection != self._session.connection:
            raise StreamSuperseded(f"connection {session.connection} took the session over")
        return stored, session.last_request_sequence

    def _durable(self, stored: StoredResponse) -> Response:
        response: Any = self._response_type.FromString(stored.payload)
        response.sequence = stored.sequence
        response.acknowledged_sequence = self._committed
        self._acknowledged = self._committed
        return response  # type: ignore[no-any-return]

    def _goodbye(self) -> Response:
        if not self._draining:
            return self._response(goodbye=SessionGoodbye())
        return self._response(
            goodbye=SessionGoodbye(reason=Reason.REASON_SHUTTING_DOWN, message="the Backend is stopping")
        )

    def _response(self, **message: Message) -> Response:
        """A response that is not durable: only good for this connection."""
        self._acknowledged = self._committed
        make: Any = self._response_type
        return make(acknowledged_sequence=self._committed, **message)  # type: ignore[no-any-return]


def _refusal(response_type: Any, request: Any, error: PoolError) -> Commit:
    """Counts the request and tells why it was not done."""
    refused = response_type(
        refused=RequestRefused(request_sequence=request.sequence, failure=to_failure(error))
    )

    def commit(session: StreamSession) -> FollowUp:
        sessions.append_response(session.id, kind="refused", payload=refused.SerializeToString())
        return no_follow_up

    return commit
