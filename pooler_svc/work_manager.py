"""Works a block: has nonces found for all planted farmers at once and sent up at the right moment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, assert_never

from kale.constants import U64_MAX
from kale.farm import Block
from kale.puzzle import farmer_key
from pooler_svc.block_book import BlockBook, BlockRecord, PlantedFarmer, Solution, WorkState
from pooler_svc.block_monitor import BlockMonitor
from pooler_svc.changes import Changes
from pooler_svc.hashers import Hasher, HashJob
from pooler_svc.outcomes import Failure
from pooler_svc.pace import step_forever
from pooler_svc.rules.timing import submission_time
from pooler_svc.rules.working import (
    FinishBlock,
    GiveUp,
    SendCandidate,
    StartHashing,
    StopHashing,
    SubmitNow,
    WorkMoment,
    decide_works,
    next_work_time,
)
from poolkit.chain_clock import ChainClock
from poolkit.logs import get_logger

log = get_logger(__name__)

Verify = Callable[[int, bytes, bytes, int], Solution]
"""Computes the solution that a nonce is: (block index, entropy, farmer key, nonce)."""


class WorkLink(Protocol):
    """The Work conversation with the Backend. What is sent is kept and resent until the Backend has it."""

    @property
    def caught_up(self) -> bool:
        """Whether plants and works that the Backend knew when we first connected have been told."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the conversation is connected now."""
        ...

    def send_candidate(self, block_index: int, farmer_id: str, solution: Solution) -> None:
        """Let the Backend have a nonce, without submitting it yet."""
        ...

    def submit_now(self, block_index: int, farmer_id: str, solution: Solution) -> None:
        """Have a nonce submitted."""
        ...

    def give_up(self, block_index: int, farmer_id: str, failure: Failure) -> None:
        """Say that no work comes for this farmer."""
        ...

    def finish_block(self, block_index: int) -> None:
        """Say that nothing more comes for this block."""
        ...


@dataclass(frozen=True)
class WorkPolicy:
    """Chain seconds from a block's timestamp to the submission, and between two candidates of a farmer."""

    work_delay_seconds: float
    candidate_interval_seconds: float


class WorkManager:
    """Decides each time something changed what to do for every planted farmer, and does it."""

    def __init__(
        self,
        link: WorkLink,
        hasher: Hasher,
        verify: Verify,
        monitor: BlockMonitor,
        book: BlockBook,
        clock: ChainClock,
        changes: Changes,
        policy: WorkPolicy,
    ) -> None:
        self._link = link
        self._hasher = hasher
        self._verify = verify
        self._monitor = monitor
        self._book = book
        self._clock = clock
        self._changes = changes
        self._policy = policy

    async def gather_forever(self) -> None:
        """Look at the works again whenever the hasher found something better."""
        async for _ in self._hasher.improvements():
            self._changes.announce()

    async def manage_forever(self) -> None:
        """Work blocks for as long as the Pooler runs."""
        await step_forever("working", self._step, self._changes, self._clock)

    def _take_improvement(self, block: BlockRecord, farmer: PlantedFarmer) -> None:
        """Take over what the hasher found for this farmer, if it beats what we have."""
        found = self._hasher.best(farmer.farmer_id, block.index)
        if found is None or (farmer.best is not None and found.zeros <= farmer.best.zeros):
            return
        farmer.best = Solution(found.nonce, found.zeros, found.hash, found.hashes, found.seconds)

    async def _step(self) -> float | None:
        if self._monitor.view is None or self._clock.head is None or not self._link.caught_up:
            return None
        wake_ats = []
        for_hasher: list[tuple[BlockRecord, StartHashing | StopHashing]] = []
        for block in self._book:
            moment = self._moment(block)
            for farmer in block.farmers.values():
                self._take_improvement(block, farmer)
            for action in decide_works(block, moment):
                if isinstance(action, StartHashing | StopHashing):
                    for_hasher.append((block, action))
                else:
                    self._send(block, action)
            wake_ats.append(next_work_time(block, moment))
        # Last: this may wait for the hasher, and what was decided must not grow stale meanwhile.
        for block, action in for_hasher:
            await self._steer_hasher(block, action)
        self._book.forget_before(self._monitor.view.farm.index - 1)
        return min((wake_at for wake_at in wake_ats if wake_at is not None), default=None)

    def _moment(self, block: BlockRecord) -> WorkMoment:
        view = self._monitor.view
        assert view is not None
        chain_block = self._monitor.find_block(block.index)
        delay = self._policy.work_delay_seconds
        return WorkMoment(
            now=self._clock.now(),
            latest_ledger=self._clock.get_head().sequence,
            current_index=view.farm.index,
            submission_at=None if chain_block is None else submission_time(chain_block.timestamp, delay),
            candidate_interval_seconds=self._policy.candidate_interval_seconds,
            backend_connected=self._link.connected,
        )

    def _send(self, block: BlockRecord, action: SendCandidate | SubmitNow | GiveUp | FinishBlock) -> None:
        """Send first, then note: what can't be sent is decided again. No answer comes in between."""
        match action:
            case SendCandidate(farmer_id, solution):
                self._link.send_candidate(block.index, farmer_id, solution)
                farmer = block.farmers[farmer_id]
                farmer.offered, farmer.offered_at = solution, self._clock.now()
            case SubmitNow(farmer_id, solution):
                self._link.submit_now(block.index, farmer_id, solution)
                block.farmers[farmer_id].work = WorkState.SUBMITTING
                self._changes.announce()
            case GiveUp(farmer_id, failure):
                self._give_up(block, block.farmers[farmer_id], failure)
            case FinishBlock():
                self._link.finish_block(block.index)
                block.finished = True
            case _:
                assert_never(action)

    async def _steer_hasher(self, block: BlockRecord, action: StartHashing | StopHashing) -> None:
        farmer = block.farmers[action.farmer_id]
        match action:
            case StartHashing():
                await self._start_hashing(block, farmer)
            case StopHashing():
                farmer.hashing = False
                await self._hasher.cancel(farmer.farmer_id, block.index)
            case _:
                assert_never(action)

    async def _start_hashing(self, block: BlockRecord, farmer: PlantedFarmer) -> None:
        """Go on behind the nonce that the Backend already has from before a restart, if there is one."""
        chain_block = self._monitor.find_block(block.index)
        if chain_block is None:
            return
        key = farmer_key(farmer.address)
        nonce_from = self._restore_best(block.index, chain_block, farmer, key)
        farmer.hashing = True
        await self._hasher.assign(
            HashJob(farmer.farmer_id, block.index, chain_block.entropy, key, nonce_from=nonce_from)
        )

    def _restore_best(self, index: int, chain_block: Block, farmer: PlantedFarmer, key: bytes) -> int:
        """Take the Backend's nonce as our best; returns the nonce from which to search."""
        if farmer.recorded_nonce is None or farmer.best is not None:
            return 0
        farmer.best = self._verify(index, chain_block.entropy, key, farmer.recorded_nonce)
        return (farmer.recorded_nonce + 1) % (U64_MAX + 1)

    def _give_up(self, block: BlockRecord, farmer: PlantedFarmer, failure: Failure) -> None:
        log.warning(
            "no work for farmer",
            block_index=block.index,
            farmer_id=farmer.farmer_id,
            reason=failure.reason,
        )
        self._link.give_up(block.index, farmer.farmer_id, failure)
        farmer.work, farmer.failure = WorkState.FAILED, failure
        self._changes.announce()
