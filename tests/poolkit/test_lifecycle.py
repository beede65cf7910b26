"""Real processes and real signals: graceful ends, exit codes, one line for what can't start."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def started(kind: str, shutdown_wall_seconds: float = 10.0) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.poolkit.signalled_service", kind, str(shutdown_wall_seconds)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_takes_the_service_down_in_reverse_order(number: signal.Signals) -> None:
    with started("graceful") as process:
        assert line_of(process) == "database up"
        assert line_of(process) == "server up"
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        assert [line for line in out.splitlines() if line.endswith("down")] == [
            "server down",
            "database down",
        ]
        assert process.returncode == 0
        assert "Traceback" not in out + err


def test_a_service_that_does_not_end_is_given_up_after_its_time() -> None:
    with started("stubborn", shutdown_wall_seconds=0.2) as process:
        line_of(process)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=120)
        assert "gave up waiting" in out
        assert process.returncode == 1


def test_a_service_that_leaves_a_task_behind_is_given_up_after_its_time() -> None:
    with started("straggling", shutdown_wall_seconds=3.0) as process:
        line_of(process)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=120)
        assert "server down" in out
        assert "gave up waiting" in out
        assert process.returncode == 1


def test_a_second_signal_gives_up_at_once() -> None:
    with started("stubborn", shutdown_wall_seconds=600) as process:
        line_of(process)
        process.send_signal(signal.SIGINT)
        while line_of(process) != "ignored":
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        assert process.returncode == 1


def test_what_can_not_start_is_one_line_and_exit_code_2() -> None:
    with started("misconfigured") as process:
        out, err = process.communicate(timeout=120)
        assert err == "error: configuration: RPC_URL is missing, password=[redacted]\n"
        assert (out, process.returncode) == ("", 2)


def test_a_service_that_fails_ends_with_1_and_its_trace_in_the_log() -> None:
    with started("broken") as process:
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "ValueError: a bug" in out


def test_a_service_that_returns_ends_with_0() -> None:
    with started("finished") as process:
        process.communicate(timeout=120)
        assert process.returncode == 0
