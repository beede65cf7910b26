"""Chain time: ledger facts, and predictions between two ledgers.

A ledger is the fact: its sequence and close time come from the node's JSON. Between two of them
the ChainClock predicts "now on the chain" from the pace, chain seconds a wall second, which it
measures: about 1 on a public network, 60 on a localnet at 60 times real time.
"""

import asyncio
import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

from kale.constants import LEDGER_SECONDS
from poolkit.errors import PoolError, RpcUnavailable
from poolkit.logs import get_logger
from poolkit.rpc_answers import LedgerHead
from poolkit.stellar_rpc import LedgerSource
from poolkit.wall_clock import SystemWallClock, WallClock

log = get_logger(__name__)

# 20 ledgers are 100 chain seconds: long enough to even out whole-second close times, short
# enough to follow a localnet whose speed changed.
PACE_WINDOW_LEDGERS = 20
# Close times are whole seconds and arrivals are late by up to a poll: fewer points say nothing.
PACE_MIN_POINTS = 3
SLOWEST_PACE, FASTEST_PACE = 0.01, 1000.0
# The pace may turn out higher than it was when a sleep began: look again at least this often.
LONGEST_NAP_WALL_SECONDS = 0.25
# While a prediction stands still, waiting for the chain to come up to it, sleepers must not spin.
SHORTEST_NAP_WALL_SECONDS = 0.005
# A localnet that runs faster than real time can stop at any moment, and go on later: then a prediction at
# its pace would be minutes ahead of it. A public network closes no ledger late without its time going on.
LONGEST_LEAD_SECONDS = 2 * LEDGER_SECONDS


@dataclass(frozen=True)
class _Sighting:
    """When a ledger was first seen, in monotonic wall seconds, and when it closed."""

    wall: float
    close_time: int


def measured_pace(sightings: list[tuple[float, int]]) -> float | None:
    """Chain seconds a wall second: the median slope over all pairs (Theil–Sen).

    The median shrugs off single ledgers that were seen late. None: too few points, or all
    of them seen at once.
    """
    slopes = [
        (close_b - close_a) / (wall_b - wall_a)
        for (wall_a, close_a), (wall_b, close_b) in combinations(sightings, 2)
        if wall_b > wall_a
    ]
    if len(sightings) < PACE_MIN_POINTS or not slopes:
        return None
    return min(max(statistics.median(slopes), SLOWEST_PACE), FASTEST_PACE)


