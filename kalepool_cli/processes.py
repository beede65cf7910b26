"""Child processes of the demo and of the mesh tests: started apart, stopped in order, never left behind."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_WALL_SECONDS = 30.0


class ProcessFailed(Exception):
    """A child ended, or did not become ready; the text names it and shows the end of its log."""


class ManagedProcess:
    """One child in a process group of its own, so that a terminal's Ctrl-C reaches only its parent.

    The parent decides the order in which children stop. Standard output and error go to `log_path`, in whose
    folder the child works: a `.env` file of the parent's is not for it.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log_path: Path
    ) -> None:
        self.name = name
        self.log_path = log_path
        self._arguments = tuple(arguments)
        self._environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None

    def __repr__(self) -> str:
        state = "not started" if self._process is None else f"pid={self.pid} running={self.is_running}"
        return f"ManagedProcess({self.name!r}, {state})"

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def was_started(self) -> bool:
        return self._process is not None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start, or start again after it has ended; the log is appended to."""
        if self.is_running:
            raise ValueError(f"{self.name} is already running")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                cwd=self.log_path.parent,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        return await self._started().wait()

    async def stop(self, wall_seconds: float = STOP_WALL_SECONDS) -> bool:
        """Ask it to stop, and kill it if it does not; True if it ended as asked.

        A process that has just been started may not have its signal handler yet: SIGTERM ends it as well.
        """
        if self._process is None:
            return True
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(wall_seconds):
                return await self._process.wait() in (0, -signal.SIGTERM)
        except TimeoutError:
            self.kill()
            await self._process.wait()
            return False

    def kill(self) -> None:
        """SIGKILL to the whole group: nothing of it runs on."""
        process = self._started()
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of its log, for an error message."""
        if not self.log_path.exists():
            return "(no log)"
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    async def fail_if_ended(self) -> None:
        """Wait until it ends, then raise ProcessFailed; cancel this when it is no longer of interest."""
        code = await self.wait()
        raise ProcessFailed(f"{self.name} ended with exit code {code}; its log ends:\n{self.log_tail()}")

    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ValueError(f"{self.name} has not been started")
        return self._process


def kalepool_command(*arguments: str) -> list[str]:
    """The `kalepool` command of this very interpreter, whatever is on the PATH."""
    return [sys.executable, "-m", "kalepool_cli.main", *arguments]
