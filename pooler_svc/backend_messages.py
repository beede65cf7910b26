"""Between the messages of the Plant, Work and Harvest streams and the Pooler's own words. Pure."""

import uuid
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from kalepool.v1 import backend_pb2, errors_pb2, types_pb2
from kalepool.v1.errors_pb2 import Reason
from pooler_svc.block_book import Solution
from pooler_svc.farmer_roster import AssignedFarmer
from pooler_svc.outcomes import (
    Failure,
    FarmerPlanted,
    HarvestOutcome,
    PlantFailed,
    PlantSummary,
    ReceiptState,
    WorkReceipt,
    WorkSummary,
)

_KEYS: Final = uuid.UUID("6b7c2a52-0b0e-5d0f-9c55-6a1c6f0e7f11")
_STATES: Final = {
    backend_pb2.WORK_STATE_RECORDED: ReceiptState.RECORDED,
    backend_pb2.WORK_STATE_SUBMITTED: ReceiptState.SUBMITTED,
    backend_pb2.WORK_STATE_CONFIRMED: ReceiptState.CONFIRMED,
    backend_pb2.WORK_STATE_REFUSED: ReceiptState.REFUSED,
    backend_pb2.WORK_STATE_FAILED: ReceiptState.FAILED,
}


def intent_key(content: Message, attempt: int = 1) -> str:
    """The idempotency key of an intent: the same content in the same attempt has the same key.

    So a Pooler that restarts and comes to the same decision asks for nothing twice, and other
    content never comes under a key that was used.
    """
    encoded = content.SerializeToString(deterministic=True)
    return str(uuid.uuid5(_KEYS, f"{content.DESCRIPTOR.full_name}/{attempt}/{encoded.hex()}"))


def plant_request(block_index: int, capacity: int, deadline: float, attempt: int) -> backend_pb2.PlantRequest:
    """Plant this block until `deadline` (chain time)."""
    content = backend_pb2.PlantBlock(
        block_index=block_index, capacity=capacity, deadline=Timestamp(seconds=int(deadline))
    )
    return backend_pb2.PlantRequest(idempotency_key=intent_key(content, attempt), plant_block=content)


def found_request(
    block_index: int, farmer_id: str, solution: Solution, *, submit: bool
) -> backend_pb2.WorkRequest:
    """A nonce, to be kept or to be submitted now."""
    work_time = Duration()
    work_time.FromNanoseconds(round(solution.seconds * 1e9))
    content = backend_pb2.WorkResult(
        block_index=block_index,
        farmer_id=farmer_id,
        status=backend_pb2.WORK_STATUS_FOUND,
        nonce=solution.nonce,
        hash=solution.hash,
        zeros=solution.zeros,
        attempts=1,
        work_time=work_time,
        hashes=solution.hashes,
        disposition=(
            backend_pb2.WORK_DISPOSITION_SUBMIT_NOW if submit else backend_pb2.WORK_DISPOSITION_CANDIDATE
        ),
    )
    return backend_pb2.WorkRequest(idempotency_key=intent_key(content), work_result=content)


def given_up_request(block_index: int, farmer_id: str, failure: Failure) -> backend_pb2.WorkRequest:
    """There will be no nonce for this farmer."""
    content = backend_pb2.WorkResult(
        block_index=block_index,
        farmer_id=farmer_id,
        status=backend_pb2.WORK_STATUS_FAILED,
        attempts=1,
        failure_reason=Reason.Value(failure.reason),
        failure_message=failure.text,
    )
    return backend_pb2.WorkRequest(idempotency_key=intent_key(content), work_result=content)


def block_finished_request(block_index: int) -> backend_pb2.WorkRequest:
    """No more results come for this block."""
    content = backend_pb2.BlockFinished(block_index=block_index)
    return backend_pb2.WorkRequest(idempotency_key=intent_key(content), block_finished=content)


def harvest_request(block_indexes: list[int]) -> backend_pb2.HarvestRequest:
    """Harvest these blocks, or all open ones. Asking again is meant: each request has a key of its own."""
    return backend_pb2.HarvestRequest(
        idempotency_key=str(uuid.uuid4()),
        harvest_blocks=backend_pb2.HarvestBlocks(block_indexes=block_indexes),
    )


def decode_failure(failure: errors_pb2.Failure) -> Failure:
    """A failure by the name of its reason; one that this version doesn't know is REASON_UNSPECIFIED."""
    known = failure.reason in Reason.values()
    name = Reason.Name(failure.reason if known else Reason.REASON_UNSPECIFIED)
    return Failure(name, failure.message, failure.retryable)


def decode_plant_outcome(outcome: backend_pb2.PlantOutcome) -> FarmerPlanted | PlantFailed:
    """A planted farmer belongs to the block that the plant got into, perhaps the one after that asked for."""
    if outcome.HasField("failed"):
        return PlantFailed(outcome.block_index, outcome.farmer_id, decode_failure(outcome.failed))
    planted = outcome.planted
    return FarmerPlanted(
        block_index=planted.block_index,
        farmer_id=outcome.farmer_id,
        address=planted.public_key,
        stake_stroops=planted.stake_stroops,
        plant_ledger=planted.plant_ledger,
    )


def decode_plant_summary(summary: backend_pb2.PlantSummary) -> PlantSummary:
    """The end of one plant request."""
    return PlantSummary(
        summary.block_index,
        summary.requested,
        summary.planted,
        summary.failed,
        summary.total_staked_stroops,
    )


def decode_receipt(receipt: backend_pb2.WorkReceipt) -> WorkReceipt | None:
    """A step of a work; None for a step that this version doesn't know."""
    state = _STATES.get(receipt.state)
    if state is None:
        return None
    return WorkReceipt(
        block_index=receipt.block_index,
        farmer_id=receipt.farmer_id,
        state=state,
        nonce=receipt.nonce,
        zeros=receipt.zeros,
        gap=receipt.gap,
        failure=decode_failure(receipt.failure) if receipt.HasField("failure") else None,
    )


def decode_work_summary(summary: backend_pb2.WorkSummary) -> WorkSummary:
    """The end of one block's work."""
    return WorkSummary(summary.block_index, summary.confirmed, summary.failed)


def decode_harvest_outcome(outcome: backend_pb2.HarvestOutcome) -> HarvestOutcome:
    """One pail: harvested (by us or by a stranger, the reward is the farmer's either way) or failed."""
    if outcome.HasField("failed"):
        failure = decode_failure(outcome.failed)
        return HarvestOutcome(outcome.block_index, outcome.farmer_id, failure=failure)
    return HarvestOutcome(
        outcome.block_index,
        outcome.farmer_id,
        reward_stroops=outcome.harvested.reward_stroops,
        stake_stroops=outcome.harvested.stake_returned_stroops,
    )


def decode_farmer(farmer: types_pb2.AssignedFarmer) -> AssignedFarmer:
    """An assigned farmer."""
    active = farmer.status == types_pb2.FARMER_STATUS_ACTIVE
    return AssignedFarmer(farmer.id, farmer.public_key, active)
