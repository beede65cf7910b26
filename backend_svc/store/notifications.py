"""LISTEN: wakes the open streams of this process when their session changed, whoever changed it.

Triggers (migration 0003) notify at COMMIT with the session's id. A wake-up
says only "look again": what is new is asked of the database, so that a lost
or doubled one does no harm.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import psycopg2.extensions

_CHANNEL = "stream_sessions"
_CONNECT_WALL_SECONDS = 5
_RECONNECT_WALL_SECONDS = 1
_KEEPALIVE_WALL_SECONDS = 5
_KEEPALIVES_LOST = 3


class SessionNotifications:
    """One listening connection a process; any number of waiters a session."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiters: dict[str, set[asyncio.Event]] = {}
        self._listening = asyncio.Event()

    def __repr__(self) -> str:
        return f"SessionNotifications({len(self._waiters)} sessions, listening={self._listening.is_set()})"

    @contextmanager
    def subscribe(self, session_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the session may have changed; the waiter clears it.

        Subscribe first, then look at the database, then wait: nothing is missed.
        """
        event = asyncio.Event()
        self._waiters.setdefault(session_id, set()).add(event)
        try:
            yield event
        finally:
            waiters = self._waiters[session_id]
            waiters.discard(event)
            if not waiters:
                del self._waiters[session_id]

    async def wait_until_listening(self) -> None:
        await self._listening.wait()

    async def listen_forever(self) -> None:
        """Listen until cancelled; reconnects by itself, and then wakes everybody once."""
        while True:
            try:
                connection = await asyncio.to_thread(self._connect)
            except psycopg2.OperationalError:
                await asyncio.sleep(_RECONNECT_WALL_SECONDS)
                continue
            try:
                self._wake_all()  # whatever happened while nobody listened
                self._listening.set()
                await self._forward_until_lost(connection)
            finally:
                self._listening.clear()
                connection.close()

    def _connect(self) -> psycopg2.extensions.connection:
        connection = psycopg2.connect(
            self._url,
            connect_timeout=_CONNECT_WALL_SECONDS,
            application_name="kalepool listen",
            # It only listens, so nothing but these tells that the other end is gone.
            keepalives_idle=_KEEPALIVE_WALL_SECONDS,
            keepalives_interval=_KEEPALIVE_WALL_SECONDS,
            keepalives_count=_KEEPALIVES_LOST,
        )
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {_CHANNEL}")
        return connection

    async def _forward_until_lost(self, connection: psycopg2.extensions.connection) -> None:
        loop = asyncio.get_running_loop()
        lost = asyncio.Event()

        def forward() -> None:
            try:
                connection.poll()
            except psycopg2.Error:
                # Whatever it was: a reader that stays on a broken connection is called for ever.
                lost.set()
                return
            while connection.notifies:
                self._wake(connection.notifies.pop(0).payload)

        descriptor = connection.fileno()  # asked now: a lost connection no longer tells
        loop.add_reader(descriptor, forward)
        try:
            # Notifications that came with the answer to LISTEN are already read.
            forward()
            await lost.wait()
        finally:
            loop.remove_reader(descriptor)

    def _wake(self, session_id: str) -> None:
        for event in self._waiters.get(session_id, ()):
            event.set()

    def _wake_all(self) -> None:
        for session_id in self._waiters:
            self._wake(session_id)
