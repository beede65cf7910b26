from dataclasses import replace

import pytest

from pooler_svc.rules.planting import (
    PlantDecision,
    PlantProgress,
    PlantRequest,
    PlantSituation,
    decide_plant,
    plant_deadline,
    progress_after,
)

T = 1_000_000
DONE = PlantRequest(PlantProgress.DONE, T)

YOUNG = PlantSituation(
    block_index=7,
    block_timestamp=T,
    latest_close_time=T + 10,
    now=T + 12.0,
    farm_paused=False,
    draining=False,
    active_farmers=3,
    works_in_flight=False,
    connected_since=T - 1000.0,
    hold_seconds=30.0,
    retry_seconds=30.0,
    request_for_current=PlantRequest(),
    request_for_next=PlantRequest(),
)
OPENABLE = replace(YOUNG, latest_close_time=T + 300, now=T + 301.0, request_for_current=DONE)


def test_a_block_that_somebody_else_opened_is_planted_at_once() -> None:
    assert decide_plant(YOUNG) == PlantDecision(plant_index=7)


def test_a_block_is_asked_for_once() -> None:
    running = PlantRequest(PlantProgress.RUNNING, T + 5.0)
    assert decide_plant(replace(YOUNG, request_for_current=running)) == PlantDecision()
    assert decide_plant(replace(YOUNG, request_for_current=DONE)) == PlantDecision()


def test_a_block_without_time_for_a_work_is_left_alone() -> None:
    assert decide_plant(replace(YOUNG, now=T + 284.9)).plant_index == 7
    assert decide_plant(replace(YOUNG, now=T + 285.0)) == PlantDecision()


def test_the_next_block_is_opened_by_ledger_time_and_not_by_prediction() -> None:
    early = replace(OPENABLE, latest_close_time=T + 299, now=T + 310.0)
    assert decide_plant(early) == PlantDecision(), "a ledger wakes us, not a time that has passed"
    assert decide_plant(OPENABLE) == PlantDecision(plant_index=8)


def test_opening_is_held_back_while_own_works_are_in_flight_but_not_for_ever() -> None:
    held = replace(OPENABLE, works_in_flight=True)
    assert decide_plant(held) == PlantDecision(wake_at=T + 330)
    assert decide_plant(replace(held, now=T + 330.0)) == PlantDecision(plant_index=8)


def test_the_hold_starts_anew_when_the_works_can_only_now_get_through() -> None:
    back = replace(OPENABLE, works_in_flight=True, now=T + 500.0, connected_since=T + 480.0)
    assert decide_plant(back) == PlantDecision(wake_at=T + 510.0)
    assert decide_plant(replace(back, works_in_flight=False)) == PlantDecision(plant_index=8)


def test_nothing_is_asked_of_a_backend_that_is_away() -> None:
    assert decide_plant(replace(OPENABLE, connected_since=None)) == PlantDecision()


def test_the_hold_is_measured_from_the_boundary_of_the_block() -> None:
    late = replace(OPENABLE, works_in_flight=True, latest_close_time=T + 900, now=T + 901.0)
    assert decide_plant(late).plant_index == 8


def test_an_incomplete_request_is_repeated_soon_and_a_failed_one_a_block_later() -> None:
    incomplete = PlantRequest(PlantProgress.INCOMPLETE, T + 301.0)
    waiting = replace(OPENABLE, request_for_next=incomplete, now=T + 330.0)
    assert decide_plant(waiting) == PlantDecision(wake_at=T + 331.0)
    assert decide_plant(replace(waiting, now=T + 331.0)) == PlantDecision(plant_index=8)
    failed = PlantRequest(PlantProgress.FAILED, T + 301.0)
    waiting = replace(OPENABLE, request_for_next=failed, now=T + 331.0)
    assert decide_plant(waiting) == PlantDecision(wake_at=T + 601.0)
    assert decide_plant(replace(waiting, now=T + 601.0)) == PlantDecision(plant_index=8)


@pytest.mark.parametrize(
    ("requested", "planted", "retryable_failures", "expected"),
    [
        (3, 3, False, PlantProgress.DONE),
        (3, 1, False, PlantProgress.DONE),
        (3, 1, True, PlantProgress.INCOMPLETE),
        (3, 0, True, PlantProgress.INCOMPLETE),
        (0, 0, False, PlantProgress.INCOMPLETE),
        (3, 0, False, PlantProgress.FAILED),
    ],
)
def test_a_summary_says_whether_to_ask_again(
    requested: int, planted: int, retryable_failures: bool, expected: PlantProgress
) -> None:
    found = progress_after(requested=requested, planted=planted, retryable_failures=retryable_failures)
    assert found is expected


def test_nothing_is_planted_while_draining_or_paused_or_for_nobody() -> None:
    for situation in (YOUNG, OPENABLE):
        assert decide_plant(replace(situation, draining=True)) == PlantDecision()
        assert decide_plant(replace(situation, active_farmers=0)) == PlantDecision()
        assert decide_plant(replace(situation, farm_paused=True)) == PlantDecision()


def test_planting_does_not_wait_for_a_list_of_farmers_that_the_backend_does_not_give() -> None:
    assert decide_plant(replace(OPENABLE, active_farmers=None)).plant_index == 8


def test_the_deadline_leaves_a_work_time_to_follow() -> None:
    assert plant_deadline(YOUNG, 7) == T + 285
    assert plant_deadline(OPENABLE, 8) == T + 585
    overdue = replace(OPENABLE, latest_close_time=T + 1000)
    assert plant_deadline(overdue, 8) == T + 1285
