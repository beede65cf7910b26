"""When ledgers close: every close time of the network at a multiple of real time, or by hand."""

import asyncio
import time

from localnet.chain.chain import Chain
from localnet.chain.close_plan import ClosePlan, regular
from localnet.chain.closed_ledger import ClosedLedger
from localnet.chain.speed import DRIVEN
from poolkit.startup_error import StartupError

_FORGIVEN_LEDGERS = 12


class LedgerClock:
    """Closes one ledger after the other, whether or not anything happens.

    A clock that is late (a busy machine) closes the missed ledgers at no less than half the usual distance,
    so that clients see each of them; it forgives itself what it could not catch up within a minute of chain
    time. While it is paused, or its speed is `DRIVEN`, only `close_ledger` closes any.
    """

    def __init__(self, chain: Chain, speed: float, *, paused: bool = False) -> None:
        self._chain = chain
        self._interval_seconds = chain.settings.close_milliseconds / 1_000
        self._speed = speed
        self._paused = paused
        self._plan: ClosePlan = regular
        self._next = self._plan(chain.latest.sequence + 1)
        self._due = 0.0
        self._closed_at = time.monotonic()
        self._changed = asyncio.Event()
        self._failure: StartupError | None = None

    def __repr__(self) -> str:
        return f"LedgerClock(speed={self._speed:g}{', paused' if self._paused else ''})"

    @property
    def speed(self) -> float:
        """Chain seconds a wall second, or `DRIVEN`."""
        return self._speed

    @property
    def is_paused(self) -> bool:
        return self._paused

    @property
    def is_driven(self) -> bool:
        return self._speed == DRIVEN

    @property
    def next_close_time(self) -> int:
        """Unix seconds of the ledger that closes next."""
        seconds = self._next.close_time_seconds
        return self._chain.next_close_time if seconds is None else self._chain.latest.close_time + seconds

    @property
    def chain_time(self) -> int:
        """Unix seconds that a clock shows which runs with the chain: it goes on between two ledgers."""
        passed = 0.0 if self._paused or self.is_driven else time.monotonic() - self._closed_at
        return self._chain.latest.close_time + int(passed * self._speed)

    def set_speed(self, speed: float) -> None:
        """From now on; the next ledger is a whole interval away."""
        self._speed = speed
        self._wait_anew()

    def pause(self) -> None:
        self._paused = True
        self._wait_anew()

    def resume(self) -> None:
        self._paused = False
        self._wait_anew()

    def follow(self, plan: ClosePlan) -> None:
        """Asks this plan for the next ledger and all after it."""
        self._plan = plan
        self._plan_next()
        self._wait_anew()

    def close_ledger(self) -> ClosedLedger:
        """Closes the next ledger at once; the one after it is a whole interval away."""
        ledger = self._close()
        self._wait_anew()
        return ledger

    async def close_ledgers_forever(self) -> None:
        """Raises StartupError once a ledger, whoever closed it, could not be kept."""
        self._wait_anew()
        while True:
            if self._failure is not None:
                raise self._failure
            self._changed.clear()
            if self._paused or self.is_driven:
                await self._changed.wait()
            elif await self._due_comes():
                self._close()
                forgiven = _FORGIVEN_LEDGERS * self._interval_seconds / self._speed
                self._due = max(self._due + self._wait_wall_seconds(), time.monotonic() - forgiven)

    async def _due_comes(self) -> bool:
        """Waits until the next ledger is due; False if the clock was changed before."""
        least = self._wait_wall_seconds() / 2
        try:
            async with asyncio.timeout(max(self._due - time.monotonic(), least)):
                await self._changed.wait()
        except TimeoutError:
            return not self._changed.is_set()
        return False

    def _close(self) -> ClosedLedger:
        try:
            ledger = self._chain.close_ledger(self._next.close_time_seconds)
        except StartupError as error:
            self._failure = error
            self._changed.set()
            raise
        self._closed_at = time.monotonic()
        self._plan_next()
        return ledger

    def _plan_next(self) -> None:
        self._next = self._plan(self._chain.latest.sequence + 1)

    def _wait_anew(self) -> None:
        self._due = time.monotonic() + self._wait_wall_seconds()
        self._changed.set()

    def _wait_wall_seconds(self) -> float:
        planned = self._next.wait_seconds
        return (self._interval_seconds if planned is None else planned) / self._speed
