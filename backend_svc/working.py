"""Working: the best nonce of each planted farmer, checked, stored, and submitted while its block lasts.

A pooler sends candidates and, at its moment, "submit now". What happens when
it falls silent, or the block closes, is in `closing`.
"""

from dataclasses import dataclass
from typing import Protocol

from stellar_sdk import scval

import miner_ext
from backend_svc import announcements
from backend_svc.background import BackgroundTasks
from backend_svc.contract_calls import ContractCalls
from backend_svc.farm_watch import FarmWatch
from backend_svc.rules.recovery import NextStep, after_work
from backend_svc.rules.verdicts import Verdict, verdict_of_failure
from backend_svc.store import farmers, harvests, operations, plantings, sessions, works
from backend_svc.store.database import Database
from backend_svc.store.records import (
    BlockOperation,
    OperationStatus,
    Planting,
    PlantingStatus,
    Purpose,
    StoredTransaction,
    StreamKind,
    StreamSession,
    Work,
    WorkStatus,
)
from backend_svc.transactions import TransactionOutcome
from backend_svc.turns import AccountTurns, Urgency
from kale.puzzle import farmer_key
from kalepool.v1 import backend_pb2
from kalepool.v1.errors_pb2 import Reason
from poolkit.chain_clock import ChainClock
from poolkit.errors import RpcUnavailable
from poolkit.farm_reader import BlockView, PailView

OPEN_WORK = (WorkStatus.RECORDED, WorkStatus.SUBMITTING)
_NO_LEDGER_TOOK_IT = Verdict(Reason.REASON_TRANSACTION_EXPIRED, "no ledger took the work")


class PailReader(Protocol):
    """Where pails and their blocks are read; FarmReader is one. Each raises RpcUnavailable."""

    async def pails(self, wanted: list[tuple[str, int]]) -> dict[tuple[str, int], PailView]: ...

    async def find_block(self, index: int) -> BlockView | None: ...


@dataclass(frozen=True)
class FoundNonce:
    """What a pooler reports for a farmer."""

    block_index: int
    farmer_id: str
    nonce: int
    hash: bytes
    zeros: int
    attempts: int
    hashes: int
    work_seconds: float
    submit_now: bool


@dataclass(frozen=True)
class _Job:
    """One work to be submitted; `request_sequence` 0: by our own decision."""

    work: Work
    planting: Planting
    operation: BlockOperation
    public_key: str
    request_sequence: int


@dataclass(frozen=True)
class _Worked:
    """The pail holds this gap and these zeros."""

    gap: int
    zeros: int
    work_ledger: int | None = None
    transaction_id: str | None = None
    transaction_hash: bytes = b""
    by_outsider: bool = False


@dataclass(frozen=True)
class _Again:
    """Worth another attempt in the next ledger; the verdict, if there will be none."""

    verdict: Verdict