class ChainClock:
    """The one clock for durations in chain seconds.

    Exact decisions read `head`; predictions read `now`. All waiting methods end with
    asyncio.CancelledError when their task is cancelled, and never otherwise fail.
    """

    def __init__(self, *, wall_clock: WallClock | None = None, initial_pace: float = 1.0) -> None:
        self._wall_clock = wall_clock or SystemWallClock()
        self._pace = initial_pace
        self._pace_is_measured = False
        self._head: LedgerHead | None = None
        self._head_wall = 0.0
        self._latest_now = 0.0
        self._sightings: deque[_Sighting] = deque(maxlen=PACE_WINDOW_LEDGERS)
        self._waiters: list[tuple[Callable[[LedgerHead], bool], asyncio.Future[LedgerHead]]] = []

    @property
    def head(self) -> LedgerHead | None:
        """The latest ledger seen, None before the first."""
        return self._head

    @property
    def pace(self) -> float:
        """Chain seconds that pass in a wall second."""
        return self._pace

    @property
    def pace_is_measured(self) -> bool:
        return self._pace_is_measured

    def get_head(self) -> LedgerHead:
        """The latest ledger seen. Raises RpcUnavailable before the first."""
        if self._head is None:
            raise RpcUnavailable("no ledger has been seen yet")
        return self._head

    def observe(self, head: LedgerHead) -> None:
        """Take note of a ledger. One that is not newer than the latest (a lagging node) is ignored."""
        if self._head is not None and head.sequence <= self._head.sequence:
            return
        wall = self._wall_clock.monotonic()
        # The first ledger may have closed long before we looked: it says nothing about the pace.
        if self._head is not None:
            self._measure(_Sighting(wall, head.close_time))
        self._head, self._head_wall = head, wall
        self._wake(head)

    def now(self) -> float:
        """Predicted unix seconds on the chain; never goes back.

        Two ledgers beyond the latest one it goes on no faster than the wall, whatever the pace.
        Raises RpcUnavailable before the first ledger.
        """
        head = self.get_head()
        elapsed = self._wall_clock.monotonic() - self._head_wall
        lead = min(elapsed * self._pace, max(elapsed, LONGEST_LEAD_SECONDS))
        self._latest_now = max(self._latest_now, head.close_time + lead)
        return self._latest_now

    def head_age_wall_seconds(self) -> float:
        """Wall seconds since the latest ledger was seen. Raises RpcUnavailable before the first."""
        self.get_head()
        return self._wall_clock.monotonic() - self._head_wall

    def wall_seconds(self, chain_seconds: float) -> float:
        """How long that many chain seconds last on the wall, at the present pace."""
        return chain_seconds / self._pace

    async def sleep(self, chain_seconds: float) -> None:
        """Let that many chain seconds pass, as predicted; follows the pace while it sleeps."""
        if self._head is None:
            await self.wait_for_ledger(0)
        target = self.now() + chain_seconds
        while (remaining := target - self.now()) > 0:
            nap = min(self.wall_seconds(remaining), LONGEST_NAP_WALL_SECONDS)
            await self._wall_clock.sleep(max(nap, SHORTEST_NAP_WALL_SECONDS))

    async def pause(self, chain_seconds: float) -> None:
        """Wait as long as that many chain seconds last at the present pace, even if the chain stands."""
        await self._wall_clock.sleep(self.wall_seconds(chain_seconds))

    async def wait_for_ledger(self, sequence: int) -> LedgerHead:
        """The first ledger seen at or after `sequence` (the latest one, if it is already there)."""
        return await self._wait(lambda head: head.sequence >= sequence)

    async def wait_until(self, close_time: int) -> LedgerHead:
        """The first ledger seen that closed at or after `close_time` (unix seconds)."""
        return await self._wait(lambda head: head.close_time >= close_time)

    async def wait_for_next_ledger(self) -> LedgerHead:
        """The next ledger to be seen after the present one."""
        return await self.wait_for_ledger(self._head.sequence + 1 if self._head else 0)

    async def _wait(self, reached: Callable[[LedgerHead], bool]) -> LedgerHead:
        if self._head is not None and reached(self._head):
            return self._head
        future: asyncio.Future[LedgerHead] = asyncio.get_running_loop().create_future()
        waiter = (reached, future)
        self._waiters.append(waiter)
        try:
            return await future
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def _wake(self, head: LedgerHead) -> None:
        due = [waiter for waiter in self._waiters if waiter[0](head)]
        self._waiters = [waiter for waiter in self._waiters if waiter not in due]
        for _, future in due:
            if not future.done():
                future.set_result(head)

    def _measure(self, sighting: _Sighting) -> None:
        self._sightings.append(sighting)
        pace = measured_pace([(s.wall, s.close_time) for s in self._sightings])
        if pace is not None:
            self._pace, self._pace_is_measured = pace, True

    def __repr__(self) -> str:
        return f"<ChainClock head={self._head} pace={self._pace:.3f}>"


class LedgerFollower:
    """Polls the latest ledger and tells the ChainClock, whatever the node does.

    A ledger is not expected in the first half of its usual time, so it first sleeps, then polls at
    a tenth of a ledger's wall duration, at least `shortest` and at most `longest` wall seconds apart.
    """

    def __init__(
        self,
        rpc: LedgerSource,
        clock: ChainClock,
        *,
        wall_clock: WallClock | None = None,
        shortest_wall_seconds: float = 0.01,
        longest_wall_seconds: float = 1.0,
    ) -> None:
        self._rpc = rpc
        self._clock = clock
        self._wall_clock = wall_clock or SystemWallClock()
        self._shortest = shortest_wall_seconds
        self._longest = longest_wall_seconds
        self._failing = False

    async def run_forever(self) -> None:
        """Follow until cancelled. RPC failures are logged once an outage and survived."""
        while True:
            is_new = await self.poll()
            await self._wall_clock.sleep(self.pause_wall_seconds(after_new_ledger=is_new))

    async def poll(self) -> bool:
        """Ask once. True if the node showed a ledger that was not seen before."""
        before = self._clock.head
        try:
            self._clock.observe(await self._rpc.latest_ledger())
        except PoolError as error:
            self._note_failure(error)
            return False
        if self._failing:
            self._failing = False
            log.info("ledgers are followed again", ledger=self._clock.get_head().sequence)
        return self._clock.head != before

    def pause_wall_seconds(self, *, after_new_ledger: bool) -> float:
        """How long until the next poll."""
        if not self._clock.pace_is_measured:
            return min(0.25, self._longest)
        ledger = self._clock.wall_seconds(LEDGER_SECONDS)
        step = min(max(ledger / 10, self._shortest), self._longest)
        return max(ledger / 2, step) if after_new_ledger else step

    def _note_failure(self, error: PoolError) -> None:
        if not self._failing:
            self._failing = True
            log.warning("the latest ledger can not be read", error=str(error))

    def __repr__(self) -> str:
        return f"<LedgerFollower {self._clock!r} failing={self._failing}>"
