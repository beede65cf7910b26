"""Ctrl-C of the demo, whatever it is doing: every process it started ends, and the exit code says so."""

import asyncio
import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from kalepool_cli.demo.run import EXIT_INTERRUPTED, EXIT_OK
from kalepool_cli.processes import kalepool_command

STATE_WALL_SECONDS = 240
STOP_WALL_SECONDS = 180
_POLL_WALL_SECONDS = 0.02

pytestmark = pytest.mark.timeout(900)


class RunningDemo:
    """A demo in a process of its own, and what it has said so far."""

    def __init__(self, data: Path, process: asyncio.subprocess.Process) -> None:
        self.data = data
        self.process = process
        self.said = ""

    async def says(self, text: str) -> None:
        """Wait until it has said this."""
        assert self.process.stdout is not None
        async with asyncio.timeout(STATE_WALL_SECONDS):
            while text not in self.said:
                line = await self.process.stdout.readline()
                assert line, f"it ended without {text!r}: {self.said}"
                self.said += line.decode()

    async def has_process(self, *words: str) -> None:
        """Wait until one of its processes has some of these words in its command line."""
        async with asyncio.timeout(STATE_WALL_SECONDS):
            while not any(each in line for line in self.processes() for each in words):
                await asyncio.sleep(_POLL_WALL_SECONDS)

    def interrupt(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGINT)

    async def ended(self) -> int:
        """Its exit code; also for a demo that has nothing more to read from."""
        async with asyncio.timeout(STOP_WALL_SECONDS):
            rest, _ = await self.process.communicate()
        self.said += rest.decode()
        assert self.process.returncode is not None
        return self.process.returncode

    def processes(self) -> list[str]:
        """Command lines of all that has to do with the data folder, the demo itself aside."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                line = " ".join(process.cmdline())
                where = f"{line} {process.cwd()} {process.environ()}"
                if str(self.data) in where and process.pid != self.process.pid:
                    found.append(line)
        return found


@asynccontextmanager
async def running_demo(*options: str) -> AsyncIterator[RunningDemo]:
    data = Path(tempfile.mkdtemp(prefix="kalepool-interrupt-"))
    data.chmod(0o755)  # run by root, PostgreSQL is a user of its own and must get through
    process = await asyncio.create_subprocess_exec(
        *kalepool_command("demo", "--blocks", "1", "--farmers", "2", "--data", str(data), *options),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    demo = RunningDemo(data, process)
    try:
        yield demo
        assert "Traceback" not in demo.said
        assert "did not stop cleanly" not in demo.said
        assert demo.processes() == []
    finally:
        if process.returncode is None:
            demo.interrupt()
            await demo.ended()
    shutil.rmtree(data)


async def test_while_postgresql_makes_its_data_folder() -> None:
    async with running_demo() as demo:
        await demo.says("starting PostgreSQL")
        # It takes a second; who looked away in just that second finds its server.
        await demo.has_process("initdb", "postgres: ")
        demo.interrupt()
        assert await demo.ended() == EXIT_INTERRUPTED


async def test_while_the_farmers_register() -> None:
    async with running_demo() as demo:
        await demo.says("registering and funding")
        await demo.has_process("kalepool_cli.main backend")
        demo.interrupt()
        assert await demo.ended() == EXIT_INTERRUPTED


async def test_while_it_plays_and_once_more_while_it_stops() -> None:
    async with running_demo() as demo:
        await demo.says("starting the Pooler")
        await demo.has_process("miner_ext.hasher")
        demo.interrupt()
        await demo.says("interrupted")
        demo.interrupt()
        assert await demo.ended() == EXIT_INTERRUPTED


async def test_a_demo_that_is_kept_ends_as_it_was_played() -> None:
    async with running_demo("--keep") as demo:
        await demo.says("for a shell:")
        assert (demo.data / "env").is_file()
        await demo.has_process("kalepool_cli.main pooler")
        demo.interrupt()
        assert await demo.ended() == EXIT_OK
