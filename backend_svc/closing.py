"""The end of a block: what a silent pooler left is submitted, and every work gets its outcome.

Before a block can be closed the best candidates go out by themselves. Once it
is closed, each planted farmer's work is confirmed (by us or by a stranger: the
pail tells), or failed, and the stake is lost; unless a stranger was so quick
that the pail is harvested before we look. A pail that a stranger has worked
anew, with more zeros than ours, is written down as it is.
"""

from dataclasses import dataclass

from backend_svc import announcements, ledger_book
from backend_svc.farm_watch import FarmWatch
from backend_svc.rules.verdicts import Verdict
from backend_svc.store import farmers, harvests, operations, plantings, sessions, works
from backend_svc.store.database import Database
from backend_svc.store.records import (
    BlockOperation,
    OperationStatus,
    Planting,
    StreamKind,
    StreamSession,
    Work,
    WorkStatus,
)
from backend_svc.working import OPEN_WORK, PailReader, Worker, harvested_by_others
from kale.constants import BLOCK_SECONDS
from kale.farm import Pail
from kalepool.v1 import backend_pb2
from kalepool.v1.errors_pb2 import Reason
from poolkit.chain_clock import ChainClock
from poolkit.errors import RpcUnavailable
from poolkit.farm_reader import PailView
from poolkit.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True)
class _Seen:
    """A pail of a closed block as the chain shows it. `harvested`: it is gone, and its block stands."""

    planting: Planting
    pail: Pail | None
    harvested: bool


class BlockCloser:
    """Looks at the farm once a ledger. `guard_seconds` before a block's end candidates are submitted."""

    def __init__(
        self,
        *,
        database: Database,
        worker: Worker,
        farm: FarmWatch,
        pails: PailReader,
        clock: ChainClock,
        guard_seconds: int,
    ) -> None:
        self._database = database
        self._worker = worker
        self._farm = farm
        self._pails = pails
        self._clock = clock
        self._guard_seconds = guard_seconds
        self._looked_at_index: int | None = None

    async def watch_forever(self) -> None:
        """Until cancelled; a node that does not answer is asked again at the next ledger."""
        await self._clock.wait_for_ledger(0)
        while True:
            try:
                await self.step()
            except RpcUnavailable:
                log.info("the farm can not be read; blocks wait")
            await self._clock.wait_for_next_ledger()

    async def step(self) -> None:
        """Do what is due as of the latest ledger. Raises RpcUnavailable."""
        view = await self._farm.farm()
        farm = view.farm
        if self._clock.now() >= farm.block.timestamp + BLOCK_SECONDS - self._guard_seconds:
            for work in await self._database.run(_take_candidates, farm.index):
                log.info("submitting a candidate by ourselves", block_index=farm.index, work=work.id)
                self._worker.start(work)
        if farm.index != self._looked_at_index and await self._look_at_worked(farm.index, view.ledger):
            self._looked_at_index = farm.index
        for operation in await self._database.run(operations.operations_of_blocks_before, farm.index):
            if operation.status is OperationStatus.PLANTED:
                await self._close(operation, farm.index, view.ledger)

    async def _look_at_worked(self, current_index: int, ledger: int) -> bool:
        """Write down which worked pails of closed blocks strangers have worked anew: what a stranger's
        harvest then pays follows from it. False if a node that is behind answered."""
        worked = await self._database.run(_works_to_be_harvested, current_index)
        pails = await self._pails.pails([(address, work.block_index) for work, address in worked])
        if any(view.ledger < ledger for view in pails.values()):
            return False
        await self._database.run(_record_worked_better, worked, pails)
        return True

    async def _close(self, operation: BlockOperation, current_index: int, ledger: int) -> None:
        """Works still open go through their own task, which looks at the pail; the others are seen here."""
        for work in await self._database.run(_take_open_works, operation.id, current_index):
            self._worker.start(work)
        missed = await self._database.run(_with_addresses, operation.id, current_index)
        pails = await self._pails.pails([(address, planting.block_index) for planting, address in missed])
        if any(view.ledger < ledger for view in pails.values()):
            return  # a node that is behind may not know the block's last works
        stands: dict[int, bool] = {}
        seen: list[_Seen] = []
        for planting, address in missed:
            index = planting.block_index
            view = pails.get((address, index))
            if view is None and index not in stands:
                stands[index] = await self._pails.find_block(index) is not None
            pail = None if view is None else view.pail
            seen.append(_Seen(planting, pail, harvested=pail is None and stands[index]))
        await self._database.run(_record_closed, operation, current_index, seen)


