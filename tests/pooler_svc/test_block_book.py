from pooler_svc.block_book import BlockBook, BlockCounts, HarvestState, WorkState
from pooler_svc.outcomes import (
    Failure,
    FarmerPlanted,
    HarvestOutcome,
    PlantFailed,
    PlantSummary,
    ReceiptState,
    WorkReceipt,
)
from pooler_svc.rules.planting import PlantProgress

PLANTED = FarmerPlanted(7, "f1", "G…", stake_stroops=10, plant_ledger=100)
CONFIRMED = WorkReceipt(7, "f1", ReceiptState.CONFIRMED, nonce=5, zeros=2, gap=50)
FAILED = WorkReceipt(7, "f1", ReceiptState.FAILED, failure=Failure("REASON_WORK_LATE", "too late"))


def planted_book() -> BlockBook:
    book = BlockBook()
    book.note_planted(PLANTED)
    return book


def work_of(book: BlockBook) -> WorkState:
    farmer = book.find_farmer(7, "f1")
    assert farmer is not None
    return farmer.work


def test_a_replayed_outcome_does_not_set_a_farmer_back() -> None:
    book = planted_book()
    book.note_receipt(CONFIRMED)
    book.note_planted(PLANTED)
    assert work_of(book) is WorkState.CONFIRMED


def test_a_receipt_that_overtakes_its_plant_on_the_other_stream_is_kept() -> None:
    book = BlockBook()
    book.note_receipt(WorkReceipt(7, "f1", ReceiptState.RECORDED, nonce=5, zeros=2))
    book.note_receipt(CONFIRMED)
    book.note_planted(PLANTED)
    farmer = book.find_farmer(7, "f1")
    assert farmer is not None
    assert (farmer.work, farmer.gap, farmer.zeros, farmer.recorded_nonce) == (WorkState.CONFIRMED, 50, 2, 5)


def test_a_confirmation_overrides_an_earlier_failure_and_never_the_reverse() -> None:
    book = planted_book()
    book.note_receipt(FAILED)
    assert work_of(book) is WorkState.FAILED
    book.note_receipt(CONFIRMED)
    book.note_receipt(FAILED)
    assert work_of(book) is WorkState.CONFIRMED


def test_only_the_best_recorded_nonce_is_remembered() -> None:
    book = planted_book()
    for nonce, zeros in ((1, 0), (9, 3), (2, 1)):
        book.note_receipt(WorkReceipt(7, "f1", ReceiptState.RECORDED, nonce=nonce, zeros=zeros))
    farmer = book.find_farmer(7, "f1")
    assert farmer is not None
    assert (farmer.recorded_nonce, farmer.recorded_zeros) == (9, 3)


def test_a_refused_candidate_costs_nothing_a_refused_submission_is_final() -> None:
    refusal = WorkReceipt(7, "f1", ReceiptState.REFUSED, failure=Failure("REASON_HASH_MISMATCH", "no"))
    book = planted_book()
    book.note_receipt(refusal)
    assert work_of(book) is WorkState.HASHING
    book.block(7).farmers["f1"].work = WorkState.SUBMITTING
    book.note_receipt(refusal)
    assert work_of(book) is WorkState.FAILED


def test_a_farmer_who_failed_for_a_passing_reason_makes_the_request_incomplete() -> None:
    book = BlockBook()
    book.note_plant_failed(PlantFailed(7, "f1", Failure("REASON_RPC_UNAVAILABLE", "away", retryable=True)))
    book.note_plant_summary(PlantSummary(7, requested=1, planted=0, failed=1, total_staked_stroops=0))
    assert book.block(7).request.progress is PlantProgress.INCOMPLETE
    book.note_planted(PLANTED)
    book.note_plant_summary(PlantSummary(7, requested=1, planted=1, failed=0, total_staked_stroops=10))
    assert book.block(7).request.progress is PlantProgress.DONE
    assert book.block(7).plant_failures == {}


def test_the_counts_of_a_block_add_up() -> None:
    book = BlockBook()
    for number in range(4):
        book.note_planted(FarmerPlanted(7, f"f{number}", "G…", 10, 100))
    book.note_plant_failed(PlantFailed(7, "f9", Failure("REASON_TRUSTLINE_MISSING", "none")))
    farmers = book.block(7).farmers
    farmers["f1"].work = WorkState.SUBMITTED
    farmers["f2"].work = WorkState.FAILED
    farmers["f3"].work, farmers["f3"].harvest = WorkState.CONFIRMED, HarvestState.HARVESTED
    counts = book.block(7).counts()
    assert counts == BlockCounts(4, 1, hashing=1, submitted=1, confirmed=1, work_failed=1, harvested=1)
    assert counts.planted == counts.hashing + counts.submitted + counts.confirmed + counts.work_failed


def test_a_harvest_is_open_until_the_reward_is_in_or_lost_for_good() -> None:
    book = planted_book()
    book.note_receipt(CONFIRMED)
    assert book.block(7).open_harvests
    book.note_harvest(HarvestOutcome(7, "f1", failure=Failure("REASON_CONGESTION", "busy", retryable=True)))
    assert book.block(7).open_harvests
    book.note_harvest(HarvestOutcome(7, "f1", reward_stroops=3, stake_stroops=10))
    book.note_harvest(HarvestOutcome(7, "f1", failure=Failure("REASON_PAIL_MISSING", "gone")))
    assert not book.block(7).open_harvests
    assert book.block(7).counts().harvested == 1


def test_old_blocks_are_forgotten_only_when_nothing_is_outstanding() -> None:
    book = planted_book()
    book.note_receipt(CONFIRMED)
    book.forget_before(8)
    assert book.find_block(7) is not None
    book.note_harvest(HarvestOutcome(7, "f1", reward_stroops=3))
    book.forget_before(7)
    assert book.find_block(7) is not None
    book.forget_before(8)
    assert book.find_block(7) is None


def test_a_block_is_kept_while_the_hasher_works_for_one_of_its_farmers() -> None:
    book = planted_book()
    book.note_receipt(FAILED)
    farmer = book.find_farmer(7, "f1")
    assert farmer is not None
    farmer.hashing = True
    book.forget_before(8)
    assert book.find_block(7) is not None
    farmer.hashing = False
    book.forget_before(8)
    assert book.find_block(7) is None


def test_a_reward_settles_a_work_whose_confirmation_never_came() -> None:
    book = planted_book()
    book.note_receipt(WorkReceipt(7, "f1", ReceiptState.SUBMITTED))
    book.note_harvest(HarvestOutcome(7, "f1", reward_stroops=5))
    assert work_of(book) is WorkState.CONFIRMED
    assert book.blocks_harvested == 1
    book.forget_before(8)
    assert book.find_block(7) is None
