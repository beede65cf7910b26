"""Whose turn it is on a farmer's account: plant before work before harvest.

A Stellar account has one transaction in the queue at a time, and the database
refuses a second unfinished one. Waiting here, in order of urgency, keeps the
phases from running into that refusal: a plant and a work are worthless once
the block has closed, a harvest can wait a day.
"""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import IntEnum


class Urgency(IntEnum):
    """Order in which waiting phases get the account, smallest first."""

    PLANT = 0
    WORK = 1
    HARVEST = 2
    ACCOUNT = 3


class _Account:
    """The queue at one account. It exists only while somebody holds or waits."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    def next_waiting(self) -> asyncio.Future[None] | None:
        """The most urgent waiter that was not cancelled meanwhile."""
        while self.waiting:
            _, _, future = heapq.heappop(self.waiting)
            if not future.done():
                return future
        return None


class AccountTurns:
    """One holder an account at a time, the others by urgency, then by arrival."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}
        self._arrivals = itertools.count()

    @asynccontextmanager
    async def turn(self, account: str, urgency: Urgency) -> AsyncIterator[None]:
        """Hold the account of this farmer for the length of the block."""
        await self._acquire(account, urgency)
        try:
            yield
        finally:
            self._release(account)

    def is_busy(self, account: str) -> bool:
        """Whether somebody holds this account now."""
        return account in self._accounts

    async def _acquire(self, account: str, urgency: Urgency) -> None:
        queue = self._accounts.get(account)
        if queue is None:
            self._accounts[account] = _Account()
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(queue.waiting, (urgency, next(self._arrivals), granted))
        try:
            await granted
        except asyncio.CancelledError:
            # Cancelled in the same loop turn in which the account was granted:
            # it is ours and nobody else would give it back.
            if granted.done() and not granted.cancelled():
                self._release(account)
            raise

    def _release(self, account: str) -> None:
        granted = self._accounts[account].next_waiting()
        if granted is None:
            del self._accounts[account]
        else:
            granted.set_result(None)
