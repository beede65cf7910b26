"""What this Pooler knows of each block it takes part in. State only: it neither reads nor sends."""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pooler_svc.outcomes import (
    Failure,
    FarmerPlanted,
    HarvestOutcome,
    PlantFailed,
    PlantSummary,
    ReceiptState,
    WorkReceipt,
)
from pooler_svc.rules.planting import UNASKED, PlantProgress, PlantRequest, progress_after


class WorkState(enum.Enum):
    """A planted farmer's way through a block. SUBMITTING: sent up, no transaction known yet."""

    HASHING = "hashing"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"


SETTLED = frozenset({WorkState.CONFIRMED, WorkState.FAILED})


class HarvestState(enum.Enum):
    """Whether the reward of a confirmed work is in. FAILED: for good, asking again is useless."""

    OPEN = "open"
    HARVESTED = "harvested"
    FAILED = "failed"


@dataclass(frozen=True)
class Solution:
    """A nonce for one farmer and block, with what finding it took (`seconds` are wall seconds)."""

    nonce: int
    zeros: int
    hash: bytes
    hashes: int = 0
    seconds: float = 0.0


@dataclass
class PlantedFarmer:
    """One farmer in one block.

    `best` is the best nonce found, `offered` the last one sent up as a candidate (at chain time
    `offered_at`), `recorded_nonce` the best one that the Backend said it has.
    """

    farmer_id: str
    address: str
    stake_stroops: int
    plant_ledger: int
    work: WorkState = WorkState.HASHING
    harvest: HarvestState = HarvestState.OPEN
    hashing: bool = False
    best: Solution | None = None
    offered: Solution | None = None
    offered_at: float = 0.0
    recorded_nonce: int | None = None
    gap: int = 0
    zeros: int = 0
    recorded_zeros: int = -1
    reward_stroops: int = 0
    failure: Failure | None = None

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen to this farmer's work."""
        return self.work in SETTLED


@dataclass(frozen=True)
class BlockCounts:
    """How many farmers of a block are where. `hashing` to `work_failed` add up to `planted`."""

    planted: int = 0
    plant_failed: int = 0
    hashing: int = 0
    submitted: int = 0
    confirmed: int = 0
    work_failed: int = 0
    harvested: int = 0


@dataclass
class BlockRecord:
    """One block with its farmers.

    `harvest_running`: the request sent at chain time `harvest_asked_at` has not been answered yet.
    """

    index: int
    request: PlantRequest = UNASKED
    farmers: dict[str, PlantedFarmer] = field(default_factory=dict)
    plant_failures: dict[str, Failure] = field(default_factory=dict)
    early_messages: dict[str, list[WorkReceipt | HarvestOutcome]] = field(default_factory=dict)
    finished: bool = False
    harvest_asked_at: float | None = None
    harvest_running: bool = False

    @property
    def works_in_flight(self) -> bool:
        """Whether a planted farmer's work may still be confirmed or fail."""
        return any(not farmer.settled for farmer in self.farmers.values())

    @property
    def hashing(self) -> bool:
        """Whether the hasher has a job of this block."""
        return any(farmer.hashing for farmer in self.farmers.values())

    @property
    def open_harvest_count(self) -> int:
        """How many worked farmers' rewards are still outstanding."""
        return sum(
            farmer.work is WorkState.CONFIRMED and farmer.harvest is HarvestState.OPEN
            for farmer in self.farmers.values()
        )

    @property
    def open_harvests(self) -> bool:
        """Whether a worked farmer's reward is still outstanding."""
        return self.open_harvest_count > 0

    def counts(self) -> BlockCounts:
        """Count the farmers by state."""
        works = [farmer.work for farmer in self.farmers.values()]
        return BlockCounts(
            planted=len(works),
            plant_failed=len(self.plant_failures),
            hashing=works.count(WorkState.HASHING),
            submitted=works.count(WorkState.SUBMITTING) + works.count(WorkState.SUBMITTED),
            confirmed=works.count(WorkState.CONFIRMED),
            work_failed=works.count(WorkState.FAILED),
            harvested=sum(f.harvest is HarvestState.HARVESTED for f in self.farmers.values()),
        )


