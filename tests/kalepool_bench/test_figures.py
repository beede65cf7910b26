import pytest

from kalepool_bench.figures import Paired, growth_percent, median, median_ratio, pair_alternating, percentile


@pytest.mark.parametrize(
    ("values", "middle"),
    [([3.0], 3.0), ([4.0, 1.0], 2.5), ([9.0, 1.0, 2.0], 2.0), ([1.0, 1.0, 1.0, 99.0], 1.0)],
)
def test_a_median_is_the_middle_and_bears_outliers(values: list[float], middle: float) -> None:
    assert median(values) == middle


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [
        *[(1, 0, 1), (1, 50, 1), (1, 99, 1), (2, 50, 1), (2, 51, 2), (5, 0, 1)],
        *[(100, 50, 50), (100, 99, 99), (100, 100, 100), (101, 99, 100), (1_000, 99, 990)],
    ],
)
def test_a_percentile_is_a_value_by_its_rank(count: int, percent: float, expected: float) -> None:
    assert percentile([float(value) for value in range(count, 0, -1)], percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], -1), ([1.0], 101), ([1.0], float("nan"))])
def test_a_percentile_that_cannot_be_is_refused(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="got"):
        percentile(values, percent)


def test_a_pair_compares_with_the_mean_of_what_is_around_it() -> None:
    pair = Paired(6.0, before=2.0, after=4.0)
    assert (pair.reference, pair.ratio) == (3.0, 2.0)


def test_samples_in_turn_are_paired_with_their_neighbours() -> None:
    assert pair_alternating([1.0, 2.0, 3.0], [10.0, 20.0]) == [Paired(10.0, 1.0, 2.0), Paired(20.0, 2.0, 3.0)]


@pytest.mark.parametrize(("references", "values"), [([], []), ([1.0], [1.0]), ([1.0, 1.0, 1.0], [1.0])])
def test_samples_that_were_not_taken_in_turn_are_refused(
    references: list[float], values: list[float]
) -> None:
    with pytest.raises(ValueError, match=f"got {len(references)}"):
        pair_alternating(references, values)


def test_a_machine_that_slows_down_changes_no_ratio() -> None:
    """Both sides lose half of their speed in the middle; one slice is disturbed by somebody else."""
    references = [4.0, 4.0, 4.0, 2.0, 2.0, 2.0]
    values = [8.0, 8.0, 6.0, 4.0, 0.1]
    assert median_ratio(pair_alternating(references, values)) == 2.0


@pytest.mark.parametrize(("first", "last", "percent"), [(100, 101, 1), (200, 100, -50), (5, 5, 0)])
def test_growth_is_relative_to_the_first(first: float, last: float, percent: float) -> None:
    assert growth_percent(first, last) == pytest.approx(percent)