class Worker:
    """Takes nonces and submits them. `most_attempts`: how often, while the block lasts."""

    def __init__(
        self,
        *,
        database: Database,
        calls: ContractCalls,
        farm: FarmWatch,
        pails: PailReader,
        clock: ChainClock,
        turns: AccountTurns,
        tasks: BackgroundTasks,
        most_attempts: int,
    ) -> None:
        self._database = database
        self._calls = calls
        self._farm = farm
        self._pails = pails
        self._clock = clock
        self._turns = turns
        self._tasks = tasks
        self._most_attempts = most_attempts
        # The farmers' addresses never change: kept so that a check needs no query.
        self._addresses: dict[str, str] = {}

    async def check(self, found: FoundNonce) -> Verdict | None:
        """Whether the nonce is what it is said to be, for the current block. Raises RpcUnavailable."""
        current_index = (await self._farm.farm()).farm.index
        if found.block_index != current_index:
            return closed_or_unknown(found.block_index, current_index)
        address = await self._find_address(found.farmer_id)
        if address is None:
            return _no_such_farmer(found.farmer_id)
        entropy = await self._farm.entropy(found.block_index)
        solution = miner_ext.verify(found.block_index, entropy, farmer_key(address), found.nonce)
        if solution.hash != found.hash:
            text = f"must be {solution.hash.hex()} for nonce {found.nonce} (got {found.hash.hex()})"
            return Verdict.on_field(Reason.REASON_HASH_MISMATCH, "work_result.hash", text)
        if solution.zeros != found.zeros:
            text = f"must be {solution.zeros} for this hash (got {found.zeros})"
            return Verdict.on_field(Reason.REASON_HASH_MISMATCH, "work_result.zeros", text)
        return None

    def record(self, session: StreamSession, found: FoundNonce, request_sequence: int) -> Work | Verdict:
        """Inside Database.run: keep a checked nonce if it is the best; take it in hand if asked to."""
        planting = find_planted(session.pooler_id, found.farmer_id, found.block_index)
        if isinstance(planting, Verdict):
            return planting
        work = works.record_nonce(
            planting,
            nonce=found.nonce,
            hash=found.hash,
            zeros=found.zeros,
            attempts=found.attempts,
            hashes=found.hashes,
            work_seconds=found.work_seconds,
        )
        if work.status is WorkStatus.CONFIRMED:
            announcements.tell_work(
                session, backend_pb2.WORK_STATE_CONFIRMED, work, request_sequence=request_sequence
            )
            return work
        announcements.tell_work(
            session, backend_pb2.WORK_STATE_RECORDED, work, request_sequence=request_sequence
        )
        return (works.begin_submission(work.id) or work) if found.submit_now else work

    def record_none_found(
        self,
        session: StreamSession,
        block_index: int,
        farmer_id: str,
        verdict: Verdict,
        request_sequence: int,
    ) -> Work | Verdict:
        """Inside Database.run: the pooler gave up. A candidate it sent before is submitted all the same."""
        planting = find_planted(session.pooler_id, farmer_id, block_index)
        if isinstance(planting, Verdict):
            return planting
        work = works.record_not_found(
            planting, reason=verdict.reason_name, fault=verdict.fault, message=verdict.message
        )
        if work.status is WorkStatus.FAILED:
            announcements.tell_work(
                session,
                backend_pb2.WORK_STATE_FAILED,
                work,
                request_sequence=request_sequence,
                verdict=verdict,
            )
        return works.begin_submission(work.id) or work

    def start(self, work: Work, request_sequence: int = 0) -> None:
        """Submit a work that is in hand, in the background."""
        if work.status is WorkStatus.SUBMITTING:
            self._tasks.start(("work", work.id), lambda: self._submit(work.id, request_sequence))

    async def resume(self) -> None:
        """Go on with every work in hand that nobody submits here."""
        for work in await self._database.run(works.unfinished_works):
            self.start(work)

    async def _submit(self, work_id: str, request_sequence: int) -> None:
        job = await self._database.run(_job, work_id, request_sequence)
        # Nodes simulate at their latest ledger: in that of the plant the gap would be 0, and refused.
        await self._clock.wait_for_ledger((job.planting.plant_ledger or 0) + 1)
        async with self._turns.turn(job.public_key, Urgency.WORK):
            result, attempts = await self._bring_about(job)
            await self._database.run(_record, job, result, recovered=attempts > 1)

    async def _bring_about(self, job: _Job) -> tuple[_Worked | Verdict, int]:
        """The outcome, and how many attempts it took."""
        result: _Worked | Verdict | _Again = _Again(_NO_LEDGER_TOOK_IT)
        for attempt in range(1, self._most_attempts + 1):
            if attempt > 1:
                await self._clock.wait_for_next_ledger()
            result = await self._attempt(job)
            if not isinstance(result, _Again):
                return result, attempt
        return (result.verdict if isinstance(result, _Again) else result), self._most_attempts

    async def _attempt(self, job: _Job) -> _Worked | Verdict | _Again:
        # The best nonce may have improved since.
        work = await self._database.run(works.get_work, job.work.id)
        if work.hash is None or work.nonce is None or work.zeros is None:
            return Verdict(Reason.REASON_WORK_TIMEOUT, "there is no nonce to submit")
        sent_before = await self._calls.is_under_way(Purpose.WORK, work.id)
        if not sent_before:
            over = await self._block_over(job)
            if over is not None:
                return over
        outcome = await self._calls.work(
            work.id,
            work.farmer_id,
            job.public_key,
            hash=work.hash,
            nonce=work.nonce,
            on_sent=lambda sent: _tell_sent(job, sent),
        )
        # An earlier life may have sent an earlier nonce: then only the pail knows how many zeros it had.
        pail = await self._look(job) if sent_before else None
        return await self._judge(job, pail.zeros if isinstance(pail, _Worked) else work.zeros, outcome)

    async def _block_over(self, job: _Job) -> _Worked | Verdict | None:
        """What stands if the block is closed: nothing can be worked in it any more."""
        index = job.planting.block_index
        current = await self._current_index()
        if current <= index:
            return None
        late = Verdict(Reason.REASON_WORK_LATE, f"block {index} is closed, {current} is the current one")
        return await self._look(job) or late

    async def _current_index(self) -> int:
        """The farm's index; asks until a node answers."""
        while True:
            try:
                return (await self._farm.farm()).farm.index
            except RpcUnavailable:
                await self._clock.wait_for_next_ledger()

    async def _judge(
        self, job: _Job, zeros: int, outcome: TransactionOutcome | Verdict | None
    ) -> _Worked | Verdict | _Again:
        if outcome is None:
            return _Again(Verdict(Reason.REASON_RPC_UNAVAILABLE, "no Stellar RPC endpoint answers"))
        if isinstance(outcome, Verdict):
            return outcome
        if outcome.confirmed and outcome.return_value is not None:
            return _Worked(
                gap=scval.from_uint32(outcome.return_value),
                zeros=zeros,
                work_ledger=outcome.ledger,
                transaction_id=outcome.transaction_id,
                transaction_hash=outcome.hash or b"",
            )
        asset = self._calls.network.asset_contract_id
        verdict = _NO_LEDGER_TOOK_IT
        if outcome.failure is not None:
            verdict = verdict_of_failure(outcome.failure, asset_contract_id=asset)
        step = after_work(outcome.failure, asset_contract_id=asset)
        if step is NextStep.LOOK:
            # Neither done nor over: a node that is behind, or ahead of what we know, has refused it.
            return await self._look(job) or await self._block_over(job) or _Again(verdict)
        return _Again(verdict) if step is NextStep.TRY_AGAIN else verdict

    async def _look(self, job: _Job) -> _Worked | Verdict | None:
        """What the pail says: worked, then by somebody else, for ours has no confirmed transaction.

        A pail that is gone while its block stands was worked and harvested by somebody else.
        """
        index = job.planting.block_index
        wanted = (job.public_key, index)
        while True:
            try:
                view = (await self._pails.pails([wanted])).get(wanted)
                stands = view is not None or await self._pails.find_block(index) is not None
                break
            except RpcUnavailable:
                await self._clock.wait_for_next_ledger()
        if view is None:
            return harvested_by_others(index) if stands else None
        if view.pail.gap is None or view.pail.zeros is None:
            return None
        return _Worked(gap=view.pail.gap, zeros=view.pail.zeros, by_outsider=True)

    async def _find_address(self, farmer_id: str) -> str | None:
        if farmer_id not in self._addresses:
            farmer = await self._database.run(farmers.find_farmer, farmer_id)
            if farmer is None:
                return None
            self._addresses[farmer_id] = farmer.public_key
        return self._addresses[farmer_id]


