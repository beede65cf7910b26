"""One run of somebody else's program: what it prints, within bounds and a deadline; nothing of it stays."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import Final, Self, cast

from pooler_svc.hashers.command_lines import shown_end
from pooler_svc.hashers.failures import HasherCrashed
from pooler_svc.hashers.niceness import yield_to_everybody

MOST_OUTPUT_BYTES: Final = 1 << 20
LONGEST_LINE_BYTES: Final = 1 << 16
_STDOUT: Final = 1
_KEPT_STDERR_BYTES: Final = 2_000
_KILL_WALL_SECONDS: Final = 5.0


class RunOverdue(HasherCrashed):
    """A run has not ended within its deadline."""


class CommandProcess(asyncio.SubprocessProtocol):
    """A program that runs; `await CommandProcess.spawn(command, environment)` makes one, `end` must follow.

    It is the head of a session and so of a process group: killing that reaches what it has started as well.
    Of its stderr only the end is kept, for the error that tells of its failure.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._transport: asyncio.SubprocessTransport
        self._yielding: asyncio.Task[None] | None = None
        self._output = bytearray()
        self._line_bytes = 0
        self._stderr_end = b""
        self._failure: HasherCrashed | None = None
        self._output_ended = False
        self._exited = asyncio.Event()
        self._finished = asyncio.Event()

    @classmethod
    async def spawn(cls, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Start the program, with no input. Raises HasherCrashed if it can't be executed."""
        starting = asyncio.ensure_future(cls._start(command, environment))
        try:
            process = await asyncio.shield(starting)
        except OSError as error:
            raise HasherCrashed(f"{command[0]}: {error.strerror}") from error
        except asyncio.CancelledError:
            # Cancelled halfway, uvloop would not wait for the end of what it has started.
            with suppress(OSError):
                process = await starting
                await process.end()
            raise
        process._yielding = asyncio.create_task(yield_to_everybody(process.pid))
        return process

    @classmethod
    async def _start(cls, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        _, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(command[0]),
            *command,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            start_new_session=True,
        )
        return process

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    async def output(self, run_wall_seconds: float) -> bytes:
        """All of its stdout, once that has ended and the program with it.

        At the deadline: what there is, if the program itself has ended and only others hold its stdout open.
        Raises HasherCrashed for another exit code than 0, too long a line or too much output, RunOverdue if
        the program runs at the deadline. It may run on after an error: `end` follows.
        """
        try:
            async with asyncio.timeout(run_wall_seconds):
                await self._finished.wait()
        except TimeoutError as error:
            if not self._exited.is_set():
                raise RunOverdue(
                    f"{self._name} must end within {run_wall_seconds:g} s, got no end; {self._last_words()}"
                ) from error
        if self._failure is not None:
            raise self._failure
        code = self._transport.get_returncode()
        if code != 0:
            raise HasherCrashed(
                f"{self._name} must end with exit code 0, got {_ending(code)}; {self._last_words()}"
            )
        return bytes(self._output)

    def kill(self) -> None:
        """End it and all of its group now; `output` tells."""
        # The group has its number for as long as anything of it lives; where nothing does, the number is not
        # given to anybody else before all others have had their turn. macOS answers EPERM for the dead.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill what still runs, wait for the end and close the pipes."""
        self.kill()
        if self._yielding is not None:
            self._yielding.cancel()
        try:
            # Even SIGKILL doesn't end a process that hangs in the kernel: then it must not hold us too.
            with suppress(TimeoutError):
                async with asyncio.timeout(_KILL_WALL_SECONDS):
                    await self._exited.wait()
        finally:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one without saying so.
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != _STDOUT:
            self._stderr_end = (self._stderr_end + data)[-_KEPT_STDERR_BYTES:]
        elif self._failure is None:
            self._take(data)

    def pipe_connection_lost(self, fd: int, error: Exception | None) -> None:
        if fd == _STDOUT:
            self._output_ended = True
            self._finish_if_all_ended()

    def process_exited(self) -> None:
        self._exited.set()
        self._finish_if_all_ended()

    def _take(self, data: bytes) -> None:
        """Keep a part of stdout, and give up the run at a limit."""
        lengths = [len(part) for part in data.split(b"\n")]
        lengths[0] += self._line_bytes
        self._line_bytes = lengths[-1]
        self._output += data
        if max(lengths) > LONGEST_LINE_BYTES:
            self._give_up(f"lines of at most {LONGEST_LINE_BYTES} bytes, got {max(lengths)} and more")
        elif len(self._output) > MOST_OUTPUT_BYTES:
            self._give_up(f"at most {MOST_OUTPUT_BYTES} bytes, got {len(self._output)} and more")

    def _give_up(self, limit_and_value: str) -> None:
        self._failure = HasherCrashed(f"{self._name} must print {limit_and_value}")
        self._output.clear()
        self.kill()
        self._finished.set()

    def _finish_if_all_ended(self) -> None:
        if self._output_ended and self._exited.is_set():
            self._finished.set()

    def _last_words(self) -> str:
        return f"its stderr ends {shown_end(self._stderr_end)}"

    def __repr__(self) -> str:
        return f"<CommandProcess {self._name} pid={self.pid}>"


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
