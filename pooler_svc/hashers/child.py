"""The hasher process as its parent sees it: start, commands down, reports up, end."""

import asyncio
import contextlib
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable, Sequence
from typing import Final, Self

from miner_ext.hasher_messages import (
    Command,
    MalformedLine,
    Ready,
    Report,
    Stop,
    decode_report,
    encode,
    shown,
)
from pooler_svc.hashers.failures import HasherCrashed

_START_WALL_SECONDS: Final = 30.0
_STOP_WALL_SECONDS: Final = 2.0
_KILL_WALL_SECONDS: Final = 5.0
# A progress line names every job that moved: room for thousands.
_LONGEST_LINE_BYTES: Final = 1 << 20


class HasherChild:
    """A hasher process that said it is ready; `await HasherChild.spawn(program)` makes one."""

    def __init__(self, process: Process, ready: Ready) -> None:
        self._process = process
        self.ready = ready

    @classmethod
    async def spawn(cls, program: Sequence[str], *, isa: str | None = None) -> Self:
        """Start the program and wait until it is ready. Raises HasherCrashed.

        isa: an instruction set, which miner_ext takes from the environment; None: whatever stands there.
        """
        environment = None if isa is None else {**os.environ, "KALE_MINER_ISA": isa}
        try:
            process = await asyncio.create_subprocess_exec(
                *program, stdin=PIPE, stdout=PIPE, limit=_LONGEST_LINE_BYTES, env=environment
            )
        except OSError as error:
            raise HasherCrashed(f"{program[0]}: {error.strerror}") from error
        try:
            report = await _next_report(process, _START_WALL_SECONDS)
            if not isinstance(report, Ready):
                raise HasherCrashed(f"{' '.join(program)} did not report that it is ready")
        except BaseException:
            # Failed or cancelled: nobody else knows the process yet, so nobody else would end it.
            await _kill(process)
            raise
        return cls(process, report)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Negative: the signal that ended it. None while it runs."""
        return self._process.returncode

    async def send(self, commands: Iterable[Command]) -> None:
        """Queue the lines before the first await, so that commands keep the order of their causes.

        Nothing is raised when the process is gone: whoever reads its reports is told.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(map(encode, commands)))
        with contextlib.suppress(ConnectionError):
            await self._process.stdin.drain()

    async def next_report(self, patience_wall_seconds: float) -> Report | None:
        """The next report, None at the end. Raises HasherCrashed for nonsense and long silence."""
        return await _next_report(self._process, patience_wall_seconds)

    async def ask_to_end(self) -> None:
        """Wait for the end, and force it if it doesn't come. Somebody must be reading the reports."""
        try:
            async with asyncio.timeout(_STOP_WALL_SECONDS):
                # A process that reads nothing any more would keep us here already.
                await self.send([Stop()])
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def kill(self) -> None:
        """End the process if it has not ended, and close the pipes. Nobody may be reading the reports."""
        await _kill(self._process)

    def __repr__(self) -> str:
        return f"<HasherChild pid={self.pid} exit_code={self.exit_code}>"


async def _next_report(process: Process, patience_wall_seconds: float) -> Report | None:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(patience_wall_seconds):
            line = await process.stdout.readline()
    except TimeoutError as error:
        raise HasherCrashed(f"the hasher process was silent for {patience_wall_seconds} s") from error
    except ValueError as error:
        raise HasherCrashed(
            f"the hasher process sent a line of more than {_LONGEST_LINE_BYTES} bytes"
        ) from error
    if not line:
        return None
    try:
        return decode_report(line)
    except MalformedLine as error:
        raise HasherCrashed(f"the hasher process sent {shown(line)!r}: {error}") from error


async def _kill(process: Process) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    process.stdin.close()
    # A child of the process that holds the pipe open, or a process that even SIGKILL does not end now,
    # must not keep us from ending.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_KILL_WALL_SECONDS):
            # Read what is left: a pipe that was paused never sees its end, and its transport would stay open.
            while await process.stdout.read(_LONGEST_LINE_BYTES):
                pass
            await process.wait()