def closed_or_unknown(block_index: int, current_index: int) -> Verdict:
    """Why a work for this block can not be taken while another is the current one."""
    text = f"must be {current_index}, the current block (got {block_index})"
    late = block_index < current_index
    reason = Reason.REASON_WORK_LATE if late else Reason.REASON_BLOCK_NOT_CURRENT
    return Verdict.on_field(reason, "work_result.block_index", text)


def harvested_by_others(block_index: int) -> Verdict:
    """Pails outlive their block, and only a worked one can be harvested: so its reward is there."""
    text = f"somebody else worked and harvested the pail of block {block_index}"
    return Verdict(Reason.REASON_HARVESTED_BY_OTHERS, text)


def find_planted(pooler_id: str, farmer_id: str, block_index: int) -> Planting | Verdict:
    """Inside Database.run: the planted pail of a farmer of this pooler."""
    planting = plantings.find_planting(farmer_id, block_index)
    if planting is None or planting.status is not PlantingStatus.PLANTED:
        text = f"must be of a farmer planted in block {block_index} (got {farmer_id})"
        return Verdict.on_field(Reason.REASON_NOT_PLANTED, "work_result.farmer_id", text)
    if operations.get_operation(planting.operation_id).pooler_id != pooler_id:
        return _no_such_farmer(farmer_id)
    return planting