class BlockBook:
    """The blocks in play, by index. Applying the same message twice changes nothing the second time."""

    def __init__(self) -> None:
        self._blocks: dict[int, BlockRecord] = {}
        self._blocks_harvested = 0

    @property
    def blocks_harvested(self) -> int:
        """Blocks whose last outstanding reward came in since the start."""
        return self._blocks_harvested

    def __repr__(self) -> str:
        return f"BlockBook(blocks={sorted(self._blocks)})"

    def __iter__(self) -> Iterator[BlockRecord]:
        return iter(sorted(self._blocks.values(), key=lambda block: block.index))

    def block(self, index: int) -> BlockRecord:
        """The record of block `index`, made on first use."""
        return self._blocks.setdefault(index, BlockRecord(index))

    def find_block(self, index: int) -> BlockRecord | None:
        """The record of block `index`, if this Pooler has anything to do with that block."""
        return self._blocks.get(index)

    def find_farmer(self, block_index: int, farmer_id: str) -> PlantedFarmer | None:
        """A planted farmer of a block."""
        block = self._blocks.get(block_index)
        return None if block is None else block.farmers.get(farmer_id)

    def forget_before(self, index: int) -> None:
        """Drop blocks below `index` in which nothing of ours is outstanding, nor being hashed."""
        for block in list(self._blocks.values()):
            if block.index < index and not (block.works_in_flight or block.open_harvests or block.hashing):
                del self._blocks[block.index]

    def note_planted(self, message: FarmerPlanted) -> None:
        """A farmer is in: apply it, together with what overtook it on the other streams."""
        block = self.block(message.block_index)
        if message.farmer_id in block.farmers:
            return
        block.request = _under_way(block.request)
        block.plant_failures.pop(message.farmer_id, None)
        block.farmers[message.farmer_id] = PlantedFarmer(
            message.farmer_id, message.address, message.stake_stroops, message.plant_ledger
        )
        for early in block.early_messages.pop(message.farmer_id, []):
            if isinstance(early, WorkReceipt):
                self.note_receipt(early)
            else:
                self.note_harvest(early)

    def note_plant_failed(self, message: PlantFailed) -> None:
        """A farmer is not in this block."""
        block = self.block(message.block_index)
        block.request = _under_way(block.request)
        if message.farmer_id not in block.farmers:
            block.plant_failures[message.farmer_id] = message.failure

    def note_plant_summary(self, message: PlantSummary) -> None:
        """All farmers of the request have an outcome."""
        block = self.block(message.block_index)
        retryable = any(failure.retryable for failure in block.plant_failures.values())
        progress = progress_after(
            requested=message.requested, planted=message.planted, retryable_failures=retryable
        )
        block.request = _answered(block.request, progress)

    def note_plant_refused(self, block_index: int) -> None:
        """The Backend would not take the request; nobody was planted by it."""
        block = self.block(block_index)
        block.request = _answered(block.request, PlantProgress.INCOMPLETE)

    def note_receipt(self, receipt: WorkReceipt) -> None:
        """The Backend got further with a work."""
        block = self.block(receipt.block_index)
        farmer = block.farmers.get(receipt.farmer_id)
        if farmer is None:
            block.early_messages.setdefault(receipt.farmer_id, []).append(receipt)
        else:
            _apply_receipt(farmer, receipt)

    def note_harvest_asked(self, block_indexes: Iterable[int], now: float) -> None:
        """These blocks were asked for at chain time `now`."""
        for index in block_indexes:
            block = self.block(index)
            block.harvest_asked_at, block.harvest_running = now, True

    def note_harvest_answered(self, block_indexes: Iterable[int]) -> None:
        """Every pail of a request for these blocks has its outcome, or the request was refused."""
        for index in block_indexes:
            self.block(index).harvest_running = False

    def note_harvest(self, outcome: HarvestOutcome) -> None:
        """A farmer's reward is in, or is lost, or has to be asked for again."""
        block = self.block(outcome.block_index)
        farmer = block.farmers.get(outcome.farmer_id)
        if farmer is None:
            block.early_messages.setdefault(outcome.farmer_id, []).append(outcome)
        elif farmer.harvest is not HarvestState.HARVESTED:
            self._apply_harvest(block, farmer, outcome)

    def _apply_harvest(self, block: BlockRecord, farmer: PlantedFarmer, outcome: HarvestOutcome) -> None:
        if outcome.failure is None:
            # Only a work in a ledger has a reward, whether or not its receipt ever came.
            farmer.work, farmer.harvest = WorkState.CONFIRMED, HarvestState.HARVESTED
            farmer.reward_stroops = outcome.reward_stroops
            self._blocks_harvested += not block.works_in_flight and not block.open_harvests
        elif not outcome.failure.retryable:
            farmer.harvest = HarvestState.FAILED
            farmer.failure = outcome.failure


def _under_way(request: PlantRequest) -> PlantRequest:
    """The request after an outcome: of this process, or of one before it that was not told apart yet."""
    if request.progress in (PlantProgress.RUNNING, PlantProgress.DONE):
        return request
    return replace(request, progress=PlantProgress.RUNNING, attempt=request.attempt + 1)


def _answered(request: PlantRequest, progress: PlantProgress) -> PlantRequest:
    """The request after its answer. An answer without a request of this process is of one before it."""
    asked_here = request.progress is PlantProgress.RUNNING
    return replace(request, progress=progress, attempt=request.attempt + (0 if asked_here else 1))


def _apply_receipt(farmer: PlantedFarmer, receipt: WorkReceipt) -> None:
    """Move a farmer's work on.

    RECORDED: the Backend has this nonce, whatever happens to us. SUBMITTED, CONFIRMED, FAILED: as
    told; a confirmation is a fact of the chain and overrides everything. REFUSED: final for a work
    that was to be submitted; a refused candidate costs nothing, the search goes on.
    """
    if receipt.state is ReceiptState.CONFIRMED:
        farmer.work, farmer.gap, farmer.zeros = WorkState.CONFIRMED, receipt.gap, receipt.zeros
        farmer.failure = None
    elif farmer.settled:
        return
    elif receipt.state is ReceiptState.RECORDED:
        _note_recorded(farmer, receipt)
    elif receipt.state is ReceiptState.SUBMITTED:
        farmer.work = WorkState.SUBMITTED
    elif receipt.state is ReceiptState.FAILED or farmer.work is WorkState.SUBMITTING:
        farmer.work, farmer.failure = WorkState.FAILED, receipt.failure


def _note_recorded(farmer: PlantedFarmer, receipt: WorkReceipt) -> None:
    if receipt.zeros > farmer.recorded_zeros:
        farmer.recorded_nonce, farmer.recorded_zeros = receipt.nonce, receipt.zeros
