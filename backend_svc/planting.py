"""Planting: every active farmer of a pooler into a block, in parallel, exactly one outcome each.

The request writes an operation and a row a farmer; from there on a background
task of the Backend brings each row to its outcome, whatever becomes of the
stream. After a restart the same task goes on where the rows stand.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from backend_svc import announcements, ledger_book
from backend_svc.background import BackgroundTasks
from backend_svc.contract_calls import ContractCalls
from backend_svc.farm_watch import FarmWatch
from backend_svc.rules.recovery import NextStep, after_plant
from backend_svc.rules.stake import stake_of
from backend_svc.rules.verdicts import Verdict, verdict_of_error, verdict_of_failure
from backend_svc.store import farmers, operations, plantings, sessions, transactions
from backend_svc.store.database import Database
from backend_svc.store.records import (
    BlockOperation,
    Farmer,
    OperationStatus,
    Planting,
    PlantingStatus,
    Purpose,
    StreamKind,
)
from backend_svc.transactions import TransactionOutcome
from backend_svc.turns import AccountTurns, Urgency
from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS
from kale.farm import Block, Farm
from kalepool.v1.errors_pb2 import Reason
from poolkit.chain_clock import ChainClock
from poolkit.errors import BlockNotCurrent, FieldViolation, RpcUnavailable
from poolkit.farm_reader import BlockView, PailView, TrustlineView
from poolkit.logs import get_logger

log = get_logger(__name__)

# A plant lives 4 ledgers: one sent this close to the block's end may land behind it.
_NEAR_BOUNDARY_SECONDS = 6 * LEDGER_SECONDS
# The pooler may have seen a ledger or two more than we when it asks for the next block.
_EARLY_SECONDS = 2 * LEDGER_SECONDS
_MOST_ATTEMPTS = 10
# `deadline` of an operation that its pooler cancelled.
_CANCELLED = 0
_NO_LEDGER_TOOK_IT = Verdict(Reason.REASON_TRANSACTION_EXPIRED, "no ledger took the plant")


class PlantChain(Protocol):
    """What planting reads from the chain; FarmReader is one. Each raises RpcUnavailable."""

    async def trustlines(self, holders: list[str]) -> dict[str, TrustlineView]: ...

    async def pails(self, wanted: list[tuple[str, int]]) -> dict[tuple[str, int], PailView]: ...

    async def find_block(self, index: int) -> BlockView | None: ...


@dataclass(frozen=True)
class _Job:
    """One farmer's planting in one block."""

    planting: Planting
    operation: BlockOperation
    farmer: Farmer


@dataclass(frozen=True)
class _Planted:
    """The chain has the pail. `transaction_hash` None: by a transaction that we don't know."""

    block_index: int
    stake_stroops: int
    plant_ledger: int
    transaction_id: str | None
    transaction_hash: bytes | None


@dataclass(frozen=True)
class _Plan:
    """What a plant burns, and the blocks it may land in if they are two."""

    stake_stroops: int
    also_indexes: tuple[int, ...]


@dataclass(frozen=True)
class _Again:
    """Worth another attempt in the next ledger; the verdict, if there will be none."""

    verdict: Verdict


