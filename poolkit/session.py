"""The pooler's side of a resumable stream session (Plant, Work, Harvest).

A session outlives connections: requests wait in an outbox until the Backend has acknowledged them
and are sent again after a reconnect; durable responses that were digested before are not handled
twice. Nothing is kept on disk: a new process resumes the pooler's current session, learns from
`opened` where its numbering goes on, and is told anew what concerns unfinished blocks.
"""

import asyncio
import contextlib
import enum
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from grpc.aio import EOF  # type: ignore[attr-defined]

from kalepool.v1 import types_pb2
from kalepool.v1.errors_pb2 import Fault, Reason
from poolkit.breaker import CircuitBreaker
from poolkit.errors import BackendUnavailable, CapacityExceeded, PoolError, StreamSessionUnknown
from poolkit.logs import get_logger
from poolkit.retry import Backoff
from poolkit.wall_clock import SystemWallClock, WallClock

log = get_logger(__name__)

_FIRST_PAUSE_WALL_SECONDS = 0.1
_LONGEST_PAUSE_WALL_SECONDS = 5.0
# A connection that was open this long, or got something done, was a good one: the pauses start anew.
_GOOD_CONNECTION_WALL_SECONDS = 2.0


class SessionRequest(Protocol):
    """What PlantRequest, WorkRequest and HarvestRequest have in common."""

    sequence: int
    idempotency_key: str


class SessionResponse(Protocol):
    """What PlantResponse, WorkResponse and HarvestResponse have in common."""

    @property
    def sequence(self) -> int: ...
    @property
    def acknowledged_sequence(self) -> int: ...
    @property
    def opened(self) -> types_pb2.SessionOpened: ...
    @property
    def goodbye(self) -> types_pb2.SessionGoodbye: ...


Req = TypeVar("Req", bound=SessionRequest)
Resp = TypeVar("Resp", bound=SessionResponse)


class SessionState(enum.Enum):
    """Where a session is: DISCONNECTED (pausing before the next attempt), OPENING, OPEN or CLOSED."""

    DISCONNECTED = "disconnected"
    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class SessionStatus:
    """For status pages.

    `last_error` is why the latest connection ended, None while it is well; `connections` counts those
    that were opened; `heard_wall_seconds_ago` is None until the other side said something. `last_request`
    and `last_response` are sequences: of the last request numbered, of the last durable response digested.
    """

    name: str
    state: SessionState
    session_id: str
    unacknowledged: int
    last_error: str | None
    connections: int
    heard_wall_seconds_ago: float | None
    last_request: int
    last_response: int


class SentRequest(Generic[Req]):
    """A request on its way. Its sequence is 0 until the session was opened for the first time."""

    def __init__(self, request: Req) -> None:
        self._request = request
        self._committed = asyncio.Event()

    @property
    def request(self) -> Req:
        return self._request

    @property
    def sequence(self) -> int:
        return self._request.sequence

    @property
    def acknowledged(self) -> bool:
        return self._committed.is_set()

    async def wait_acknowledged(self) -> None:
        """Return once the Backend has committed the request; survives reconnects."""
        await self._committed.wait()

    def _commit(self) -> None:
        self._committed.set()