def _take_candidates(block_index: int) -> list[Work]:
    """Works of this block that nobody asked to be submitted, taken in hand."""
    open_works = works.unfinished_works(block_index)
    taken = [works.begin_submission(work.id) for work in open_works if work.status is WorkStatus.RECORDED]
    return [work for work in taken if work is not None]


def _take_open_works(operation_id: str, current_index: int) -> list[Work]:
    """The operation's works without an outcome in closed blocks, all taken in hand."""
    return [
        works.begin_submission(work.id) or work
        for work in works.works_of(operation_id)
        if work.status in OPEN_WORK and work.block_index < current_index
    ]


def _works_to_be_harvested(current_index: int) -> list[tuple[Work, str]]:
    """Confirmed works whose pails are still there, as far as we know, with their farmers' addresses."""
    worked = works.works_to_be_harvested(current_index)
    addresses = farmers.farmers_by_ids([work.farmer_id for work in worked])
    return [(work, addresses[work.farmer_id].public_key) for work in worked]


def _record_worked_better(worked: list[tuple[Work, str]], pails: dict[tuple[str, int], PailView]) -> None:
    for work, address in worked:
        view = pails.get((address, work.block_index))
        if view is not None and view.pail.gap is not None and view.pail.zeros is not None:
            works.record_worked_better(work.id, gap=view.pail.gap, zeros=view.pail.zeros)


def _not_worked_by_us(operation_id: str, current_index: int) -> list[Planting]:
    """Those planted in closed blocks whose work failed or never came."""
    failed = [
        plantings.get_planting(work.planting_id)
        for work in works.works_of(operation_id)
        if work.status in (WorkStatus.FAILED, WorkStatus.REFUSED)
    ]
    return [
        planting
        for planting in [*works.plantings_without_work(operation_id), *failed]
        if planting.block_index < current_index
    ]


def _with_addresses(operation_id: str, current_index: int) -> list[tuple[Planting, str]]:
    missed = _not_worked_by_us(operation_id, current_index)
    addresses = farmers.farmers_by_ids([planting.farmer_id for planting in missed])
    return [(planting, addresses[planting.farmer_id].public_key) for planting in missed]


def _record_closed(operation: BlockOperation, current_index: int, seen: list[_Seen]) -> None:
    """The end of the works that are not ours, and of the operation if nothing is open any more."""
    session = sessions.lock_current_session(operation.pooler_id, StreamKind.WORK)
    for each in seen:
        _record_missed(session, each)
    still_open = any(work.status in OPEN_WORK for work in works.works_of(operation.id))
    known = {each.planting.id for each in seen}
    # A work may have failed since the chain was read: its stake is seen to at the next ledger.
    unseen = [each for each in _not_worked_by_us(operation.id, current_index) if each.id not in known]
    if still_open or unseen:
        return
    if operations.advance_operation(operation.id, OperationStatus.WORKED):
        announcements.tell_work_summary(session, operation)
    if not harvests.harvests_of(operation.id):
        operations.advance_operation(operation.id, OperationStatus.HARVESTED)


def _record_missed(session: StreamSession, seen: _Seen) -> None:
    """Worked by a stranger, even harvested by one, or the stake is lost."""
    planting, pail = seen.planting, seen.pail
    if pail is not None and pail.gap is not None and pail.zeros is not None:
        work = works.record_worked_by_outsider(planting, gap=pail.gap, zeros=pail.zeros)
        harvests.open_harvest(planting)
        announcements.tell_work(session, backend_pb2.WORK_STATE_CONFIRMED, work)
        return
    if seen.harvested:
        ledger_book.book_stake_returned_by_outsider(planting)
        verdict = harvested_by_others(planting.block_index)
    else:
        ledger_book.book_forfeited(planting)
        text = f"block {planting.block_index} closed without a work"
        verdict = Verdict(Reason.REASON_WORK_TIMEOUT, text)
    if works.find_work(planting.farmer_id, planting.block_index) is not None:
        return
    work = works.record_not_found(
        planting, reason=verdict.reason_name, fault=verdict.fault, message=verdict.message
    )
    announcements.tell_work(session, backend_pb2.WORK_STATE_FAILED, work, verdict=verdict)
