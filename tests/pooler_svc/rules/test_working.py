from dataclasses import replace

from pooler_svc.block_book import BlockRecord, PlantedFarmer, Solution, WorkState
from pooler_svc.rules.planting import PlantProgress, PlantRequest
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

T = 1_000_000
NOW = WorkMoment(
    now=T + 60.0,
    latest_ledger=120,
    current_index=7,
    submission_at=T + 282.0,
    candidate_interval_seconds=20.0,
)
DUE = replace(NOW, now=T + 282.0)
SOLUTION = Solution(nonce=5, zeros=2, hash=bytes(32))


def farmer(**changes: object) -> PlantedFarmer:
    planted = PlantedFarmer("f1", "G…", 10, plant_ledger=100)
    return replace(planted, **changes)  # type: ignore[arg-type]


def block(*farmers: PlantedFarmer, index: int = 7) -> BlockRecord:
    return BlockRecord(
        index, PlantRequest(PlantProgress.DONE, T), farmers={each.farmer_id: each for each in farmers}
    )


def test_every_planted_farmer_is_hashed_at_once() -> None:
    second = replace(farmer(), farmer_id="f2")
    assert decide_works(block(farmer(), second), NOW) == [StartHashing("f1"), StartHashing("f2")]


def test_hashing_waits_for_the_chain_to_be_in_the_block() -> None:
    assert decide_works(block(farmer()), replace(NOW, current_index=6)) == []
    assert decide_works(block(farmer()), replace(NOW, submission_at=None)) == []


def test_an_improvement_goes_up_as_a_candidate_at_a_limited_rate() -> None:
    first = farmer(hashing=True, best=SOLUTION)
    assert decide_works(block(first), NOW) == [SendCandidate("f1", SOLUTION)]
    again = farmer(hashing=True, best=SOLUTION, offered=Solution(1, 1, b""), offered_at=T + 50.0)
    assert decide_works(block(again), NOW) == []
    assert next_work_time(block(again), NOW) == T + 70.0
    assert decide_works(block(again), replace(NOW, now=T + 70.0)) == [SendCandidate("f1", SOLUTION)]


def test_just_before_the_submission_only_a_first_nonce_goes_up_as_a_candidate() -> None:
    shortly_before = replace(NOW, now=T + 262.0)
    better = farmer(hashing=True, best=SOLUTION, offered=Solution(1, 1, b""), offered_at=T + 50.0)
    assert decide_works(block(better), replace(NOW, now=T + 261.9)) == [SendCandidate("f1", SOLUTION)]
    assert decide_works(block(better), shortly_before) == []
    first = farmer(hashing=True, best=SOLUTION)
    assert decide_works(block(first), shortly_before) == [SendCandidate("f1", SOLUTION)]


def test_a_nonce_that_the_backend_has_is_not_offered_again() -> None:
    for known in (
        farmer(hashing=True, best=SOLUTION, offered=SOLUTION),
        farmer(hashing=True, best=SOLUTION, recorded_zeros=2),
    ):
        assert decide_works(block(known), NOW) == []
        assert next_work_time(block(known), NOW) == T + 282.0


def test_candidates_are_not_piled_up_for_an_absent_backend() -> None:
    assert (
        decide_works(block(farmer(hashing=True, best=SOLUTION)), replace(NOW, backend_connected=False)) == []
    )


def test_the_best_nonce_is_submitted_at_the_moment_and_hashing_ends() -> None:
    ready = farmer(hashing=True, best=SOLUTION)
    away = replace(DUE, backend_connected=False)
    for moment in (DUE, away):
        assert decide_works(block(ready), moment) == [StopHashing("f1"), SubmitNow("f1", SOLUTION)]


def test_a_farmer_without_a_nonce_goes_on_hashing_past_the_moment() -> None:
    assert decide_works(block(farmer(hashing=True)), DUE) == []


def test_a_late_plant_waits_for_a_gap_of_one() -> None:
    late = farmer(hashing=True, best=SOLUTION, offered=SOLUTION, plant_ledger=120)
    assert decide_works(block(late), DUE) == []
    assert SubmitNow("f1", SOLUTION) in decide_works(block(late), replace(DUE, latest_ledger=121))


def test_what_was_not_sent_when_the_block_closed_is_given_up_with_its_reason() -> None:
    over = replace(NOW, current_index=8, submission_at=None)
    stop, give_up = decide_works(block(farmer(hashing=True)), over)
    assert stop == StopHashing("f1")
    assert isinstance(give_up, GiveUp)
    assert give_up.failure.reason == "REASON_WORK_TIMEOUT"
    (give_up,) = decide_works(block(farmer(best=SOLUTION)), over)
    assert isinstance(give_up, GiveUp)
    assert give_up.failure.reason == "REASON_WORK_TIMEOUT"


def test_a_work_that_was_sent_is_left_to_the_backend() -> None:
    for state in (WorkState.SUBMITTING, WorkState.SUBMITTED):
        for moment in (DUE, replace(DUE, current_index=8)):
            assert decide_works(block(farmer(work=state)), moment) == []


def test_a_block_is_finished_once_when_every_work_is_settled() -> None:
    settled = block(farmer(work=WorkState.CONFIRMED))
    assert decide_works(settled, DUE) == [FinishBlock()]
    settled.finished = True
    assert decide_works(settled, DUE) == []


def test_a_block_is_not_finished_while_plants_may_still_come() -> None:
    planting = block(farmer(work=WorkState.CONFIRMED))
    planting.request = PlantRequest(PlantProgress.RUNNING, T)
    assert decide_works(planting, DUE) == []
    assert decide_works(planting, replace(DUE, current_index=8)) == [FinishBlock()]


def test_the_next_work_time_is_the_submission_moment() -> None:
    assert next_work_time(block(farmer(hashing=True)), NOW) == T + 282.0
    assert next_work_time(block(farmer(work=WorkState.CONFIRMED)), NOW) is None