class StreamSession(Generic[Req, Resp]):
    """One session: `send` at any time, `run_forever` keeps it connected, `close` says goodbye.

    `connect` starts the call (e.g. `lambda: stub.Plant()` on a channel of `open_channel`);
    `request_type` is the stream's request message. `on_response` gets each response that tells
    something, in order, and durable ones once; it is awaited before the next is read and before
    the response counts as seen, so if it raises, the response comes again. Times in wall seconds.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Any],
        request_type: Callable[..., Req],
        on_response: Callable[[Resp], Awaitable[None]],
        *,
        breaker: CircuitBreaker | None = None,
        wall_clock: WallClock | None = None,
        open_wall_seconds: float = 10.0,
        most_unacknowledged: int = 10_000,
    ) -> None:
        self.name = name
        self._connect = connect
        self._request_type = request_type
        self._on_response = on_response
        self._breaker = breaker or CircuitBreaker(name, wall_clock=wall_clock)
        self._wall_clock = wall_clock or SystemWallClock()
        self._open_wall_seconds = open_wall_seconds
        self._most_unacknowledged = most_unacknowledged
        self._state = SessionState.DISCONNECTED
        self._state_changed = asyncio.Event()
        self._session_id = ""
        self._last_seen = 0
        self._last_request = 0
        self._outbox: deque[SentRequest[Req]] = deque()
        self._unwritten: deque[SentRequest[Req]] = deque()
        self._to_write = asyncio.Event()
        self._closing = False
        self._progressed = False
        self._last_error: str | None = None
        self._connections = 0
        self._last_heard: float | None = None
        self._replay_end = 0
        self._caught_up = False

    def status(self) -> SessionStatus:
        heard = self._last_heard
        return SessionStatus(
            name=self.name,
            state=self._state,
            session_id=self._session_id,
            unacknowledged=len(self._outbox),
            last_error=self._last_error,
            connections=self._connections,
            heard_wall_seconds_ago=None if heard is None else self._wall_clock.monotonic() - heard,
            last_request=self._last_request,
            last_response=self._last_seen,
        )

    @property
    def state(self) -> SessionState:
        return self._state

    @property
    def caught_up(self) -> bool:
        """Whether all that was told before this process first opened the session has been digested.

        The Backend leaves out finished blocks, so either the last response that existed then has come,
        or the acknowledgement with which it ends a replay whose last responses it left out.
        """
        return self._caught_up

    async def wait_for(self, state: SessionState) -> None:
        """Return when the session is in this state."""
        while self._state is not state:
            self._state_changed.clear()
            await self._state_changed.wait()

    def send(self, request: Req) -> SentRequest[Req]:
        """Queue a request; the session numbers it and gives it an idempotency key if it has none.

        Raises CapacityExceeded if too many requests wait for acknowledgement.
        """
        if len(self._outbox) >= self._most_unacknowledged:
            raise CapacityExceeded(
                f"{self.name}: at most {self._most_unacknowledged} requests may wait for acknowledgement"
            )
        if not request.idempotency_key:
            request.idempotency_key = str(uuid.uuid4())
        sent = SentRequest(request)
        self._outbox.append(sent)
        if self._state is SessionState.OPEN:
            self._number(sent)
            self._queue_for_writing(sent)
        return sent

    async def run_forever(self) -> None:
        """Connect, converse, reconnect; returns only after `close`.

        Raises the PoolError with which the Backend refuses this client for good: superseded by a
        newer connection, a wrong key, a broken order. Queued requests survive it; call again to go on.
        """
        backoff = Backoff(_FIRST_PAUSE_WALL_SECONDS, _LONGEST_PAUSE_WALL_SECONDS)
        while not self._closing:
            if not self._breaker.admit():
                await self._wall_clock.sleep(self._breaker.wall_seconds_until_probe())
                continue
            started, self._progressed = self._wall_clock.monotonic(), False
            try:
                await self._converse()
            except PoolError as error:
                self._note_end(error)
            finally:
                self._enter(SessionState.CLOSED if self._closing else SessionState.DISCONNECTED)
            if self._progressed or self._wall_clock.monotonic() - started >= _GOOD_CONNECTION_WALL_SECONDS:
                backoff.reset()
            if not self._closing:
                await self._wall_clock.sleep(backoff.next())
        self._enter(SessionState.CLOSED)

    async def close(self, wall_seconds: float = 5.0) -> None:
        """Send what is queued, say goodbye, and wait for the Backend's end of the stream, so long."""
        was_open = self._state is SessionState.OPEN
        self._closing = True
        self._to_write.set()
        if was_open:
            try:
                async with asyncio.timeout(wall_seconds):
                    await self.wait_for(SessionState.CLOSED)
            except TimeoutError:
                log.warning("no goodbye from the other side", session=self.name)

    def _note_end(self, error: PoolError) -> None:
        """Decide whether to reconnect after an error; raises it if that is pointless."""
        self._last_error = error.message
        if isinstance(error, StreamSessionUnknown):
            # The Backend has another memory than we: begin a session of its choice, with our outbox.
            self._session_id, self._last_seen = "", 0
        elif _is_refused_for_good(error):
            raise error
        else:
            self._breaker.failed()
        log.warning("stream ended", session=self.name, error=repr(error))

    async def _converse(self) -> None:
        """One connection, from open to its end."""
        self._enter(SessionState.OPENING)
        call = self._connect()
        writing: asyncio.Task[None] | None = None
        try:
            await self._open(call)
            writing = asyncio.create_task(self._write_queued(call), name=f"{self.name} writer")
            while (response := await call.read()) is not EOF:
                await self._digest(response)
        finally:
            if writing is not None:
                writing.cancel()
                await asyncio.wait({writing})
            call.cancel()

    async def _open(self, call: Any) -> None:
        opening = types_pb2.SessionOpen(session_id=self._session_id, last_sequence_seen=self._last_seen)
        try:
            async with asyncio.timeout(self._open_wall_seconds):
                # On a call that has ended already the write is refused; the read says why it ended.
                with contextlib.suppress(asyncio.InvalidStateError):
                    await call.write(self._request_type(open=opening))
                response = await call.read()
        except TimeoutError:
            raise BackendUnavailable(
                f"{self.name}: the stream was not opened within {self._open_wall_seconds:g} s"
            ) from None
        if response is EOF or response.WhichOneof("message") != "opened":
            raise BackendUnavailable(f"{self.name}: the stream was not opened")
        self._resume(response.opened)
        self._breaker.succeeded()
        self._connections += 1
        self._last_heard = self._wall_clock.monotonic()
        self._last_error = None
        self._enter(SessionState.OPEN)

    def _resume(self, opened: types_pb2.SessionOpened) -> None:
        """Bring outbox and numbering in line with what the Backend has committed."""
        if opened.session_id != self._session_id:
            self._session_id = opened.session_id
            self._last_seen = 0
            self._replay_end = opened.last_response_sequence
            self._caught_up = self._replay_end == 0
            self._renumber(opened.last_request_sequence)
        else:
            self._acknowledge(opened.last_request_sequence)
        self._unwritten.clear()
        for sent in self._outbox:
            if sent.sequence == 0:
                self._number(sent)
            self._queue_for_writing(sent)

    def _renumber(self, last_committed: int) -> None:
        self._last_request = last_committed
        for sent in self._outbox:
            self._number(sent)

    def _number(self, sent: SentRequest[Req]) -> None:
        self._last_request += 1
        sent.request.sequence = self._last_request

    def _queue_for_writing(self, sent: SentRequest[Req]) -> None:
        self._unwritten.append(sent)
        self._to_write.set()

    def _acknowledge(self, sequence: int) -> None:
        while self._outbox and 0 < self._outbox[0].sequence <= sequence:
            self._outbox.popleft()._commit()
            self._progressed = True

    async def _write_queued(self, call: Any) -> None:
        """Write what is queued, as long as the connection lives; at the end goodbye."""
        try:
            while True:
                while self._unwritten:
                    await call.write(self._unwritten.popleft().request)
                if self._closing:
                    await call.write(self._request_type(goodbye=types_pb2.SessionGoodbye()))
                    await call.done_writing()
                    return
                self._to_write.clear()
                await self._to_write.wait()
        except (PoolError, asyncio.InvalidStateError):
            # The connection is over; the reader learns why.
            return

    async def _digest(self, response: Any) -> None:
        self._last_heard = self._wall_clock.monotonic()
        self._acknowledge(response.acknowledged_sequence)
        kind = response.WhichOneof("message")
        if kind == "goodbye":
            log.info("the other side says goodbye", session=self.name, text=response.goodbye.message)
        elif kind not in (None, "opened", "acknowledged") and not 0 < response.sequence <= self._last_seen:
            await self._on_response(response)
            self._progressed = True
        self._last_seen = max(self._last_seen, response.sequence)
        if kind == "acknowledged" or response.sequence >= self._replay_end:
            self._caught_up = True

    def _enter(self, state: SessionState) -> None:
        self._state = state
        self._state_changed.set()

    def __repr__(self) -> str:
        return f"<StreamSession {self.name} {self._state.value} unacknowledged={len(self._outbox)}>"


def _is_refused_for_good(error: PoolError) -> bool:
    """The caller's own fault, which a new connection would only repeat."""
    return (
        error.fault == Fault.FAULT_CALLER and not error.retryable and error.reason != Reason.REASON_CANCELLED
    )
