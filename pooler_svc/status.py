"""What the Pooler is doing, gathered from its parts for whoever asks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kale.farm import Block
from kale.networks import Network
from pooler_svc.block_book import BlockBook, BlockRecord, WorkState
from pooler_svc.block_monitor import BlockMonitor
from pooler_svc.changes import Changes
from pooler_svc.farmer_roster import FarmerRoster
from pooler_svc.hashers import Hasher, HashRates
from pooler_svc.machine_load import MachineLoad, MachineLoadGauge
from pooler_svc.plant_coordinator import PlantCoordinator
from pooler_svc.recent_errors import RecentError, RecentErrors
from pooler_svc.rules.phases import Phase, phase_of
from pooler_svc.rules.timing import can_be_opened, opens_at
from poolkit.chain_clock import ChainClock
from poolkit.rpc_endpoints import EndpointStatus


@dataclass(frozen=True)
class BlockFacts:
    """The chain's block: as read at `ledger`; `age_seconds` and times are chain time."""

    index: int
    block: Block
    ledger: int
    age_seconds: float
    opens_at: int
    can_be_opened: bool
    paused: bool


@dataclass(frozen=True)
class FarmerProgress:
    """Farmers of one block by what each has reached; `failed` counts failed plants and failed works."""

    planted: int = 0
    hashing: int = 0
    submitted: int = 0
    confirmed: int = 0
    failed: int = 0


@dataclass(frozen=True)
class WorkProgress:
    """A work that is not at its end. `zeros` and `hashes` are those of the best nonce so far."""

    farmer_id: str
    block_index: int
    work: WorkState
    zeros: int
    hashes: int


@dataclass(frozen=True)
class LinkStatus:
    """The link to the Backend; `last_heard_seconds` are wall seconds, None: never heard.

    `requests_total`, and `responses_total` of digested ones, are of the current sessions of all streams.
    """

    endpoint: str
    connected: bool
    unacknowledged: int
    reconnects: int
    last_heard_seconds: float | None
    requests_total: int
    responses_total: int


@dataclass(frozen=True)
class PoolerStatus:
    """One look at everything. `uptime_seconds` are wall seconds.

    `parts_behind`: so many parts have not looked at the latest change yet. `latest_ledger`: 0 before the
    first.
    """

    phase: Phase
    draining: bool
    block: BlockFacts | None
    active_farmers: int
    farmers: FarmerProgress
    works: tuple[WorkProgress, ...]
    load: MachineLoad
    rates: HashRates
    link: LinkStatus
    endpoints: tuple[EndpointStatus, ...]
    errors: tuple[RecentError, ...]
    uptime_seconds: float
    network: str
    pails_to_harvest: int
    blocks_harvested: int
    parts_behind: int
    latest_ledger: int


class LinkSource(Protocol):
    """Who knows how the link to the Backend is."""

    def status(self) -> LinkStatus:
        """The link now."""
        ...


class EndpointSource(Protocol):
    """Who knows how the RPC endpoints are."""

    def endpoints(self) -> Sequence[EndpointStatus]:
        """The endpoints in the order of the settings."""
        ...


class StatusBoard:
    """Reads the status off the parts; keeps nothing itself but the time of its start."""

    def __init__(
        self,
        *,
        network: Network,
        monitor: BlockMonitor,
        coordinator: PlantCoordinator,
        roster: FarmerRoster,
        book: BlockBook,
        clock: ChainClock,
        changes: Changes,
        hasher: Hasher,
        link: LinkSource,
        endpoints: EndpointSource,
        errors: RecentErrors,
        load: MachineLoadGauge,
    ) -> None:
        self._network = network
        self._monitor = monitor
        self._coordinator = coordinator
        self._roster = roster
        self._book = book
        self._clock = clock
        self._changes = changes
        self._hasher = hasher
        self._link = link
        self._endpoints = endpoints
        self._errors = errors
        self._load = load
        self._started = time.monotonic()

    def block(self) -> BlockFacts | None:
        """The chain's block, None until it has been read once."""
        view, head = self._monitor.view, self._clock.head
        if view is None or head is None:
            return None
        timestamp = view.farm.block.timestamp
        return BlockFacts(
            index=view.farm.index,
            block=view.block or view.farm.block,
            ledger=view.ledger,
            age_seconds=max(0.0, self._clock.now() - timestamp),
            opens_at=opens_at(timestamp),
            can_be_opened=can_be_opened(timestamp, head.close_time),
            paused=view.farm.paused,
        )

    def status(self) -> PoolerStatus:
        """The status now."""
        block, link, endpoints = self.block(), self._link.status(), tuple(self._endpoints.endpoints())
        blocks = list(self._book)
        index = 0 if block is None else block.index
        degraded = not link.connected or self._monitor.chain_is_silent or _all_failed(endpoints)
        return PoolerStatus(
            phase=phase_of(blocks, degraded=degraded),
            draining=self._coordinator.draining,
            block=block,
            active_farmers=self._roster.active_farmers or 0,
            farmers=_progress(self._book.find_block(index)),
            works=tuple(work for record in blocks for work in _works(record)),
            load=self._load.read(),
            rates=self._hasher.rates(),
            link=link,
            endpoints=endpoints,
            errors=self._errors.newest_first(),
            uptime_seconds=time.monotonic() - self._started,
            network=self._network.name,
            pails_to_harvest=sum(record.open_harvest_count for record in blocks if record.index < index),
            blocks_harvested=self._book.blocks_harvested,
            parts_behind=self._changes.followers_behind,
            latest_ledger=0 if self._clock.head is None else self._clock.head.sequence,
        )


def _all_failed(endpoints: Sequence[EndpointStatus]) -> bool:
    """Whether no endpoint answered the last call that it got."""
    return all(endpoint.last_error is not None for endpoint in endpoints)


def _progress(record: BlockRecord | None) -> FarmerProgress:
    """Cumulative: a confirmed farmer was also planted and submitted."""
    if record is None:
        return FarmerProgress()
    counts = record.counts()
    return FarmerProgress(
        planted=counts.planted,
        hashing=counts.hashing,
        submitted=counts.submitted + counts.confirmed,
        confirmed=counts.confirmed,
        failed=counts.plant_failed + counts.work_failed,
    )


def _works(record: BlockRecord) -> list[WorkProgress]:
    return [
        WorkProgress(
            farmer.farmer_id,
            record.index,
            farmer.work,
            zeros=0 if farmer.best is None else farmer.best.zeros,
            hashes=0 if farmer.best is None else farmer.best.hashes,
        )
        for farmer in record.farmers.values()
        if not farmer.settled
    ]
