import pytest
from hypothesis import given
from hypothesis import strategies as st

from kale.constants import BLOCKS_PER_MONTH, DECAY_START_INDEX, STROOPS_PER_KALE
from kale.farm import Block
from kale.rewards import BlockInvalidError, block_reward, harvest_reward, normalize


def block(
    gaps: tuple[int, int] = (0, 0),
    stakes: tuple[int, int] = (0, 0),
    zeros: tuple[int, int] = (0, 0),
    normalized_total: int = 0,
    staked_total: int = 0,
) -> Block:
    return Block(
        entropy=bytes(32),
        max_gap=gaps[1],
        max_stake=stakes[1],
        max_zeros=zeros[1],
        min_gap=gaps[0],
        min_stake=stakes[0],
        min_zeros=zeros[0],
        normalized_total=normalized_total,
        staked_total=staked_total,
        timestamp=0,
    )


@pytest.mark.parametrize(
    ("index", "reward"),
    [
        (0, 2505 * STROOPS_PER_KALE),
        (DECAY_START_INDEX, 2505 * STROOPS_PER_KALE),
        (DECAY_START_INDEX + BLOCKS_PER_MONTH - 1, 2505 * STROOPS_PER_KALE),
        (DECAY_START_INDEX + BLOCKS_PER_MONTH, 23_797_500_000),
        (DECAY_START_INDEX + 2 * BLOCKS_PER_MONTH, 22_607_625_000),
        (2**32 - 1, 0),
    ],
)
def test_the_block_reward_loses_five_percent_a_month(index: int, reward: int) -> None:
    assert block_reward(index) == reward


def test_each_months_factor_is_floored() -> None:
    """From month 8 on the powers of 0.95 have more digits than the scale of 10^12 keeps."""
    exact = 2505 * STROOPS_PER_KALE * 95**27 // 100**27
    assert block_reward(DECAY_START_INDEX + 27 * BLOCKS_PER_MONTH) == exact - 1 == 6_271_119_447


def test_all_dimensions_are_stretched_to_the_largest_range() -> None:
    weights = normalize(block(gaps=(10, 50), stakes=(0, 1000), zeros=(2, 6)), gap=30, stake=1000, zeros=4)
    assert (weights.gap, weights.stake, weights.zeros) == (500, 1000, 500)
    assert weights.total == 2000


def test_a_value_outside_the_range_counts_as_its_edge() -> None:
    of = block(gaps=(10, 50), stakes=(5, 1005), zeros=(2, 6))
    assert normalize(of, 99, 10**12, 30) == normalize(of, 50, 1005, 6)
    assert normalize(of, 1, 0, 0) == normalize(of, 10, 5, 2)


def test_every_dimension_weighs_at_least_one() -> None:
    assert normalize(block(gaps=(10, 50)), gap=10, stake=0, zeros=0).total == 3


@pytest.mark.parametrize("inverted", [{"gaps": (1, 0)}, {"stakes": (1, 0)}, {"zeros": (1, 0)}])
def test_a_maximum_below_its_minimum_is_refused(inverted: dict[str, tuple[int, int]]) -> None:
    with pytest.raises(BlockInvalidError):
        normalize(block(**inverted), 1, 1, 1)  # type: ignore[arg-type]


def test_a_reward_is_the_share_of_new_coins_and_lost_stakes() -> None:
    of = block(gaps=(0, 10), stakes=(0, 10), zeros=(0, 10), normalized_total=40, staked_total=777)
    pot = block_reward(5) + 777
    assert harvest_reward(5, of, gap=10, stake=5, zeros=5) == 20 * pot // 40


def test_a_block_without_weights_does_not_divide_by_zero() -> None:
    assert harvest_reward(5, block(), gap=1, stake=0, zeros=0) == 3 * block_reward(5)


ranges = st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)).map(lambda pair: (min(pair), max(pair)))
small_ranges = st.tuples(st.integers(0, 70), st.integers(0, 70)).map(lambda pair: (min(pair), max(pair)))
works = st.tuples(st.integers(1, 100), st.integers(0, 10**13), st.integers(0, 64))


@given(small_ranges, ranges, small_ranges, st.lists(works, min_size=1, max_size=30), st.integers(0, 10**14))
def test_rewards_of_a_block_never_exceed_its_pot(
    gaps: tuple[int, int],
    stakes: tuple[int, int],
    zeros: tuple[int, int],
    worked: list[tuple[int, int, int]],
    lost_stakes: int,
) -> None:
    """With one work a farmer; the remainder is less than a stroop each."""
    of = block(gaps, stakes, zeros)
    total = sum(normalize(of, *work).total for work in worked)
    closed = block(gaps, stakes, zeros, normalized_total=total, staked_total=lost_stakes)
    paid = sum(harvest_reward(40_000, closed, *work) for work in worked)
    pot = block_reward(40_000) + lost_stakes
    assert pot - len(worked) < paid <= pot


@given(small_ranges, ranges, small_ranges, works)
def test_more_of_anything_never_weighs_less(
    gaps: tuple[int, int], stakes: tuple[int, int], zeros: tuple[int, int], work: tuple[int, int, int]
) -> None:
    of = block(gaps, stakes, zeros)
    gap, stake, digits = work
    weight = normalize(of, gap, stake, digits).total
    assert normalize(of, gap + 1, stake, digits).total >= weight
    assert normalize(of, gap, stake + 1, digits).total >= weight
    assert normalize(of, gap, stake, digits + 1).total >= weight
