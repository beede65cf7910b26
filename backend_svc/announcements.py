"""What the poolers are told: records as durable responses of their streams.

Each function writes one response, inside Database.run, in the COMMIT of the
fact that it tells. The transaction holds the session's row already (see
`store.sessions.lock_current_session`), so responses are numbered in the order
of their commits.
"""

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from backend_svc.rules.verdicts import Verdict
from backend_svc.store import operations, sessions
from backend_svc.store.harvest_requests import HarvestCounts
from backend_svc.store.records import BlockOperation, Harvest, HarvestRequest, Planting, StreamSession, Work
from kale.farm import Block
from kalepool.v1 import backend_pb2, types_pb2
from kalepool.v1.errors_pb2 import Failure, Fault, FieldViolation


def tell_planted(
    session: StreamSession,
    operation: BlockOperation,
    planting: Planting,
    public_key: str,
    transaction_hash: bytes,
) -> None:
    """A farmer's plant is in a ledger."""
    outcome = backend_pb2.PlantOutcome(
        block_index=operation.block_index,
        farmer_id=planting.farmer_id,
        planted=backend_pb2.Planted(
            block_index=planting.block_index,
            public_key=public_key,
            stake_stroops=planting.stake_stroops or 0,
            plant_ledger=planting.plant_ledger or 0,
            transaction_hash=transaction_hash,
        ),
    )
    _tell(session, "outcome", backend_pb2.PlantResponse(outcome=outcome), planting)


def tell_plant_failed(
    session: StreamSession, operation: BlockOperation, planting: Planting, verdict: Verdict
) -> None:
    """A farmer is not planted, and will not be."""
    outcome = backend_pb2.PlantOutcome(
        block_index=operation.block_index, farmer_id=planting.farmer_id, failed=failure_message(verdict)
    )
    _tell(session, "outcome", backend_pb2.PlantResponse(outcome=outcome), planting)


def tell_plant_summary(session: StreamSession, operation: BlockOperation, block: Block | None) -> None:
    """Every farmer of a block has its outcome."""
    counts = operations.plant_counts(operation.id)
    summary = backend_pb2.PlantSummary(
        block_index=operation.block_index,
        requested=counts.requested,
        planted=counts.planted,
        failed=counts.failed,
        total_staked_stroops=counts.total_staked_stroops,
        block=None if block is None else block_message(operation.block_index, block),
    )
    _tell_summary(session, operation.id, backend_pb2.PlantResponse(summary=summary))


def tell_work(
    session: StreamSession,
    state: backend_pb2.WorkState.ValueType,
    work: Work,
    *,
    request_sequence: int = 0,
    transaction_hash: bytes = b"",
    verdict: Verdict | None = None,
) -> None:
    """A step of one work, as its row stands now."""
    receipt = backend_pb2.WorkReceipt(
        request_sequence=request_sequence,
        block_index=work.block_index,
        farmer_id=work.farmer_id,
        state=state,
        nonce=work.nonce or 0,
        zeros=(work.zeros or 0) if work.confirmed_zeros is None else work.confirmed_zeros,
        gap=work.gap or 0,
        transaction_hash=transaction_hash,
        ledger=work.work_ledger or 0,
        recovered=work.recovered,
        failure=None if verdict is None else failure_message(verdict),
        by_outsider=work.by_outsider,
    )
    _tell(session, "receipt", backend_pb2.WorkResponse(receipt=receipt), work)


def tell_work_refused(
    session: StreamSession,
    result: backend_pb2.WorkResult,
    request_sequence: int,
    verdict: Verdict,
) -> None:
    """A result was not taken: it leaves no trace but this receipt."""
    receipt = backend_pb2.WorkReceipt(
        request_sequence=request_sequence,
        block_index=result.block_index,
        farmer_id=result.farmer_id,
        state=backend_pb2.WORK_STATE_REFUSED,
        nonce=result.nonce,
        zeros=result.zeros,
        failure=failure_message(verdict),
    )
    sessions.append_response(
        session.id,
        kind="receipt",
        payload=backend_pb2.WorkResponse(receipt=receipt).SerializeToString(),
    )


