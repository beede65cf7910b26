"""The way to PostgreSQL: peewee and psycopg2 in a bounded pool of threads.

Query functions (the other modules of this package) are plain synchronous
functions over the models. They run inside `Database.run`, which gives its
thread a connection and one transaction; called from anywhere else they raise.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import psycopg2
import psycopg2.extensions
from peewee import DatabaseProxy, InterfaceError, OperationalError
from playhouse.pool import PooledPostgresqlDatabase
from psycopg2.extensions import TransactionRollbackError

from poolkit.errors import DatabaseUnavailable
from poolkit.logs import get_logger

log = get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_CONNECT_WALL_SECONDS = 5
_DEADLOCK_ATTEMPTS = 4


class OutsideTransactionError(RuntimeError):
    """A query function was called outside of `Database.run`."""


class _ThreadDatabase(DatabaseProxy):
    """What the models are bound to: the database of the thread that asks.

    One process may hold several databases (tests do), so the models cannot be
    bound to one for good.
    """

    def __init__(self) -> None:
        # Past the proxy's own __setattr__, which lets nothing but its slots be set.
        object.__setattr__(self, "_current", threading.local())
        super().__init__()

    @property
    def obj(self) -> PooledPostgresqlDatabase | None:
        return getattr(self._current, "database", None)

    @obj.setter
    def obj(self, database: PooledPostgresqlDatabase | None) -> None:
        self._current.database = database


current_database = _ThreadDatabase()


class Database:
    """A bounded pool of connections, each transaction in a thread of its own."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self._url = url
        self._pool_size = pool_size
        self._peewee = PooledPostgresqlDatabase(None, max_connections=pool_size, timeout=0, autoconnect=False)
        self._peewee.init(url, connect_timeout=_CONNECT_WALL_SECONDS, application_name="kalepool")
        self._threads = ThreadPoolExecutor(pool_size, thread_name_prefix="database")
        self._running = 0

    def __repr__(self) -> str:
        return f"Database({self.address}, pool_size={self._pool_size})"

    @property
    def address(self) -> str:
        """Where the server is, without a password: fit for logs."""
        parts = psycopg2.extensions.parse_dsn(self._url)
        port = f":{parts['port']}" if "port" in parts else ""
        return f"{parts.get('host', 'localhost')}{port}/{parts.get('dbname', '')}"

    @property
    def url(self) -> str:
        """The connection string, with whatever password it holds."""
        return self._url

    @property
    def running(self) -> int:
        """How many callers of `run` wait for their transaction now."""
        return self._running

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function in a thread, in one transaction: COMMIT if it returns, ROLLBACK if it raises.

        Nothing in it may touch the event loop. When the caller is cancelled
        the thread goes on to its COMMIT or ROLLBACK: a transaction is never
        left half done, but its outcome is then unknown to the caller. After a
        deadlock the function is called again.
        Raises what the function raises, and DatabaseUnavailable: the server cannot be reached,
        or went away, and then nobody knows whether the COMMIT was done.
        """
        loop = asyncio.get_running_loop()
        self._running += 1
        try:
            return await loop.run_in_executor(self._threads, lambda: self.run_here(function, *args, **kwargs))
        finally:
            self._running -= 1

    def run_here(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The same in the calling thread, for start-up code and tests without a loop."""
        outer, current_database.obj = current_database.obj, self._peewee
        try:
            attempt = 0
            while True:
                attempt += 1
                try:
                    with self._peewee.connection_context(), self._peewee.atomic():
                        return function(*args, **kwargs)
                except OperationalError as error:
                    if attempt == _DEADLOCK_ATTEMPTS or not _is_deadlock(error):
                        raise
                    log.info("transaction repeated", error=_first_line(error))
        except (OperationalError, InterfaceError) as error:
            # The driver's text names hosts: it is for the log, the message may reach a client.
            log.error("database unavailable", address=self.address, error=_first_line(error))
            raise DatabaseUnavailable("the database does not answer") from error
        finally:
            current_database.obj = outer

    async def check(self) -> None:
        """Ask the server for an answer. Raises DatabaseUnavailable."""
        await self.run(_select_one)

    def close(self) -> None:
        """Wait for the transactions under way, then give all connections back."""
        self._threads.shutdown(wait=True)
        self._peewee.close_idle()


def in_transaction() -> PooledPostgresqlDatabase:
    """The database of the transaction under way in this thread, for statements in plain SQL.

    Raises OutsideTransactionError.
    """
    database = current_database.obj
    if database is None:
        raise OutsideTransactionError("query functions run inside Database.run")
    return database


def _select_one() -> None:
    in_transaction().execute_sql("SELECT 1")


def _is_deadlock(error: OperationalError) -> bool:
    """Two transactions took the same rows in another order, and this is the one that was rolled back."""
    return isinstance(getattr(error, "orig", None), TransactionRollbackError)


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0]
