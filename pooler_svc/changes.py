"""Sleep until something changed."""

import asyncio


class Changes:
    """A counter of changes that any number of tasks can wait on; several changes may be seen as one.

    A task remembers `version`, looks at the state, and then waits for a later version, so that nothing
    that happens between looking and waiting is missed.
    """

    def __init__(self) -> None:
        self._version = 0
        self._next = asyncio.Event()

    def __repr__(self) -> str:
        return f"Changes(version={self._version})"

    @property
    def version(self) -> int:
        """The number of changes so far."""
        return self._version

    def announce(self) -> None:
        """Wake everybody who waits."""
        self._version += 1
        past, self._next = self._next, asyncio.Event()
        past.set()

    async def wait_beyond(self, version: int, timeout_wall_seconds: float | None = None) -> int:
        """Return the version once it is above `version`, or the unchanged one after the timeout."""
        if self._version > version:
            return self._version
        try:
            async with asyncio.timeout(timeout_wall_seconds):
                await self._next.wait()
        except TimeoutError:
            pass
        return self._version
