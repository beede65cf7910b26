"""How the runs of CommandHasher end, what they get, and that nothing of them stays."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from pooler_svc.hashers import CommandHasher
from pooler_svc.hashers.command_lines import CommandStyle
from pooler_svc.hashers.command_process import CommandProcess, RunOverdue
from pooler_svc.hashers.failures import HasherCrashed
from tests.pooler_svc import command_programs as programs
from tests.pooler_svc.command_harness import (
    DIFFICULTY,
    RANGE,
    command_hasher,
    failures,
    runs,
    with_zeros,
)
from tests.pooler_svc.hasher_harness import job, started, until
from tests.processes import has_ended

BOTH = pytest.mark.parametrize("style", [RANGE, DIFFICULTY])


@BOTH
async def test_a_run_is_killed_at_its_deadline_with_all_that_it_has_started(
    style: CommandStyle, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    def begun() -> list[list[str]]:
        """Pid, child's pid and arguments of the runs that came so far before they were killed."""
        words = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
        return [each for each in words if len(each) > 2]

    command = programs.hanging_shell(log)
    async with started(command_hasher(command, style, nonce_count=2**39, run_wall_seconds=0.5)) as hasher:
        await hasher.assign(job())
        await until(lambda: len(begun()) >= 2)
        pids = [int(word) for word in begun()[0][:2]]
        await until(lambda: all(has_ended(pid) for pid in pids))
    first, second = begun()[:2]
    if style is RANGE:
        assert int(second[-1]) <= int(first[-1]) // 2
    else:
        assert int(second[4]) - int(first[4]) > 0.5 * 2**36


async def test_in_range_style_a_missed_deadline_is_an_error_with_limit_and_value(tmp_path: Path) -> None:
    hasher = command_hasher(programs.program(programs.HANGING, tmp_path / "log"), RANGE, run_wall_seconds=0.5)
    with capture_logs() as lines:
        async with started(hasher):
            await hasher.assign(job())
            await until(lambda: bool(failures(lines)))
    assert "must end within 0.5 s, got no end" in failures(lines)[0]


async def test_what_a_program_printed_before_it_ended_counts_though_its_child_holds_its_output_open() -> None:
    output = await _output_once_it_has_ended("sleep 600 & echo $!")
    await until(lambda: has_ended(int(output)))


async def test_a_program_that_ends_badly_is_told_so_though_its_child_holds_its_output_open() -> None:
    with pytest.raises(HasherCrashed, match="must end with exit code 0, got exit code 3"):
        await _output_once_it_has_ended("sleep 600 & echo $!; exit 3")


async def _output_once_it_has_ended(script: str) -> bytes:
    """What is there at a deadline, of which there is one after the other for as long as the program runs."""
    process = await CommandProcess.spawn(("/bin/sh", "-c", script), dict(os.environ))
    try:
        for _ in range(200):
            with contextlib.suppress(RunOverdue):
                return await process.output(0.1)
        raise AssertionError("the program goes on")
    finally:
        await process.end()


async def test_cancel_kills_the_run_and_the_next_job_has_its_turn(tmp_path: Path) -> None:
    log = tmp_path / "log"
    hasher = command_hasher(
        programs.misbehaving_once(programs.HANGING, log), DIFFICULTY, run_wall_seconds=600
    )
    with capture_logs() as lines:
        async with started(hasher):
            await hasher.assign(job("a"))
            await until(lambda: (tmp_path / "log.child").exists())
            await hasher.assign(job("b", entropy=bytes(32)))
            await hasher.cancel("a", 37)
            await hasher.cancel("a", 37)
            await hasher.cancel("never assigned", 1)
            await until(lambda: hasher.best("b", 37) is not None)
            assert hasher.best("a", 37) is None
            assert has_ended(runs(log)[0]["pid"])
    assert failures(lines) == []


