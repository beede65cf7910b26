import pytest

from pooler_svc.rules import timing

OPENED = 1_000_000


@pytest.mark.parametrize(
    ("close_time", "expected"), [(OPENED + 299, False), (OPENED + 300, True), (OPENED + 900, True)]
)
def test_next_block_can_be_opened_from_exactly_300_seconds(close_time: int, expected: bool) -> None:
    assert timing.can_be_opened(OPENED, close_time) is expected


def test_submission_moment_counts_from_the_blocks_timestamp() -> None:
    assert timing.submission_time(OPENED, 282.0) == OPENED + 282.0


@pytest.mark.parametrize(("plant", "latest", "expected"), [(10, 9, False), (10, 10, False), (10, 11, True)])
def test_work_waits_until_its_simulation_sees_a_gap_of_one(plant: int, latest: int, expected: bool) -> None:
    assert timing.gap_is_positive(plant, latest) is expected


def test_farm_is_read_at_the_usual_pace_far_from_the_boundary_and_every_ledger_near_it() -> None:
    assert timing.poll_delay_seconds(OPENED + 10, OPENED, usual_seconds=30) == 30
    assert timing.poll_delay_seconds(OPENED + 239, OPENED, usual_seconds=30) == 30
    assert timing.poll_delay_seconds(OPENED + 240, OPENED, usual_seconds=30) == 5
    assert timing.poll_delay_seconds(OPENED + 400, OPENED, usual_seconds=30) == 5


def test_a_pace_faster_than_ledgers_is_kept_near_the_boundary() -> None:
    assert timing.poll_delay_seconds(OPENED + 299, OPENED, usual_seconds=2) == 2