def _no_such_farmer(farmer_id: str) -> Verdict:
    """The same answer whether it does not exist or is another pooler's."""
    text = f"must be of a farmer of this pooler (got {farmer_id})"
    return Verdict.on_field(Reason.REASON_NOT_FOUND, "work_result.farmer_id", text)


def settle_works(session: StreamSession, operation: BlockOperation) -> None:
    """Inside Database.run: tell the summary once every planted farmer's work is confirmed.

    A failure is not the last word before the block is closed: see `closing`.
    """
    if operation.status is not OperationStatus.PLANTED or works.has_unconfirmed(operation.id):
        return
    if operations.advance_operation(operation.id, OperationStatus.WORKED):
        announcements.tell_work_summary(session, operation)


def _job(work_id: str, request_sequence: int) -> _Job:
    work = works.get_work(work_id)
    farmer = farmers.find_farmer(work.farmer_id)
    assert farmer is not None
    return _Job(
        work=work,
        planting=plantings.get_planting(work.planting_id),
        operation=operations.get_operation(work.operation_id),
        public_key=farmer.public_key,
        request_sequence=request_sequence,
    )


def _tell_sent(job: _Job, sent: StoredTransaction) -> None:
    """Inside Database.run: the receipt of a work that is on its way."""
    session = sessions.lock_current_session(job.operation.pooler_id, StreamKind.WORK)
    announcements.tell_work(
        session,
        backend_pb2.WORK_STATE_SUBMITTED,
        works.get_work(job.work.id),
        request_sequence=job.request_sequence,
        transaction_hash=sent.hash,
    )


def _record(job: _Job, result: _Worked | Verdict, *, recovered: bool) -> None:
    """The outcome, what is now to be harvested, and what the pooler is told, in one transaction."""
    session = sessions.lock_current_session(job.operation.pooler_id, StreamKind.WORK)
    if works.get_work(job.work.id).status not in OPEN_WORK:
        return
    if isinstance(result, Verdict):
        work = works.record_work_failed(
            job.work.id, reason=result.reason_name, fault=result.fault, message=result.message
        )
        announcements.tell_work(
            session,
            backend_pb2.WORK_STATE_FAILED,
            work,
            request_sequence=job.request_sequence,
            verdict=result,
        )
    else:
        work = works.record_confirmed(
            job.work.id,
            gap=result.gap,
            zeros=result.zeros,
            work_ledger=result.work_ledger,
            transaction_id=result.transaction_id,
            recovered=recovered,
            by_outsider=result.by_outsider,
        )
        harvests.open_harvest(job.planting)
        announcements.tell_work(
            session,
            backend_pb2.WORK_STATE_CONFIRMED,
            work,
            request_sequence=job.request_sequence,
            transaction_hash=result.transaction_hash,
        )
    settle_works(session, operations.get_operation(job.operation.id))
