"""Watches the farm: sees a new block, and keeps the present one in view."""

import asyncio
from typing import Protocol

from kale.constants import LEDGER_SECONDS
from kale.farm import Block
from pooler_svc.changes import Changes
from pooler_svc.recent_errors import RecentErrors
from pooler_svc.rules.timing import poll_delay_seconds
from poolkit.chain_clock import ChainClock
from poolkit.errors import PoolError, RpcUnavailable
from poolkit.farm_reader import CurrentBlockView
from poolkit.logs import get_logger

log = get_logger(__name__)

_LONGEST_WAIT_LEDGERS = 2
_LAGGING_PAUSE_SECONDS = 1
_SILENT_AFTER_LEDGERS = 4
_SHORTEST_SILENCE_WALL_SECONDS = 1.0


class FarmSource(Protocol):
    """Where the farm contract's instance and its current block are read."""

    async def current_block(self, guess: int | None = None) -> CurrentBlockView:
        """Both as of the node's latest ledger; `guess` is the likely index. Raises PoolError."""
        ...


class BlockMonitor:
    """Reads the farm every `poll_interval_seconds` (chain), each ledger near the block's end.

    The view is as old as the last good read, so callers must bear that the chain is ahead of it. A
    node that lags behind what was seen before is not believed. Failed reads are noted and retried.
    """

    def __init__(
        self,
        farms: FarmSource,
        clock: ChainClock,
        changes: Changes,
        errors: RecentErrors,
        poll_interval_seconds: float,
    ) -> None:
        self._farms = farms
        self._clock = clock
        self._changes = changes
        self._errors = errors
        self._poll_interval_seconds = poll_interval_seconds
        self._view: CurrentBlockView | None = None
        self._reads_fail = False
        self._chain_is_silent = False

    def __repr__(self) -> str:
        index = None if self._view is None else self._view.farm.index
        return f"BlockMonitor(index={index}, reads_fail={self._reads_fail})"

    @property
    def view(self) -> CurrentBlockView | None:
        """The farm as last read, None before the first read."""
        return self._view

    @property
    def chain_is_silent(self) -> bool:
        """Whether no ledger came for so long that the chain, or our sight of it, stands still."""
        return self._chain_is_silent

    def find_block(self, index: int) -> Block | None:
        """The current block's own entry, if it is the one with this index."""
        if self._view is None or self._view.farm.index != index:
            return None
        return self._view.block

    async def watch_forever(self) -> None:
        """Read the farm for as long as the Pooler runs."""
        while True:
            await self.look()
            await self._pause()

    async def tick_forever(self) -> None:
        """Announce each new ledger: most decisions depend on ledger facts. Note when none comes."""
        await self._clock.wait_for_ledger(0)
        while True:
            silence_seconds = _SILENT_AFTER_LEDGERS * LEDGER_SECONDS
            patience = max(self._clock.wall_seconds(silence_seconds), _SHORTEST_SILENCE_WALL_SECONDS)
            try:
                async with asyncio.timeout(patience):
                    await self._clock.wait_for_next_ledger()
                self._chain_is_silent = False
            except TimeoutError:
                self._chain_is_silent = True
                latest = self._clock.get_head().sequence
                text = f"no ledger after {latest} for {silence_seconds} chain seconds"
                self._errors.note(RpcUnavailable(text).reason_name, text)
            self._changes.announce()

    async def look(self) -> None:
        """Read the farm once and announce what changed."""
        try:
            view = await self._farms.current_block(None if self._view is None else self._view.farm.index)
        except PoolError as error:
            self._note_failure(error)
            return
        recovered, self._reads_fail = self._reads_fail, False
        known = self._view
        if known is not None and view.ledger < known.ledger:
            return
        self._view = view
        if known is None or view.farm.index != known.farm.index:
            log.info("block seen", block_index=view.farm.index, ledger=view.ledger)
        if recovered or known is None or (view.farm, view.block) != (known.farm, known.block):
            self._changes.announce()

    async def _pause(self) -> None:
        """Sleep until the next read.

        Near the boundary that is the next ledger; without news from the chain for two ledgers' time it
        is read anyway, and a node that has not got the latest ledger yet is asked again soon.
        """
        head = await self._clock.wait_for_ledger(0)
        if self._view is None or self._reads_fail:
            await self._clock.pause(LEDGER_SECONDS)
            return
        delay = self._delay(self._view)
        if delay > LEDGER_SECONDS:
            await self._clock.sleep(delay)
            return
        if head.sequence > self._view.ledger:
            await self._clock.pause(_LAGGING_PAUSE_SECONDS)
            return
        patience = self._clock.wall_seconds(_LONGEST_WAIT_LEDGERS * LEDGER_SECONDS)
        try:
            async with asyncio.timeout(patience):
                await self._clock.wait_for_ledger(self._view.ledger + 1)
        except TimeoutError:
            return

    def _delay(self, view: CurrentBlockView) -> float:
        return poll_delay_seconds(self._clock.now(), view.farm.block.timestamp, self._poll_interval_seconds)

    def _note_failure(self, error: PoolError) -> None:
        if not self._reads_fail:
            log.warning("the farm cannot be read", error=str(error))
        self._reads_fail = True
        self._errors.note(error.reason_name, f"the farm cannot be read: {error}")
        self._changes.announce()
