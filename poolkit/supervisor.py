"""Keeps long tasks alive: one that fails is restarted with growing pauses, and the log says why."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from poolkit.errors import PoolError
from poolkit.logs import get_logger
from poolkit.retry import Backoff
from poolkit.wall_clock import SystemWallClock, WallClock

log = get_logger(__name__)

_FIRST_PAUSE_WALL_SECONDS = 0.2
_LONGEST_PAUSE_WALL_SECONDS = 15.0
# A task that ran this long counts as healthy again: its next failure starts with a short pause.
_HEALTHY_WALL_SECONDS = 30.0
_STOP_WALL_SECONDS = 5.0
# A cancellation can get lost in code of others; a task that goes on is told so many times.
_CANCELLATIONS = 4

LongTask = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class TaskStatus:
    """A supervised task, for status pages: `last_error` is the text of the latest failure."""

    name: str
    running: bool
    restarts: int
    last_error: str | None


class _Supervised:
    def __init__(self, name: str) -> None:
        self.name = name
        self.restarts = 0
        self.last_error: str | None = None
        self.task: asyncio.Task[None] | None = None


class Supervisor:
    """Runs long tasks until its `async with` block ends, then cancels them and waits for their end.

    A task that returns is done; one that raises is restarted. Together with the gRPC error guard
    this is the only place that catches every Exception; cancellation passes.
    """

    def __init__(
        self, *, wall_clock: WallClock | None = None, stop_wall_seconds: float = _STOP_WALL_SECONDS
    ) -> None:
        self._wall_clock = wall_clock or SystemWallClock()
        self._stop_wall_seconds = stop_wall_seconds
        self._tasks: dict[str, _Supervised] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def start(self, name: str, run_forever: LongTask) -> None:
        """Start a task; `run_forever` is called again after each failure.

        Raises ValueError for a name in use.
        """
        if name in self._tasks:
            raise ValueError(f"a task named {name} is running already")
        supervised = self._tasks[name] = _Supervised(name)
        supervised.task = asyncio.create_task(self._supervise(supervised, run_forever), name=name)

    def status(self) -> tuple[TaskStatus, ...]:
        return tuple(
            TaskStatus(
                each.name, each.task is not None and not each.task.done(), each.restarts, each.last_error
            )
            for each in self._tasks.values()
        )

    async def stop(self) -> None:
        """Cancel all tasks and wait, `stop_wall_seconds` at most, until they have ended.

        A task that goes on all the same is left behind, with an error in the log. May be called twice.
        """
        alive = {each.task for each in self._tasks.values() if each.task is not None}
        self._tasks.clear()
        for _ in range(_CANCELLATIONS):
            for task in alive:
                task.cancel()
            if alive:
                _, alive = await asyncio.wait(alive, timeout=self._stop_wall_seconds / _CANCELLATIONS)
        if alive:
            log.error("tasks do not end", tasks=sorted(task.get_name() for task in alive))

    async def _supervise(self, supervised: _Supervised, run_forever: LongTask) -> None:
        backoff = Backoff(_FIRST_PAUSE_WALL_SECONDS, _LONGEST_PAUSE_WALL_SECONDS)
        while True:
            started = self._wall_clock.monotonic()
            try:
                await run_forever()
                return
            except PoolError as error:
                # A refusal explains itself; its trace would only hide it.
                log.warning("task ended by a refusal", task=supervised.name, error=repr(error))
                supervised.last_error = error.message
            except Exception as error:
                # Nobody reads the task's result: whatever ended it would stay unseen, and its work undone.
                log.error("task failed", task=supervised.name, exc_info=error)
                supervised.last_error = repr(error)
            if self._wall_clock.monotonic() - started >= _HEALTHY_WALL_SECONDS:
                backoff.reset()
            supervised.restarts += 1
            await self._wall_clock.sleep(backoff.next())

    def __repr__(self) -> str:
        return f"<Supervisor {', '.join(self._tasks) or 'idle'}>"
