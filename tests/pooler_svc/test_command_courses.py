import pytest

from miner_ext import Solution
from pooler_svc.hashers import HashJob
from pooler_svc.hashers.command_courses import Course, DifficultyCourse, RangeCourse
from pooler_svc.hashers.failures import HasherCrashed

JOB = HashJob("a", 37, bytes(32), bytes(32), 5)


def solution(nonce: int, zeros: int = 3) -> Solution:
    return Solution((nonce, bytes(32), zeros))


def asked(course: Course, best_zeros: int | None = None) -> list[int]:
    """What a run is asked: the count of nonces, or first nonce and zeros."""
    words = course.arguments(best_zeros)
    return [int(words[-1])] if isinstance(course, RangeCourse) else [int(words[2]), int(words[3])]


def test_a_range_doubles_while_the_next_one_ends_in_time() -> None:
    course = RangeCourse(JOB, 100, run_wall_seconds=30.0)
    assert [course.note_answer(solution(99), seconds) for seconds in (4.0, 8.0, 15.0)] == [100, 200, 400]
    assert asked(course) == [800]
    assert not course.exhausted
    assert course.note_answer(solution(3), 15.1) == 800
    assert course.exhausted


def test_a_program_that_answers_any_range_at_once_comes_to_an_end_too() -> None:
    course = RangeCourse(JOB, 1, run_wall_seconds=30.0)
    runs = 0
    while not course.exhausted:
        course.note_answer(solution(0), 0.0)
        runs += 1
    assert runs < 64


def test_a_missed_deadline_halves_the_range_of_a_program_that_begins_anywhere() -> None:
    course = RangeCourse(JOB, 3, run_wall_seconds=30.0)
    counts = []
    for _ in range(3):
        counts += asked(course)
        course.note_overdue()
    assert counts == [3, 1, 1]
    assert not course.exhausted


def test_a_missed_deadline_is_the_end_for_a_program_that_begins_alike() -> None:
    course = RangeCourse(JOB, 100, run_wall_seconds=30.0)
    course.note_answer(solution(7), 1.0)
    course.note_overdue()
    assert course.exhausted


def test_a_difficulty_rises_by_one_behind_the_nonce_found() -> None:
    course = DifficultyCourse(JOB, run_wall_seconds=30.0)
    assert asked(course) == [5, 1]
    assert course.note_answer(solution(14), 1.0) == 10
    assert asked(course, 3) == [15, 4]
    assert asked(course, 64) == [15, 64]


@pytest.mark.parametrize("nonce", [4, 2**60], ids=["below", "far above"])
def test_a_nonce_from_elsewhere_counts_no_hashes(nonce: int) -> None:
    course = DifficultyCourse(JOB, run_wall_seconds=1.0)
    assert course.note_answer(solution(nonce), 1.0) == 0
    assert asked(course)[0] > 2**36


@pytest.mark.parametrize("nonce_from", [2**63, 2**64 - 1])
def test_a_job_that_begins_where_no_program_can_begins_at_0(nonce_from: int) -> None:
    course = DifficultyCourse(HashJob("a", 37, bytes(32), bytes(32), nonce_from), run_wall_seconds=1.0)
    assert not course.exhausted
    assert asked(course) == [0, 1]


def test_fewer_zeros_than_asked_are_refused() -> None:
    course = DifficultyCourse(JOB, run_wall_seconds=1.0)
    asked(course, 3)
    with pytest.raises(HasherCrashed, match="nonce 9 must have at least 4 zeros, got 3"):
        course.note_answer(solution(9, 3), 1.0)


def test_behind_a_missed_deadline_nothing_is_searched_twice_until_the_nonces_end() -> None:
    course = DifficultyCourse(JOB, run_wall_seconds=30.0)
    course.note_overdue()
    first = asked(course)[0]
    course.note_failure()
    assert asked(course)[0] - first == first - 5 > 30 * 2**36
    late = DifficultyCourse(HashJob("a", 37, bytes(32), bytes(32), 2**63 - 1), run_wall_seconds=1.0)
    assert not late.exhausted
    late.note_overdue()
    assert late.exhausted
