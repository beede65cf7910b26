"""Child processes: they stop as asked or are killed with all that they started, and their end is told."""

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from kalepool_cli.processes import ManagedProcess, ProcessFailed, kalepool_command

WAITS = "import signal; print('ready', flush=True); signal.pause()"
ENDS_WHEN_ASKED = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit({code})); " + WAITS
HEARS_NOTHING = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + WAITS
HAS_A_CHILD = (
    "import subprocess, sys, signal; "
    f'child = subprocess.Popen([sys.executable, "-c", {WAITS!r}], stdout=subprocess.DEVNULL); '
    "print('child', child.pid, flush=True); signal.pause()"
)


def python(folder: Path, program: str, **environment: str) -> ManagedProcess:
    variables = {"PATH": os.environ["PATH"], **environment}
    return ManagedProcess("child", [sys.executable, "-c", program], variables, folder / "logs" / "child.log")


async def said(process: ManagedProcess, text: str) -> str:
    """The log, once this is in it."""
    async with asyncio.timeout(60):
        while text not in process.log_tail():
            await asyncio.sleep(0.01)
    return process.log_tail()


@pytest.mark.parametrize(
    ("program", "clean"),
    [
        pytest.param(WAITS, True, id="by the signal"),
        pytest.param(ENDS_WHEN_ASKED.format(code=0), True, id="with 0"),
        pytest.param(ENDS_WHEN_ASKED.format(code=3), False, id="with 3"),
    ],
)
async def test_it_stops_when_asked_and_says_whether_it_ended_well(
    tmp_path: Path, program: str, clean: bool
) -> None:
    process = python(tmp_path, program)
    await process.start()
    await said(process, "ready")
    assert process.is_running
    assert await process.stop() is clean
    assert not process.is_running
    assert await process.stop() is clean


async def test_who_does_not_hear_is_killed(tmp_path: Path) -> None:
    process = python(tmp_path, HEARS_NOTHING)
    await process.start()
    await said(process, "ready")
    assert await process.stop(wall_seconds=0.2) is False
    assert not process.is_running


async def test_nothing_that_it_started_outlives_a_kill(tmp_path: Path) -> None:
    process = python(tmp_path, HAS_A_CHILD)
    await process.start()
    child = psutil.Process(int((await said(process, "child")).split()[1]))
    process.kill()
    assert await process.wait() == -9
    process.kill()
    async with asyncio.timeout(60):
        while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)


async def test_what_was_never_started_has_stopped_and_cannot_be_waited_for(tmp_path: Path) -> None:
    process = python(tmp_path, WAITS)
    assert await process.stop()
    assert process.log_tail() == "(no log)"
    assert "not started" in repr(process)
    with pytest.raises(ValueError, match="child has not been started"):
        await process.wait()


async def test_it_can_be_started_again_only_after_its_end_and_the_log_goes_on(tmp_path: Path) -> None:
    process = python(tmp_path, WAITS)
    await process.start()
    await said(process, "ready")
    with pytest.raises(ValueError, match="child is already running"):
        await process.start()
    first = process.pid
    await process.stop()
    await process.start()
    await said(process, "ready\nready")
    assert process.pid != first
    assert f"pid={process.pid} running=True" in repr(process)
    await process.stop()


async def test_its_end_is_told_with_code_and_last_words(tmp_path: Path) -> None:
    process = python(tmp_path, "import sys; print('one\\ntwo', flush=True); sys.exit('no wallet')")
    await process.start()
    with pytest.raises(ProcessFailed) as caught:
        await process.fail_if_ended()
    assert str(caught.value) == "child ended with exit code 1; its log ends:\none\ntwo\nno wallet"
    assert process.log_tail(lines=1) == "no wallet"


async def test_it_has_the_given_environment_alone_and_works_beside_its_log(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BACKEND_PORT=1\n")
    process = python(tmp_path, "import os; print(os.getcwd(), sorted(os.environ))", BREAD="rye")
    await process.start()
    await process.wait()
    words = process.log_tail()
    assert words.startswith(f"{tmp_path}/logs ")
    assert "BREAD" in words
    assert "HOME" not in words


async def test_the_terminal_s_interrupt_is_the_parent_s_alone(tmp_path: Path) -> None:
    process = python(tmp_path, WAITS)
    await process.start()
    assert os.getpgid(process.pid) == process.pid != os.getpgid(0)
    await process.stop()


def test_the_command_is_that_of_this_interpreter() -> None:
    assert kalepool_command("demo", "--keep") == [
        sys.executable,
        "-m",
        "kalepool_cli.main",
        "demo",
        "--keep",
    ]
