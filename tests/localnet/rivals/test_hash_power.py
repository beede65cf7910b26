"""The zeros that are drawn have the distribution of those that are searched for."""

from collections import Counter
from random import Random

import pytest

from kale.puzzle import leading_zeros
from localnet.rivals.hash_power import best_zeros, first_zeros, hash_with, hashes_in

DRAWS = 20_000


@pytest.mark.parametrize("hashes", [1, 16, 1_000, 30_000_000_000])
def test_the_best_of_n_hashes_has_fewer_than_z_zeros_as_often_as_arithmetic_says(hashes: int) -> None:
    random = Random(f"best of {hashes}")
    drawn = Counter(best_zeros(random, hashes) for _ in range(DRAWS))
    for zeros in range(1, 14):
        fewer = sum(count for found, count in drawn.items() if found < zeros) / DRAWS
        expected = (1 - 16.0**-zeros) ** hashes
        # Five standard deviations of a share that is counted in so many draws.
        assert abs(fewer - expected) <= 5 * (expected * (1 - expected) / DRAWS) ** 0.5 + 1e-9


def test_the_first_hash_that_is_good_enough_is_better_one_time_in_sixteen() -> None:
    random = Random("first")
    better = sum(first_zeros(random, 7) > 7 for _ in range(DRAWS)) / DRAWS
    assert abs(better - 1 / 16) < 0.01


def test_power_and_time_are_hashes_and_never_none() -> None:
    assert hashes_in(2.5, 60) == 150_000_000
    assert hashes_in(0, 60) == 1


@pytest.mark.parametrize("zeros", [0, 1, 7, 9, 63, 64])
def test_a_hash_is_made_with_exactly_the_zeros_that_were_drawn(zeros: int) -> None:
    made = {hash_with(zeros, bytes([salt])) for salt in range(50)}
    assert {leading_zeros(each) for each in made} == {zeros}
    assert len(made) > 10 or zeros >= 63
