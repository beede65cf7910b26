"""Has the Backend plant: the next block as soon as it can be opened, or one that somebody else opened."""

from dataclasses import dataclass
from typing import Protocol

from pooler_svc.block_book import BlockBook
from pooler_svc.block_monitor import BlockMonitor
from pooler_svc.changes import Changes
from pooler_svc.farmer_roster import FarmerRoster
from pooler_svc.pace import step_forever
from pooler_svc.rules.planting import (
    UNASKED,
    PlantProgress,
    PlantRequest,
    PlantSituation,
    decide_plant,
    plant_deadline,
)
from poolkit.chain_clock import ChainClock
from poolkit.logs import get_logger

log = get_logger(__name__)


class PlantLink(Protocol):
    """The Plant conversation with the Backend."""

    @property
    def caught_up(self) -> bool:
        """Whether everything that the Backend knew when we first connected has been told."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the Backend can hear us now."""
        ...

    def plant_block(self, block_index: int, capacity: int, deadline: float, attempt: int) -> None:
        """Ask for a block to be planted in; kept and resent until the Backend has it.

        The same `attempt` (from 1) at the same block is the same request, also after a restart.
        """
        ...


@dataclass(frozen=True)
class PlantPolicy:
    """`capacity`: most farmers to plant. Durations in chain seconds."""

    capacity: int
    hold_seconds: float
    retry_seconds: float


class PlantCoordinator:
    """Decides each time something changed whether a block is to be planted."""

    def __init__(
        self,
        link: PlantLink,
        monitor: BlockMonitor,
        roster: FarmerRoster,
        book: BlockBook,
        clock: ChainClock,
        changes: Changes,
        policy: PlantPolicy,
    ) -> None:
        self._link = link
        self._monitor = monitor
        self._roster = roster
        self._book = book
        self._clock = clock
        self._changes = changes
        self._policy = policy
        self._draining = False
        self._connected_since: float | None = None

    def __repr__(self) -> str:
        return f"PlantCoordinator(draining={self._draining})"

    @property
    def draining(self) -> bool:
        """Whether no new block is planted any more."""
        return self._draining

    def drain(self) -> None:
        """Plant no new block from now on. Repeating it changes nothing."""
        if not self._draining:
            log.info("draining: no new block is planted")
        self._draining = True
        self._changes.announce()

    async def coordinate_forever(self) -> None:
        """Ask for blocks for as long as the Pooler runs."""
        await step_forever("planting", self._step, self._changes, self._clock)

    async def _step(self) -> float | None:
        situation = self._situation()
        if situation is None:
            return None
        decision = decide_plant(situation)
        if decision.plant_index is not None:
            self._plant(decision.plant_index, plant_deadline(situation, decision.plant_index))
        return decision.wake_at

    def _plant(self, index: int, deadline: float) -> None:
        """Send, then note: what can't be sent is decided again. No answer comes in between."""
        block = self._book.block(index)
        attempt = block.request.attempt + 1
        self._link.plant_block(index, self._policy.capacity, deadline, attempt)
        block.request = PlantRequest(PlantProgress.RUNNING, self._clock.now(), attempt)
        log.info("planting", block_index=index, attempt=attempt)
        self._changes.announce()

    def _note_connection(self) -> None:
        if not self._link.connected:
            self._connected_since = None
        elif self._connected_since is None:
            self._connected_since = self._clock.now()

    def _situation(self) -> PlantSituation | None:
        view, head = self._monitor.view, self._clock.head
        if view is None or head is None or not self._link.caught_up:
            return None
        self._note_connection()
        current = self._book.find_block(view.farm.index)
        following = self._book.find_block(view.farm.index + 1)
        return PlantSituation(
            block_index=view.farm.index,
            block_timestamp=view.farm.block.timestamp,
            latest_close_time=head.close_time,
            now=self._clock.now(),
            farm_paused=view.farm.paused,
            draining=self._draining,
            active_farmers=self._roster.active_farmers,
            works_in_flight=current is not None and current.works_in_flight,
            connected_since=self._connected_since,
            hold_seconds=self._policy.hold_seconds,
            retry_seconds=self._policy.retry_seconds,
            request_for_current=UNASKED if current is None else current.request,
            request_for_next=UNASKED if following is None else following.request,
        )
