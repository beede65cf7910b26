"""The farm as of the latest ledger, read once a ledger however many ask."""

import asyncio
from typing import Protocol

from poolkit.chain_clock import ChainClock
from poolkit.farm_reader import BlockView, FarmView


class FarmSource(Protocol):
    """Where the farm is read; FarmReader is one. Each raises RpcUnavailable and NotFound."""

    async def farm(self) -> FarmView: ...

    async def get_block(self, index: int) -> BlockView: ...


class FarmWatch:
    """Answers with a view that is at least as new as the latest ledger seen."""

    def __init__(self, source: FarmSource, clock: ChainClock) -> None:
        self._source = source
        self._clock = clock
        self._latest: FarmView | None = None
        self._reading = asyncio.Lock()
        self._entropy: tuple[int, bytes] | None = None

    def __repr__(self) -> str:
        return f"<FarmWatch {self._latest and (self._latest.farm.index, self._latest.ledger)}>"

    async def farm(self) -> FarmView:
        """The farm now. Raises RpcUnavailable, NotFound."""
        wanted = self._clock.get_head().sequence
        async with self._reading:
            if self._latest is None or self._latest.ledger < wanted:
                self._latest = await self._source.farm()
            return self._latest

    async def entropy(self, index: int) -> bytes:
        """The block's entropy, fixed when it was opened. Raises RpcUnavailable, NotFound.

        It stands in the block's own entry only: the farm's copy of the block
        already collects the entropy of the next one.
        """
        if self._entropy is None or self._entropy[0] != index:
            view = await self._source.get_block(index)
            self._entropy = (index, view.block.entropy)
        return self._entropy[1]
