"""The farm as of the latest ledger, read once a ledger however many ask."""

import asyncio
from typing import Protocol

from poolkit.chain_clock import ChainClock
from poolkit.farm_reader import FarmView


class FarmSource(Protocol):
    """Where the farm is read; FarmReader is one."""

    async def farm(self) -> FarmView:
        """Raises RpcUnavailable, NotFound."""
        ...


class FarmWatch:
    """Answers with a view that is at least as new as the latest ledger seen."""

    def __init__(self, source: FarmSource, clock: ChainClock) -> None:
        self._source = source
        self._clock = clock
        self._latest: FarmView | None = None
        self._reading = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<FarmWatch {self._latest and (self._latest.farm.index, self._latest.ledger)}>"

    async def farm(self) -> FarmView:
        """The farm now. Raises RpcUnavailable, NotFound."""
        wanted = self._clock.get_head().sequence
        async with self._reading:
            if self._latest is None or self._latest.ledger < wanted:
                self._latest = await self._source.farm()
            return self._latest
