"""Work that belongs to the Backend and not to whoever asked for it: it outlives streams and calls."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from poolkit.errors import PoolError
from poolkit.logs import get_logger

log = get_logger(__name__)


class BackgroundTasks:
    """Named tasks, one a name at a time.

    What a task is to do stands in the database, so that one that fails or is
    cut off is taken up again: by whoever looks for unfinished rows.
    """

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"<BackgroundTasks {len(self._tasks)} running, closed={self._closed}>"

    def start(self, name: Hashable, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start it unless one of this name runs already, or the Backend is stopping."""
        if self._closed or name in self._tasks:
            return
        task = asyncio.create_task(run(), name=str(name))
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._ended(name, done))

    def runs(self, name: Hashable) -> bool:
        return name in self._tasks

    async def finish(self, wall_seconds: float) -> None:
        """Start nothing more, let what runs come to its end for so long, then cut it off."""
        self._closed = True
        running = set(self._tasks.values())
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=wall_seconds)
        for task in late:
            task.cancel()
        if late:
            log.info("left for the next start", tasks=len(late))
            await asyncio.wait(late)

    def _ended(self, name: Hashable, task: asyncio.Task[None]) -> None:
        del self._tasks[name]
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, PoolError):
            log.warning("background task ended by a refusal", task=str(name), error=repr(error))
        elif error is not None:
            log.error("background task failed", task=str(name), exc_info=error)
