"""Harvesting: every worked pail of a closed block, once, and long before it expires.

A pooler's request only makes it sooner: the sweep takes whatever is due by
itself. Whoever harvests a pail claims its row, so that several Backends and
the sweep beside a request never do the same twice.
"""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from stellar_sdk import scval

from backend_svc import announcements, ledger_book
from backend_svc.background import BackgroundTasks
from backend_svc.contract_calls import ContractCalls
from backend_svc.farm_watch import FarmWatch
from backend_svc.rules.recovery import NextStep, after_harvest
from backend_svc.rules.verdicts import Verdict, verdict_of_failure
from backend_svc.store import farmers, harvest_requests, harvests, operations, plantings, sessions, works
from backend_svc.store.database import Database
from backend_svc.store.records import (
    BlockOperation,
    Harvest,
    HarvestStatus,
    OperationStatus,
    Planting,
    StreamKind,
    StreamSession,
    Work,
)
from backend_svc.transactions import TransactionOutcome
from backend_svc.turns import AccountTurns, Urgency
from kale.rewards import BlockInvalidError, harvest_reward
from kalepool.v1.errors_pb2 import Reason
from poolkit.chain_clock import ChainClock
from poolkit.errors import RpcUnavailable
from poolkit.farm_reader import BlockView, PailView
from poolkit.logs import get_logger

log = get_logger(__name__)

_MOST_ATTEMPTS = 3
_CLAIMED_AT_ONCE = 500
# However fast the chain runs, a claim must outlast a busy machine.
_SHORTEST_CLAIM_WALL_SECONDS = 10.0
_NO_LEDGER_TOOK_IT = Verdict(Reason.REASON_TRANSACTION_EXPIRED, "no ledger took the harvest")


class HarvestChain(Protocol):
    """What harvesting reads from the chain; FarmReader is one. Each raises RpcUnavailable."""

    async def find_pail(self, farmer: str, index: int) -> PailView | None: ...

    async def find_block(self, index: int) -> BlockView | None: ...


@dataclass(frozen=True)
class _Job:
    """One pail to be harvested."""

    harvest: Harvest
    planting: Planting
    work: Work
    operation: BlockOperation
    public_key: str


@dataclass(frozen=True)
class _Harvested:
    """The reward is minted. Ledger and hash are unknown where a stranger did it."""

    reward_stroops: int
    harvest_ledger: int | None = None
    transaction_id: str | None = None
    transaction_hash: bytes = b""
    by_outsider: bool = False


@dataclass(frozen=True)
class _Again:
    """Worth another attempt in the next ledger; the verdict, if there will be none for now."""

    verdict: Verdict


@dataclass(frozen=True)
class _Lost:
    """The pail is gone and nothing came of it."""

    verdict: Verdict


