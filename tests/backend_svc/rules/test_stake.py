"""The stake: a share of the free balance, floored, never more than there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend_svc.rules.stake import LEAST_STAKE_BASIS_POINTS, WHOLE_BASIS_POINTS, stake_of


@pytest.mark.parametrize(
    ("free_stroops", "basis_points", "stake_stroops"),
    [
        (0, 10_000, 0),
        (1, 9_999, 0),
        (1, 10_000, 1),
        (10_000, 1_000, 1_000),
        (99_999, 5_000, 49_999),
        (-5, 10_000, 0),
    ],
)
def test_the_stake_is_floored_to_the_stroop(free_stroops: int, basis_points: int, stake_stroops: int) -> None:
    assert stake_of(free_stroops, basis_points) == stake_stroops


@given(
    st.integers(0, 10**18),
    st.integers(LEAST_STAKE_BASIS_POINTS, WHOLE_BASIS_POINTS),
)
def test_a_stake_is_within_a_stroop_of_its_share(free_stroops: int, basis_points: int) -> None:
    stake = stake_of(free_stroops, basis_points)
    assert 0 <= stake <= free_stroops
    assert 0 <= free_stroops * basis_points - stake * WHOLE_BASIS_POINTS < WHOLE_BASIS_POINTS