class Planter:
    """Plants the farmers of poolers. `batch_size`: most plants under way at a time."""

    def __init__(
        self,
        *,
        database: Database,
        calls: ContractCalls,
        farm: FarmWatch,
        chain: PlantChain,
        clock: ChainClock,
        turns: AccountTurns,
        tasks: BackgroundTasks,
        batch_size: int,
        timeout_seconds: int,
    ) -> None:
        self._database = database
        self._calls = calls
        self._farm = farm
        self._chain = chain
        self._clock = clock
        self._turns = turns
        self._tasks = tasks
        self._under_way = asyncio.Semaphore(batch_size)
        self._timeout_seconds = timeout_seconds
        self._cancelled: set[str] = set()

    def __repr__(self) -> str:
        return f"<Planter cancelled={sorted(self._cancelled)}>"

    async def check_block_index(self, index: int, field: str) -> None:
        """The block can be planted in: the current one, or the next once it can be opened.

        Raises BlockNotCurrent, RpcUnavailable.
        """
        farm = (await self._farm.farm()).farm
        seconds_left = _opens_at(farm) - self._clock.get_head().close_time
        allowed = [farm.index] if seconds_left > _EARLY_SECONDS else [farm.index, farm.index + 1]
        if index not in allowed:
            limit = f"must be {farm.index}, the current block, or {farm.index + 1} once that can be opened"
            text = f"{limit}, which is in {max(0, seconds_left)} s (got {index})"
            raise BlockNotCurrent(f"{field} {text}", field_violations=[FieldViolation(field, text)])

    def default_deadline(self) -> int:
        """Chain time at which a plant without a deadline of its own is given up."""
        return int(self._clock.now()) + self._timeout_seconds

    def begin(self, pooler_id: str, block_index: int, capacity: int, deadline: int) -> BlockOperation:
        """Inside Database.run: write down what is to be planted. Farmers already planted stay as they are."""
        operation = operations.open_operation(block_index, pooler_id, capacity=capacity, deadline=deadline)
        operations.set_deadline(operation.id, deadline)
        for farmer in farmers.active_farmers(pooler_id, capacity):
            plantings.begin_planting(operation.id, farmer.id, block_index)
        return operation

    def cancel(self, pooler_id: str, block_index: int) -> str | None:
        """Inside Database.run: no more plants for this block, whatever happens. The operation's id."""
        operation = operations.find_operation(block_index, pooler_id)
        if operation is None or operation.status is not OperationStatus.PLANTING:
            return None
        operations.set_deadline(operation.id, _CANCELLED)
        return operation.id

    def stop_sending(self, operation_id: str) -> None:
        """After the COMMIT of `cancel`: the plants not yet sent fail."""
        self._cancelled.add(operation_id)

    def start(self, operation_id: str) -> None:
        """Bring the operation's plantings to their outcomes, in the background."""
        self._cancelled.discard(operation_id)
        self._start(operation_id)

    async def resume(self) -> None:
        """Go on with everything that is not at its end and that nobody works at here."""
        for operation_id in await self._database.run(_unfinished_operations):
            self._start(operation_id)

    def _start(self, operation_id: str) -> None:
        self._tasks.start(("plant", operation_id), lambda: self._plant_all(operation_id))

    async def _plant_all(self, operation_id: str) -> None:
        jobs = await self._database.run(_jobs, operation_id)
        if jobs:
            trustlines = await self._first_look(jobs)
            outcomes = await asyncio.gather(
                *(self._plant_in_turn(job, trustlines) for job in jobs), return_exceptions=True
            )
            for job, outcome in zip(jobs, outcomes, strict=True):
                if outcome is not None:
                    log.error("planting was cut off", planting=job.planting.id, exc_info=outcome)
        await self._close(operation_id)

    async def _first_look(self, jobs: list[_Job]) -> dict[str, TrustlineView]:
        """All farmers' balances in one reading; none of them if no node answers."""
        try:
            return await self._chain.trustlines([job.farmer.public_key for job in jobs])
        except RpcUnavailable:
            return {}

    async def _plant_in_turn(self, job: _Job, trustlines: dict[str, TrustlineView]) -> None:
        async with self._turns.turn(job.farmer.public_key, Urgency.PLANT), self._under_way:
            result = await self._bring_about(job, trustlines.get(job.farmer.public_key))
            await self._database.run(_record, job, result)

    async def _bring_about(self, job: _Job, trustline: TrustlineView | None) -> _Planted | Verdict:
        result: _Planted | Verdict | _Again = _Again(_NO_LEDGER_TOOK_IT)
        for attempt in range(_MOST_ATTEMPTS):
            if attempt:
                await self._clock.wait_for_next_ledger()
            before, result = result, await self._attempt(job, None if attempt else trustline)
            if isinstance(result, Verdict) and result.reason == Reason.REASON_BACKEND_TIMEOUT and attempt:
                result = before  # why it was not planted before the deadline
                break
            if not isinstance(result, _Again):
                return result
        return result.verdict if isinstance(result, _Again) else result

    async def _attempt(self, job: _Job, trustline: TrustlineView | None) -> _Planted | Verdict | _Again:
        try:
            plan = await self._earlier_plan(job) or await self._plan(job, trustline)
        except RpcUnavailable as error:
            return _Again(verdict_of_error(error))
        if isinstance(plan, Verdict | _Again):
            return plan
        outcome = await self._calls.plant(
            job.planting.id,
            job.farmer.id,
            job.farmer.public_key,
            plan.stake_stroops,
            also_indexes=plan.also_indexes,
        )
        return await self._judge(job, outcome)

    async def _earlier_plan(self, job: _Job) -> _Plan | None:
        """What an earlier life signed, if that is in flight or in a ledger: then nothing else may be."""
        if job.planting.stake_stroops is None:
            return None
        under_way = await self._calls.is_under_way(Purpose.PLANT, job.planting.id)
        return _Plan(job.planting.stake_stroops, ()) if under_way else None

    async def _plan(self, job: _Job, trustline: TrustlineView | None) -> _Plan | Verdict | _Again:
        """What to send now, written down; or why nothing can be. Raises RpcUnavailable."""
        hindrance = await self._hindrance(job)
        if hindrance is not None:
            return hindrance
        public_key = job.farmer.public_key
        view = trustline or (await self._chain.trustlines([public_key])).get(public_key)
        if view is None:
            return Verdict(Reason.REASON_TRUSTLINE_MISSING, f"{public_key} has no KALE trustline")
        stake = stake_of(view.balance_stroops, job.farmer.stake_basis_points)
        await self._database.run(plantings.set_stake_intended, job.planting.id, stake)
        return _Plan(stake, await self._indexes_in_reach(job.planting.block_index))

    async def _hindrance(self, job: _Job) -> Verdict | _Again | None:
        """Why no plant may be sent, now or ever. Waits out the last ledger before a block can be opened."""
        index, deadline = job.planting.block_index, job.operation.deadline
        if deadline == _CANCELLED or job.operation.id in self._cancelled:
            return Verdict(Reason.REASON_CANCELLED, f"planting block {index} was cancelled")
        if deadline is not None and self._clock.get_head().close_time > deadline:
            return Verdict(Reason.REASON_BACKEND_TIMEOUT, f"not planted by the deadline, {deadline}")
        farm = (await self._farm.farm()).farm
        if farm.paused:
            return _Again(Verdict(Reason.REASON_FARM_FARM_PAUSED, "the farm's owner paused planting"))
        if farm.index > index:
            return Verdict(Reason.REASON_TRANSACTION_EXPIRED, f"block {index} was closed before the plant")
        if farm.index + 1 < index:
            return Verdict(Reason.REASON_BLOCK_NOT_CURRENT, f"block {index} is not the next one")
        if farm.index < index:
            await self._clock.wait_until(_opens_at(farm))
        return None

    async def _indexes_in_reach(self, index: int) -> tuple[int, ...]:
        """The blocks that a plant sent now may land in, if they are two."""
        farm = (await self._farm.farm()).farm
        if farm.index == index and self._clock.now() > _opens_at(farm) - _NEAR_BOUNDARY_SECONDS:
            return index, index + 1
        return ()

    async def _judge(
        self, job: _Job, outcome: TransactionOutcome | Verdict | None
    ) -> _Planted | Verdict | _Again:
        if outcome is None:
            return _Again(Verdict(Reason.REASON_RPC_UNAVAILABLE, "no Stellar RPC endpoint answers"))
        if isinstance(outcome, Verdict):
            return outcome
        if outcome.confirmed:
            return await self._locate(job, outcome)
        asset = self._calls.network.asset_contract_id
        verdict = _NO_LEDGER_TOOK_IT
        if outcome.failure is not None:
            verdict = verdict_of_failure(outcome.failure, asset_contract_id=asset)
        step = after_plant(outcome.failure, asset_contract_id=asset)
        if step is NextStep.LOOK:
            return await self._adopt(job) or _Again(verdict)
        return _Again(verdict) if step is NextStep.TRY_AGAIN else verdict

    async def _locate(self, job: _Job, outcome: TransactionOutcome) -> _Planted:
        """Which block the chain took the plant into: at a boundary it may be a neighbour."""
        asked = job.planting.block_index
        pails = await self._read_pails(job, [index for index in (asked, asked + 1, asked - 1) if index >= 0])
        ledger = outcome.ledger or 0
        found = next((pail for pail in pails if pail.pail.sequence == ledger), None)
        # No pail: harvested since (this is an outcome of an earlier life), or a node that is behind answered.
        # What was signed is on record, and it was written after the job was made.
        signed = await self._database.run(plantings.get_planting, job.planting.id)
        return _Planted(
            block_index=asked if found is None else found.index,
            stake_stroops=(signed.stake_stroops or 0) if found is None else found.pail.stake,
            plant_ledger=ledger,
            transaction_id=outcome.transaction_id,
            transaction_hash=outcome.hash,
        )

    async def _adopt(self, job: _Job) -> _Planted | None:
        """The pail is there already: by which transaction? Only its farmer's key can have signed it."""
        for pail in await self._read_pails(job, [job.planting.block_index]):
            known = await self._database.run(
                transactions.find_confirmed, job.farmer.public_key, Purpose.PLANT, pail.pail.sequence
            )
            log.warning("pail was planted before", planting=job.planting.id, known=known is not None)
            return _Planted(
                block_index=pail.index,
                stake_stroops=pail.pail.stake,
                plant_ledger=pail.pail.sequence,
                transaction_id=None if known is None else known.id,
                transaction_hash=None if known is None else known.hash,
            )
        return None

    async def _read_pails(self, job: _Job, indexes: list[int]) -> list[PailView]:
        """The farmer's pails in these blocks; asks until a node answers, for the outcome hangs on it."""
        while True:
            try:
                pails = await self._chain.pails([(job.farmer.public_key, index) for index in indexes])
                return list(pails.values())
            except RpcUnavailable:
                await self._clock.wait_for_next_ledger()

    async def _close(self, operation_id: str) -> None:
        """Tell the summary, if every farmer has its outcome."""
        operation = await self._database.run(operations.get_operation, operation_id)
        while True:
            try:
                view = await self._chain.find_block(operation.block_index)
                break
            except RpcUnavailable:
                await self._clock.wait_for_next_ledger()
        await self._database.run(_record_summary, operation, None if view is None else view.block)


