"""Sleep until something changed."""

import asyncio
from dataclasses import dataclass

NOTHING_SEEN = -1


@dataclass
class Follower:
    """Somebody who looks at the state after every change.

    `seen` is the version of its last complete look, NOTHING_SEEN before the first and during each.
    """

    seen: int = NOTHING_SEEN


class Changes:
    """A counter of changes that any number of tasks can wait on; several changes may be seen as one.

    A task remembers `version`, looks at the state, and then waits for a later version, so that nothing
    that happens between looking and waiting is missed.
    """

    def __init__(self) -> None:
        self._version = 0
        self._next = asyncio.Event()
        self._followers: dict[str, Follower] = {}

    def __repr__(self) -> str:
        return f"Changes(version={self._version})"

    @property
    def version(self) -> int:
        """The number of changes so far."""
        return self._version

    @property
    def followers_behind(self) -> int:
        """How many followers have not looked at the state since the latest change, or look just now."""
        return sum(follower.seen < self._version for follower in self._followers.values())

    def follow(self, name: str) -> Follower:
        """The follower of this name from now on, in place of an earlier one; it says what it has seen."""
        follower = self._followers[name] = Follower()
        return follower

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