async def test_another_puzzle_for_the_same_farmer_and_block_kills_the_run_and_another_weight_does_not(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    hasher = command_hasher(
        programs.misbehaving_once(programs.HANGING, log), DIFFICULTY, run_wall_seconds=600
    )
    async with started(hasher):
        await hasher.assign(job(entropy=bytes(32)))
        await until(lambda: (tmp_path / "log.child").exists())
        running = hasher.pid
        await hasher.assign(job(entropy=bytes(32), weight=5))
        assert hasher.pid == running
        assert running is not None
        assert not has_ended(running)
        improvements = hasher.improvements()
        await hasher.assign(job())
        await with_zeros(improvements, 1)
        assert has_ended(running)


async def test_stop_leaves_no_process_no_pipe_and_no_task_behind(tmp_path: Path) -> None:
    log, child = tmp_path / "log", tmp_path / "log.child"
    # What the loop opens once and keeps is there before we count.
    async with started(command_hasher(programs.program(programs.HANGING, log), DIFFICULTY)):
        pass
    files, tasks = psutil.Process().num_fds(), len(asyncio.all_tasks())
    hasher = command_hasher(programs.program(programs.HANGING, log), DIFFICULTY, run_wall_seconds=600)
    await hasher.start()
    improvements = hasher.improvements()
    await hasher.assign(job())
    await until(lambda: child.exists() and child.read_text().endswith("\n"))
    pid = hasher.pid
    assert pid is not None
    async with asyncio.timeout(60):
        await hasher.stop()
    assert not psutil.pid_exists(pid)
    await until(lambda: has_ended(int(child.read_text())))
    # Fewer, where what an earlier test left was closed meanwhile.
    await until(lambda: psutil.Process().num_fds() <= files and len(asyncio.all_tasks()) <= tasks)
    await hasher.stop()
    assert [found async for found in improvements] == []
    assert [found async for found in hasher.improvements()] == []
    assert hasher.pid is None
    assert repr(hasher) == f"<CommandHasher difficulty {sys.executable} pid=None jobs=1>"


async def test_many_runs_leave_nothing_open(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with started(command_hasher(programs.program(programs.ANYWHERE, log), RANGE)) as hasher:
        await hasher.assign(job())
        await until(lambda: len(runs(log)) >= 3)
        files = psutil.Process().num_fds()
        await until(lambda: len(runs(log)) >= 15)
        await until(lambda: psutil.Process().num_fds() <= files)


async def test_a_run_has_the_lowest_priority_and_a_session_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    hasher = command_hasher(programs.program(programs.HANGING, log), DIFFICULTY, run_wall_seconds=600)
    async with started(hasher):
        await hasher.assign(job())
        await until(lambda: hasher.pid is not None)
        assert hasher.pid is not None
        run = psutil.Process(hasher.pid)
        await until(lambda: run.nice() == 19)
        assert os.getsid(hasher.pid) == hasher.pid
        with contextlib.suppress(FileNotFoundError):
            group = Path(f"/proc/{hasher.pid}/autogroup")
            await until(lambda: group.read_text().endswith("nice 19\n"))


async def test_a_run_gets_the_environment_that_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    path = os.pathsep.join(path for path in sys.path if path)
    deed = "assert 'HOME' not in os.environ; assert os.environ['BREAD'] == 'rye'; be_honest()"
    hasher = CommandHasher(
        programs.program(deed, tmp_path / "log"),
        DIFFICULTY,
        environment={"BREAD": "rye", "PYTHONPATH": path},
    )
    async with started(hasher):
        improvements = hasher.improvements()
        await hasher.assign(job())
        await with_zeros(improvements, 1)


async def test_a_wrong_job_is_refused_and_leaves_no_trace() -> None:
    hasher = command_hasher(programs.NOT_THERE, RANGE)
    with pytest.raises(ValueError, match="weight must be from 1 to 4294967295, got 0"):
        await hasher.assign(job(weight=0))
    assert repr(hasher) == "<CommandHasher range /nonexistent/miner pid=None jobs=0>"
