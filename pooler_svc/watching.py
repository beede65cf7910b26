"""Follow a value: see it at once, and again whenever it has changed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable
from typing import TypeVar

from pooler_svc.changes import Changes
from poolkit.errors import ShuttingDown

V = TypeVar("V")


class Watches:
    """All open watches of this process; `end` lets them go."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._ending = asyncio.Event()

    async def end(self) -> None:
        """End every watch with ShuttingDown."""
        self._ending.set()
        self._changes.announce()

    async def watch(
        self,
        look: Callable[[], V | None],
        identity: Callable[[V], Hashable],
        least_wall_seconds: float = 0.0,
    ) -> AsyncIterator[V]:
        """The value now, and each time that its `identity` differs from the one seen before.

        A `look` that gives None is waited out. Values are at least `least_wall_seconds` apart; what
        changes faster is seen as one change. Raises ShuttingDown at the end.
        """
        shown: Hashable = None
        while not self._ending.is_set():
            version = self._changes.version
            value = look()
            if value is not None and (shown is None or identity(value) != shown):
                shown = identity(value)
                yield value
                await self._pause(least_wall_seconds)
            else:
                await self._changes.wait_beyond(version)
        raise ShuttingDown("the Pooler is stopping")

    async def _pause(self, wall_seconds: float) -> None:
        if wall_seconds <= 0:
            return
        try:
            async with asyncio.timeout(wall_seconds):
                await self._ending.wait()
        except TimeoutError:
            return
