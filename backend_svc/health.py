"""How the Backend is: the database answers, and the chain advances."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from backend_svc.store import farmers
from backend_svc.store.database import Database
from backend_svc.store.records import FarmerStatus
from backend_svc.store.reports import Pending, pending
from kale.constants import LEDGER_SECONDS
from poolkit.chain_clock import ChainClock
from poolkit.errors import DatabaseUnavailable
from poolkit.stellar_rpc import StellarRpc
from poolkit.wall_clock import SystemWallClock, WallClock

DATABASE = "database"
CHAIN = "chain"
_CHECK_WALL_SECONDS = 2.0
# A chain that shows no ledger for so long has stopped, or we have lost sight of it.
_STALE_AFTER_SECONDS = 12 * LEDGER_SECONDS
# However fast the chain runs, a busy machine is no outage.
_SHORTEST_STALE_WALL_SECONDS = 5.0

SetHealth = Callable[[str, bool], Awaitable[None]]


@dataclass(frozen=True)
class Activity:
    """What is under way in this process, without the look itself, and what is still to be done by all."""

    pending: Pending
    queries_running: int
    rpc_calls_running: int
    rpc_calls_total: int


@dataclass(frozen=True)
class Health:
    """A look at everything. Latency in wall seconds; `ledger_age` in chain seconds, None before the first.

    `activity` is None while the database does not answer.
    """

    database_ok: bool
    database_latency: float
    chain_ok: bool
    latest_ledger: int
    ledger_age: float | None
    endpoint: str
    active_farmers: int
    activity: Activity | None

    @property
    def all_ok(self) -> bool:
        return self.database_ok and self.chain_ok


class HealthMonitor:
    """Looks when asked, and keeps the standard health service up to date."""

    def __init__(
        self,
        database: Database,
        clock: ChainClock,
        rpc: StellarRpc,
        set_health: SetHealth,
        *,
        wall_clock: WallClock | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._rpc = rpc
        self._set_health = set_health
        self._wall_clock = wall_clock or SystemWallClock()

    async def look(self) -> Health:
        """Ask the database now; the chain is known from its followers."""
        started = time.monotonic()
        activity: Activity | None = None
        try:
            active, unfinished = await self._database.run(_count)
            activity = self._activity(unfinished)
        except DatabaseUnavailable:
            active = 0
        head = self._clock.head
        return Health(
            database_ok=activity is not None,
            database_latency=time.monotonic() - started,
            chain_ok=self._chain_advances(),
            latest_ledger=0 if head is None else head.sequence,
            ledger_age=None if head is None else max(0.0, self._clock.now() - head.close_time),
            endpoint=self._endpoint(),
            active_farmers=active,
            activity=activity,
        )

    async def watch_forever(self) -> None:
        """Tell the standard health service what changed, every two wall seconds."""
        while True:
            health = await self.look()
            await self._set_health(DATABASE, health.database_ok)
            await self._set_health(CHAIN, health.chain_ok)
            await self._set_health("", health.database_ok)
            await self._wall_clock.sleep(_CHECK_WALL_SECONDS)

    def _activity(self, unfinished: Pending) -> Activity:
        calls = self._rpc.counts
        return Activity(unfinished, self._database.running, calls.running, calls.total)

    def _chain_advances(self) -> bool:
        if self._clock.head is None:
            return False
        patience = max(self._clock.wall_seconds(_STALE_AFTER_SECONDS), _SHORTEST_STALE_WALL_SECONDS)
        return self._clock.head_age_wall_seconds() < patience

    def _endpoint(self) -> str:
        """The endpoint that showed the latest ledger."""
        return max(self._rpc.endpoints(), key=lambda endpoint: endpoint.latest_ledger).name


def _count() -> tuple[int, Pending]:
    return farmers.count_farmers(status=FarmerStatus.ACTIVE), pending()
