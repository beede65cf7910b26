from kalepool.v1 import backend_pb2, errors_pb2
from kalepool.v1.errors_pb2 import Reason
from pooler_svc import backend_messages as messages
from pooler_svc.block_book import Solution
from pooler_svc.outcomes import Failure, FarmerPlanted, HarvestOutcome, PlantFailed, ReceiptState

SOLUTION = Solution(nonce=2**63, zeros=5, hash=bytes(32), hashes=10**12, seconds=1.25)


def test_the_same_intent_has_the_same_key_and_any_other_another() -> None:
    first = messages.plant_request(7, 50, 1000.9, attempt=1)
    keys = {
        each.idempotency_key
        for each in (
            first,
            messages.plant_request(7, 50, 1000.2, attempt=1),
            messages.plant_request(7, 50, 1000.0, attempt=2),
            messages.plant_request(8, 50, 1000.0, attempt=1),
            messages.plant_request(7, 50, 1001.0, attempt=1),
        )
    }
    assert len(keys) == 4
    assert first.plant_block.deadline.seconds == 1000


def test_asking_for_a_harvest_again_is_a_new_intent() -> None:
    one, other = messages.harvest_request([7]), messages.harvest_request([7])
    assert one.idempotency_key != other.idempotency_key


def test_a_nonce_goes_up_with_what_it_took() -> None:
    candidate = messages.found_request(7, "f1", SOLUTION, submit=False)
    submitted = messages.found_request(7, "f1", SOLUTION, submit=True)
    assert candidate.work_result.disposition == backend_pb2.WORK_DISPOSITION_CANDIDATE
    assert submitted.work_result.disposition == backend_pb2.WORK_DISPOSITION_SUBMIT_NOW
    assert candidate.idempotency_key != submitted.idempotency_key
    result = submitted.work_result
    assert (result.nonce, result.zeros, result.hashes) == (2**63, 5, 10**12)
    assert (result.work_time.seconds, result.work_time.nanos) == (1, 250_000_000)


def test_giving_up_names_its_reason() -> None:
    result = messages.given_up_request(7, "f1", Failure("REASON_WORK_TIMEOUT", "no nonce")).work_result
    assert result.status == backend_pb2.WORK_STATUS_FAILED
    assert (result.failure_reason, result.failure_message) == (Reason.REASON_WORK_TIMEOUT, "no nonce")


def test_a_plant_counts_for_the_block_that_it_got_into() -> None:
    planted = backend_pb2.Planted(block_index=8, public_key="G…", stake_stroops=3, plant_ledger=90)
    outcome = backend_pb2.PlantOutcome(block_index=7, farmer_id="f1", planted=planted)
    assert messages.decode_plant_outcome(outcome) == FarmerPlanted(8, "f1", "G…", 3, 90)


def test_failures_keep_reason_text_and_whether_a_retry_helps() -> None:
    failure = errors_pb2.Failure(reason=Reason.REASON_CONGESTION, message="full", retryable=True)
    plant = backend_pb2.PlantOutcome(block_index=7, farmer_id="f1", failed=failure)
    expected = Failure("REASON_CONGESTION", "full", retryable=True)
    assert messages.decode_plant_outcome(plant) == PlantFailed(7, "f1", expected)
    harvest = backend_pb2.HarvestOutcome(block_index=7, farmer_id="f1", failed=failure)
    assert messages.decode_harvest_outcome(harvest) == HarvestOutcome(7, "f1", failure=expected)


def test_a_reason_or_step_of_a_later_version_does_not_stop_us() -> None:
    later = errors_pb2.Failure()
    later.MergeFromString(bytes([0x08, 0xE7, 0x07]))
    assert messages.decode_failure(later).reason == "REASON_UNSPECIFIED"
    receipt = backend_pb2.WorkReceipt()
    receipt.MergeFromString(bytes([0x20, 0x63]))
    assert messages.decode_receipt(receipt) is None


def test_a_receipt_tells_its_step() -> None:
    receipt = backend_pb2.WorkReceipt(
        block_index=7, farmer_id="f1", state=backend_pb2.WORK_STATE_CONFIRMED, nonce=5, zeros=2, gap=40
    )
    decoded = messages.decode_receipt(receipt)
    assert decoded is not None
    assert (decoded.state, decoded.gap, decoded.failure) == (ReceiptState.CONFIRMED, 40, None)