def _opens_at(farm: Farm) -> int:
    """Close time from which the block after the farm's current one can be opened."""
    return farm.block.timestamp + BLOCK_SECONDS


def _unfinished_operations() -> list[str]:
    """Operations with a planting in hand, or whose summary was not told."""
    in_hand = [planting.operation_id for planting in plantings.unfinished_plantings()]
    untold = [operation.id for operation in operations.list_operations((OperationStatus.PLANTING,))]
    return list(dict.fromkeys([*in_hand, *untold]))


def _jobs(operation_id: str) -> list[_Job]:
    operation = operations.get_operation(operation_id)
    in_hand = [
        planting
        for planting in plantings.plantings_of(operation_id)
        if planting.status is PlantingStatus.PLANTING
    ]
    farmers_by_id = farmers.farmers_by_ids([planting.farmer_id for planting in in_hand])
    return [_Job(planting, operation, farmers_by_id[planting.farmer_id]) for planting in in_hand]


def _record(job: _Job, result: _Planted | Verdict) -> None:
    """The outcome, its money and what the pooler is told of it, in one transaction."""
    session = sessions.lock_current_session(job.operation.pooler_id, StreamKind.PLANT)
    if plantings.get_planting(job.planting.id).status is not PlantingStatus.PLANTING:
        return
    if isinstance(result, Verdict):
        planting = plantings.record_failed(
            job.planting.id,
            reason=result.reason_name,
            fault=result.fault,
            retryable=result.retryable,
            message=result.message,
        )
        announcements.tell_plant_failed(session, job.operation, planting, result)
        return
    planting = plantings.record_planted(
        job.planting.id,
        block_index=result.block_index,
        stake_stroops=result.stake_stroops,
        plant_ledger=result.plant_ledger,
        transaction_id=result.transaction_id,
    )
    if result.transaction_hash is not None:
        ledger_book.book_planted(planting, result.transaction_hash, result.plant_ledger)
    else:
        ledger_book.book_planted_by_outsider(planting)
    announcements.tell_planted(
        session, job.operation, planting, job.farmer.public_key, result.transaction_hash or b""
    )


def _record_summary(operation: BlockOperation, block: Block | None) -> None:
    session = sessions.lock_current_session(operation.pooler_id, StreamKind.PLANT)
    rows = plantings.plantings_of(operation.id)
    if any(planting.status is PlantingStatus.PLANTING for planting in rows):
        return
    if block is not None:
        operations.set_block_facts(operation.id, block_timestamp=block.timestamp, entropy=block.entropy)
    operations.advance_operation(operation.id, OperationStatus.PLANTED)
    announcements.tell_plant_summary(session, operation, block)