def tell_work_summary(session: StreamSession, operation: BlockOperation) -> None:
    """Every planted farmer of a block has the end of its work."""
    counts = operations.work_counts(operation.id)
    summary = backend_pb2.WorkSummary(
        block_index=operation.block_index,
        recorded=counts.recorded,
        confirmed=counts.confirmed,
        recovered=counts.recovered,
        failed=counts.failed,
        ready_for_harvest=counts.confirmed > 0,
    )
    _tell_summary(session, operation.id, backend_pb2.WorkResponse(summary=summary))


def tell_harvested(session: StreamSession, harvest: Harvest, transaction_hash: bytes) -> None:
    """The reward is in the farmer's balance."""
    outcome = backend_pb2.HarvestOutcome(
        block_index=harvest.block_index,
        farmer_id=harvest.farmer_id,
        harvested=backend_pb2.Harvested(
            reward_stroops=harvest.reward_stroops or 0,
            stake_returned_stroops=harvest.stake_stroops,
            transaction_hash=transaction_hash,
            ledger=harvest.harvest_ledger or 0,
            by_outsider=harvest.by_outsider,
        ),
    )
    _tell(session, "outcome", backend_pb2.HarvestResponse(outcome=outcome), harvest)


def tell_harvest_failed(session: StreamSession, harvest: Harvest, verdict: Verdict) -> None:
    """The reward is not in the farmer's balance, by this attempt."""
    outcome = backend_pb2.HarvestOutcome(
        block_index=harvest.block_index, farmer_id=harvest.farmer_id, failed=failure_message(verdict)
    )
    _tell(session, "outcome", backend_pb2.HarvestResponse(outcome=outcome), harvest)


def tell_nothing_to_harvest(
    session: StreamSession, block_index: int, farmer_id: str, verdict: Verdict
) -> None:
    """A pail was asked for that can not be harvested, now or ever."""
    outcome = backend_pb2.HarvestOutcome(
        block_index=block_index, farmer_id=farmer_id, failed=failure_message(verdict)
    )
    sessions.append_response(
        session.id,
        kind="outcome",
        payload=backend_pb2.HarvestResponse(outcome=outcome).SerializeToString(),
    )


def tell_harvest_totals(session: StreamSession, request: HarvestRequest, counts: HarvestCounts) -> None:
    """Every pail of a request has its outcome."""
    totals = backend_pb2.HarvestTotals(
        request_sequence=request.request_sequence,
        harvested=counts.harvested,
        failed=counts.failed,
        reward_total_stroops=counts.total_reward_stroops,
        stake_returned_total_stroops=counts.total_stake_stroops,
    )
    response = backend_pb2.HarvestResponse(totals=totals)
    sessions.append_response(session.id, kind="totals", payload=response.SerializeToString())


def failure_message(verdict: Verdict) -> Failure:
    """A verdict as one element of a stream tells it."""
    return Failure(
        reason=verdict.reason,
        message=verdict.message,
        fault=Fault.Value(f"FAULT_{verdict.fault.name}"),
        retryable=verdict.retryable,
        field_violations=[
            FieldViolation(field=each.field, description=each.description)
            for each in verdict.field_violations
        ],
    )


def block_message(index: int, block: Block) -> types_pb2.Block:
    """A block in the words of the proto."""
    return types_pb2.Block(
        index=index,
        timestamp=Timestamp(seconds=block.timestamp),
        entropy=block.entropy,
        min_gap=block.min_gap,
        max_gap=block.max_gap,
        min_stake_stroops=block.min_stake,
        max_stake_stroops=block.max_stake,
        min_zeros=block.min_zeros,
        max_zeros=block.max_zeros,
        staked_total_stroops=block.staked_total,
        normalized_total=str(block.normalized_total),
    )


def _tell(session: StreamSession, kind: str, response: Message, about: Planting | Work | Harvest) -> None:
    sessions.append_response(
        session.id,
        kind=kind,
        payload=response.SerializeToString(),
        operation_id=about.operation_id,
        farmer_id=about.farmer_id,
    )


def _tell_summary(session: StreamSession, operation_id: str, response: Message) -> None:
    sessions.append_response(
        session.id, kind="summary", payload=response.SerializeToString(), operation_id=operation_id
    )