class Harvester:
    """Harvests pails. `batch_size`: most under way at a time; durations in chain seconds."""

    def __init__(
        self,
        *,
        database: Database,
        calls: ContractCalls,
        farm: FarmWatch,
        chain: HarvestChain,
        clock: ChainClock,
        turns: AccountTurns,
        tasks: BackgroundTasks,
        batch_size: int,
        timeout_seconds: int,
        sweep_seconds: int,
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
        self._sweep_seconds = sweep_seconds

    async def current_index(self) -> int:
        """Blocks before this one can be harvested. Raises RpcUnavailable."""
        return (await self._farm.farm()).farm.index

    def claim_wall_seconds(self) -> float:
        """How long a claim holds."""
        return max(self._clock.wall_seconds(self._timeout_seconds), _SHORTEST_CLAIM_WALL_SECONDS)

    def take_request(
        self,
        session: StreamSession,
        request_sequence: int,
        *,
        block_indexes: tuple[int, ...],
        farmer_ids: tuple[str, ...],
        current_index: int,
        claim_wall_seconds: float,
    ) -> list[Harvest]:
        """Inside Database.run: write down what a pooler asks for, and claim what is due. Empty means all.

        What was harvested before is told again; what can not be, now or ever,
        is told with its reason.
        """
        pooler_id = session.pooler_id
        asked = harvests.find_asked(pooler_id, block_indexes, farmer_ids)
        claimed = harvests.claim_due_harvests(
            current_index=current_index,
            limit=_CLAIMED_AT_ONCE,
            claim_wall_seconds=claim_wall_seconds,
            block_indexes=block_indexes,
            farmer_ids=farmer_ids,
            pooler_id=pooler_id,
        )
        possible = [harvest for harvest in asked if harvest.block_index < current_index]
        refused = _refusals(pooler_id, block_indexes, farmer_ids, possible, current_index)
        for index, farmer_id, verdict in refused:
            announcements.tell_nothing_to_harvest(session, index, farmer_id, verdict)
        for harvest in possible:
            if harvest.status is HarvestStatus.HARVESTED and block_indexes:
                announcements.tell_harvested(session, harvest, harvests.transaction_hash_of(harvest) or b"")
        wanted = [harvest.id for harvest in possible if block_indexes or harvest.status is HarvestStatus.OPEN]
        harvest_requests.add_request(session.id, request_sequence, pooler_id, wanted, refused=len(refused))
        _tell_totals(session)
        return claimed

    def start(self, harvest: Harvest) -> None:
        """Harvest a claimed pail, in the background."""
        self._tasks.start(("harvest", harvest.id), lambda: self._harvest(harvest.id))

    async def resume(self) -> None:
        """Go on with what an earlier life sent; the sweep takes the others once their claims end."""
        for harvest in await self._database.run(harvests.harvests_under_way):
            self.start(harvest)

    async def sweep_forever(self) -> None:
        """Take whatever is due, whoever asked or not."""
        await self._clock.wait_for_ledger(0)
        while True:
            try:
                await self.sweep()
            except RpcUnavailable:
                log.info("the farm can not be read; the sweep waits")
            await self._clock.sleep(self._sweep_seconds)

    async def sweep(self) -> None:
        """Claim and harvest every open pail of closed blocks. Raises RpcUnavailable."""
        index = await self.current_index()
        claimed = await self._database.run(
            harvests.claim_due_harvests,
            current_index=index,
            limit=_CLAIMED_AT_ONCE,
            claim_wall_seconds=self.claim_wall_seconds(),
        )
        for harvest in claimed:
            self.start(harvest)

    async def _harvest(self, harvest_id: str) -> None:
        job = await self._database.run(_job, harvest_id)
        if job.harvest.status is not HarvestStatus.OPEN:
            return
        # The account is asked for last: a harvest that waits for its place must not hold up a plant.
        async with self._under_way, self._turns.turn(job.public_key, Urgency.HARVEST):
            result = await self._bring_about(job)
            await self._database.run(_record, job, result)

    async def _bring_about(self, job: _Job) -> "_Harvested | _Lost | Verdict":
        result: _Harvested | _Lost | Verdict | _Again = _Again(_NO_LEDGER_TOOK_IT)
        for attempt in range(_MOST_ATTEMPTS):
            if attempt:
                await self._clock.wait_for_next_ledger()
            result = await self._attempt(job)
            if not isinstance(result, _Again):
                return result
        return result.verdict if isinstance(result, _Again) else result

    async def _attempt(self, job: _Job) -> "_Harvested | _Lost | Verdict | _Again":
        harvest = job.harvest
        outcome = await self._calls.harvest(
            harvest.id, harvest.farmer_id, job.public_key, harvest.block_index
        )
        if outcome is None:
            return _Again(Verdict(Reason.REASON_RPC_UNAVAILABLE, "no Stellar RPC endpoint answers"))
        if isinstance(outcome, Verdict):
            return outcome
        if outcome.confirmed and outcome.return_value is not None:
            return _Harvested(
                reward_stroops=scval.from_int128(outcome.return_value),
                harvest_ledger=outcome.ledger,
                transaction_id=outcome.transaction_id,
                transaction_hash=outcome.hash or b"",
            )
        return await self._judge(job, outcome)

    async def _judge(self, job: _Job, outcome: TransactionOutcome) -> "_Harvested | _Lost | Verdict | _Again":
        asset = self._calls.network.asset_contract_id
        verdict = _NO_LEDGER_TOOK_IT
        if outcome.failure is not None:
            verdict = verdict_of_failure(outcome.failure, asset_contract_id=asset)
        match after_harvest(outcome.failure, asset_contract_id=asset):
            case NextStep.LOOK:
                return await self._look(job, verdict)
            case NextStep.TRY_AGAIN:
                return _Again(verdict)
            case NextStep.GIVE_UP if verdict.reason == Reason.REASON_FARM_WORK_MISSING:
                return _Lost(verdict)
            case _:
                return verdict

    async def _look(self, job: _Job, verdict: Verdict) -> "_Harvested | _Lost | _Again":
        """The contract finds no pail or no block. Pails outlive their block, so while that stands the
        pail was harvested, by a stranger, and what for is arithmetic. Afterwards it is lost.
        """
        index = job.harvest.block_index
        try:
            pail = await self._chain.find_pail(job.public_key, index)
            block = await self._chain.find_block(index)
        except RpcUnavailable:
            return _Again(verdict)
        if pail is not None and block is not None:
            return _Again(verdict)
        if block is None:
            return _Lost(verdict)
        try:
            reward = harvest_reward(
                index,
                block.block,
                gap=job.work.gap or 0,
                stake=job.harvest.stake_stroops,
                zeros=job.work.confirmed_zeros or 0,
            )
        except BlockInvalidError:
            return _Lost(verdict)
        return _Harvested(reward, by_outsider=True)


def _refusals(
    pooler_id: str,
    block_indexes: tuple[int, ...],
    farmer_ids: tuple[str, ...],
    possible: list[Harvest],
    current_index: int,
) -> list[tuple[int, str, Verdict]]:
    """What was named and can not be harvested: for each pail why."""
    found = {(harvest.block_index, harvest.farmer_id) for harvest in possible}
    refused: list[tuple[int, str, Verdict]] = []
    for index in block_indexes:
        named = farmer_ids or plantings.planted_farmers(pooler_id, index)
        for farmer_id in named:
            if (index, farmer_id) not in found:
                refused.append((index, farmer_id, _why_not(index, farmer_id, current_index)))
    return refused


def _why_not(index: int, farmer_id: str, current_index: int) -> Verdict:
    if index >= current_index:
        text = f"block_index must be below {current_index}, the current block (got {index})"
        return Verdict(Reason.REASON_FARM_HARVEST_NOT_READY, text)
    planting = plantings.find_planting(farmer_id, index)
    if planting is None or planting.plant_ledger is None:
        return Verdict(Reason.REASON_NOT_PLANTED, f"farmer {farmer_id} is not planted in block {index}")
    return Verdict(Reason.REASON_FARM_WORK_MISSING, f"farmer {farmer_id} has no work in block {index}")


def _job(harvest_id: str) -> _Job:
    harvest = harvests.get_harvest(harvest_id)
    farmer = farmers.find_farmer(harvest.farmer_id)
    work = works.find_work(harvest.farmer_id, harvest.block_index)
    assert farmer is not None
    assert work is not None
    return _Job(
        harvest=harvest,
        planting=plantings.get_planting(harvest.planting_id),
        work=work,
        operation=operations.get_operation(harvest.operation_id),
        public_key=farmer.public_key,
    )


def _record(job: _Job, result: _Harvested | _Lost | Verdict) -> None:
    """The outcome, its money and what the pooler is told of it, in one transaction."""
    session = sessions.lock_current_session(job.operation.pooler_id, StreamKind.HARVEST)
    before = harvests.get_harvest(job.harvest.id)
    if before.status is not HarvestStatus.OPEN:
        return
    match result:
        case _Harvested():
            harvest = _record_reward(before, result)
            announcements.tell_harvested(session, harvest, result.transaction_hash)
        case _Lost(verdict):
            harvest = harvests.record_harvest_lost(
                before.id, reason=verdict.reason_name, fault=verdict.fault, message=verdict.message
            )
            ledger_book.book_forfeited(job.planting)
            announcements.tell_harvest_failed(session, harvest, verdict)
        case Verdict():
            harvests.release_harvest(
                before.id, reason=result.reason_name, fault=result.fault, message=result.message
            )
            # The sweep tries it again and again; the pooler hears of a reason once, or when it asks.
            if before.reason != result.reason_name or harvest_requests.is_asked_for(before.id):
                announcements.tell_harvest_failed(session, before, result)
    _finish_operation(job.operation.id)
    _tell_totals(session)


def _record_reward(before: Harvest, result: _Harvested) -> Harvest:
    harvest = harvests.record_harvested(
        before.id,
        reward_stroops=result.reward_stroops,
        harvest_ledger=result.harvest_ledger,
        transaction_id=result.transaction_id,
        by_outsider=result.by_outsider,
    )
    if result.by_outsider or result.harvest_ledger is None:
        ledger_book.book_harvested_by_outsider(harvest)
    else:
        ledger_book.book_harvested(harvest, result.transaction_hash, result.harvest_ledger)
    return harvest


def _finish_operation(operation_id: str) -> None:
    """The block is over once all its works are settled and none of its pails is open."""
    operation = operations.get_operation(operation_id)
    rows = harvests.harvests_of(operation_id)
    if operation.status is OperationStatus.WORKED and all(
        row.status is not HarvestStatus.OPEN for row in rows
    ):
        operations.advance_operation(operation_id, OperationStatus.HARVESTED)


def _tell_totals(session: StreamSession) -> None:
    """The totals of every request of which each pail has its outcome now."""
    for request in harvest_requests.untold_requests(session.pooler_id):
        if harvest_requests.is_settled(request) and harvest_requests.mark_told(request):
            announcements.tell_harvest_totals(session, request, harvest_requests.request_counts(request))
