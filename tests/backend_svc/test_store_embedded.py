"""The embedded server: joined, taken over, stopped; and refused where it would do harm."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from backend_svc.store import embedded
from backend_svc.store.embedded import EmbeddedPostgresError, EmbeddedServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that a system user of the server's own can reach (pytest's own are private)."""
    with tempfile.TemporaryDirectory(prefix="kalepool-embedded-") as parent:
        Path(parent).chmod(0o755)
        data = Path(parent) / "postgres"
        yield data
        embedded.stop_running(data)


def answers(url: str) -> bool:
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        row = cursor.fetchone()
    connection.close()
    return row == (embedded.DATABASE_NAME,)


def test_a_server_starts_serves_and_stops(folder: Path) -> None:
    assert embedded.find_running(folder) is None
    server = EmbeddedServer(folder)
    url = server.start()
    assert answers(url)
    assert embedded.find_running(folder) == url
    assert server.is_alive()
    server.stop()
    assert embedded.find_running(folder) is None
    assert not server.is_alive()


def test_data_survives_a_stop(folder: Path) -> None:
    server = EmbeddedServer(folder)
    with psycopg2.connect(server.start()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (n int)")
    connection.close()
    server.stop()
    with psycopg2.connect(server.start()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM kept")
    connection.close()
    server.stop()


def test_a_detached_server_is_started_once_and_outlives_its_starter(folder: Path) -> None:
    url = embedded.join_or_start(folder)
    assert answers(url)
    assert embedded.join_or_start(folder) == url
    assert embedded.stop_running(folder)
    assert not embedded.stop_running(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_runner_stops_its_server_on_a_signal(folder: Path, number: signal.Signals) -> None:
    runner = start_runner(folder)
    runner.send_signal(number)
    assert runner.wait(120) == 0
    assert embedded.find_running(folder) is None


def test_a_server_whose_runner_was_killed_is_taken_over_and_can_be_stopped(folder: Path) -> None:
    runner = start_runner(folder)
    runner.kill()
    runner.wait(120)
    taken = EmbeddedServer(folder)
    assert answers(taken.start())
    taken.stop()
    assert embedded.find_running(folder) is None


def test_a_runner_ends_when_its_server_does(folder: Path) -> None:
    runner = start_runner(folder)
    assert embedded.stop_running(folder)
    assert runner.wait(120) == 1


def test_parents_that_the_servers_user_may_not_pass_are_named_not_opened(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    with pytest.raises(EmbeddedPostgresError, match="may not pass"):
        embedded.require_passable(private / "postgres")
    assert private.stat().st_mode & 0o777 == 0o700


def start_runner(folder: Path) -> "subprocess.Popen[str]":
    """`python -m backend_svc.store.embedded`, up and announced."""
    folder.parent.mkdir(exist_ok=True)
    runner = subprocess.Popen(
        [sys.executable, "-m", "backend_svc.store.embedded", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'generated'}"},
    )
    assert runner.stdout is not None
    assert runner.stdout.readline().startswith("DATABASE_URL=postgresql://")
    runner.stdout.close()
    assert psutil.pid_exists(runner.pid)
    return runner
