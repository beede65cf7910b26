"""Has closed blocks harvested."""

from typing import Protocol

from pooler_svc.block_book import BlockBook
from pooler_svc.block_monitor import BlockMonitor
from pooler_svc.changes import Changes
from pooler_svc.pace import step_forever
from pooler_svc.rules.harvesting import HarvestMoment, decide_harvests, next_harvest_time
from poolkit.chain_clock import ChainClock
from poolkit.logs import get_logger

log = get_logger(__name__)


class HarvestLink(Protocol):
    """The Harvest conversation with the Backend."""

    @property
    def caught_up(self) -> bool:
        """Whether plants, works and harvests that the Backend knew when we first connected have been told."""
        ...

    def harvest_blocks(self, block_indexes: list[int]) -> None:
        """Ask for blocks to be harvested, all farmers; no index: whatever is open."""
        ...


class HarvestController:
    """Asks for a block as soon as the next one stands, and again until all its rewards are in.

    The Backend sweeps by itself as well; asking only makes it sooner.
    """

    def __init__(
        self,
        link: HarvestLink,
        monitor: BlockMonitor,
        book: BlockBook,
        clock: ChainClock,
        changes: Changes,
        retry_seconds: float,
    ) -> None:
        self._link = link
        self._monitor = monitor
        self._book = book
        self._clock = clock
        self._changes = changes
        self._retry_seconds = retry_seconds
        self._asked_for_open_ones = False

    async def control_forever(self) -> None:
        """Ask for harvests for as long as the Pooler runs."""
        await step_forever("harvesting", self._step, self._changes, self._clock)

    async def _step(self) -> float | None:
        view, head = self._monitor.view, self._clock.head
        if view is None or head is None or not self._link.caught_up:
            return None
        moment = HarvestMoment(
            now=self._clock.now(),
            latest_close_time=head.close_time,
            current_index=view.farm.index,
            opened_at=view.farm.block.timestamp,
            retry_seconds=self._retry_seconds,
        )
        if not self._asked_for_open_ones:
            self._link.harvest_blocks([])
            self._asked_for_open_ones = True
        due = decide_harvests(self._book, moment)
        if due:
            self._link.harvest_blocks(due)
            self._book.note_harvest_asked(due, moment.now)
            log.info("harvesting", block_indexes=due)
        return next_harvest_time(self._book, moment)
