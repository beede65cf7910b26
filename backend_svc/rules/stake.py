"""How much of a farmer's KALE goes into a block."""

WHOLE_BASIS_POINTS = 10_000
LEAST_STAKE_BASIS_POINTS = 1_000


def stake_of(free_stroops: int, stake_basis_points: int) -> int:
    """The stake out of a free balance, floored to the stroop; never more than the balance.

    A farmer without KALE plants 0: the contract allows it, and it still earns.
    """
    return max(free_stroops, 0) * stake_basis_points // WHOLE_BASIS_POINTS
