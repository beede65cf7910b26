"""What a harvest pays, to the stroop as the contract computes it.

Every division floors. Python's integers don't overflow; the contract's 128-bit ones
do only for stakes beyond any supply, which is the caller's to check.
"""

from dataclasses import dataclass

from kale.constants import (
    BASE_BLOCK_REWARD_STROOPS,
    BLOCKS_PER_MONTH,
    DECAY_SCALE,
    DECAY_START_INDEX,
    MONTHLY_DECAY_FACTOR,
)
from kale.farm import Block


@dataclass(frozen=True, slots=True)
class Normalized:
    """A work's three values, brought to one scale: the largest of the three ranges."""

    gap: int
    stake: int
    zeros: int

    @property
    def total(self) -> int:
        """The work's weight among all works of its block."""
        return self.gap + self.stake + self.zeros


class BlockInvalidError(ValueError):
    """A block's maximum is below its minimum: the contract refuses with 12 BlockInvalid."""


def block_reward(index: int) -> int:
    """New stroops that block `index` pays out; 5 % less each month from block 30,558."""
    months = max(index - DECAY_START_INDEX, 0) // BLOCKS_PER_MONTH
    factor = DECAY_SCALE
    for _ in range(months):
        if factor == 0:
            break  # floored away: more months change nothing
        factor = factor * MONTHLY_DECAY_FACTOR // DECAY_SCALE
    return BASE_BLOCK_REWARD_STROOPS * factor // DECAY_SCALE


def normalize(block: Block, gap: int, stake: int, zeros: int) -> Normalized:
    """Weigh a work by the extremes that `block` took over from its predecessor.

    Each value is clamped into [min, max], has min subtracted and is stretched to the
    largest of the three ranges; at least 1 each.
    """
    if (
        block.max_gap < block.min_gap
        or block.max_stake < block.min_stake
        or block.max_zeros < block.min_zeros
    ):
        raise BlockInvalidError("a maximum of the block is below its minimum")
    gap_range = max(block.max_gap - block.min_gap, 1)
    stake_range = max(block.max_stake - block.min_stake, 1)
    zeros_range = max(block.max_zeros - block.min_zeros, 1)
    scale = max(gap_range, stake_range, zeros_range)
    return Normalized(
        gap=_stretched(gap, block.min_gap, block.max_gap, scale, gap_range),
        stake=_stretched(stake, block.min_stake, block.max_stake, scale, stake_range),
        zeros=_stretched(zeros, block.min_zeros, block.max_zeros, scale, zeros_range),
    )


def _stretched(value: int, lowest: int, highest: int, scale: int, value_range: int) -> int:
    clamped = min(max(value, lowest), highest)
    return max((clamped - lowest) * scale // value_range, 1)


def harvest_reward(index: int, block: Block, gap: int, stake: int, zeros: int) -> int:
    """Stroops that `harvest` returns; it mints this *plus* the stake.

    `block` is the harvested block as stored: its `staked_total` holds only what was
    planted and not worked, its `normalized_total` the weights of all works.
    """
    pot = block_reward(index) + block.staked_total
    weight = normalize(block, gap, stake, zeros).total
    return weight * pot // max(block.normalized_total, 1)
