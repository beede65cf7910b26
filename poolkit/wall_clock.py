"""The wall clock as a port, so that tests move time instead of waiting for it."""

import asyncio
import time
from typing import Protocol


class WallClock(Protocol):
    """Monotonic wall seconds and a way to let them pass."""

    def monotonic(self) -> float:
        """Wall seconds since an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when that many wall seconds have passed."""
        ...


class SystemWallClock:
    """The machine's own clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
