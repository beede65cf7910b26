"""The farmers assigned to this Pooler, as the Backend last listed them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pooler_svc.changes import Changes
from pooler_svc.recent_errors import RecentErrors
from poolkit.chain_clock import ChainClock
from poolkit.errors import PoolError
from poolkit.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class AssignedFarmer:
    """A farmer of this Pooler. Only active ones are planted."""

    farmer_id: str
    address: str
    active: bool


class FarmerSource(Protocol):
    """Where assigned farmers are listed."""

    async def list_assigned_farmers(self) -> Sequence[AssignedFarmer]:
        """All of them. Raises PoolError."""
        ...


class FarmerRoster:
    """Keeps the list of assigned farmers fresh, so that no block is opened for nobody."""

    def __init__(
        self,
        source: FarmerSource,
        clock: ChainClock,
        changes: Changes,
        errors: RecentErrors,
        refresh_seconds: float,
    ) -> None:
        self._source = source
        self._clock = clock
        self._changes = changes
        self._errors = errors
        self._refresh_seconds = refresh_seconds
        self._farmers: tuple[AssignedFarmer, ...] | None = None
        self._failing = False

    def __repr__(self) -> str:
        return f"FarmerRoster(active={self.active_farmers})"

    @property
    def active_farmers(self) -> int | None:
        """How many farmers plant; None until the Backend said so."""
        return None if self._farmers is None else sum(farmer.active for farmer in self._farmers)

    async def refresh_forever(self) -> None:
        """List the farmers every `refresh_seconds` (chain seconds)."""
        while True:
            await self.refresh()
            await self._clock.sleep(self._refresh_seconds)

    async def refresh(self) -> None:
        """List the farmers once; keep the old list if the Backend does not answer."""
        try:
            farmers = tuple(await self._source.list_assigned_farmers())
        except PoolError as error:
            if not self._failing:
                log.warning("assigned farmers cannot be listed", error=str(error))
            self._failing = True
            self._errors.note(error.reason_name, f"assigned farmers cannot be listed: {error}")
            return
        self._failing = False
        if farmers != self._farmers:
            self._farmers = farmers
            log.info("farmers assigned", active=self.active_farmers, assigned=len(farmers))
            self._changes.announce()
