"""The rules of KALE: what each call of the farm contract does to its state.

Pure functions: state and ledger go in, the changed state or a refusal comes out. The
checks stand in the contract's order, because the first that fails names the error.

Amounts are stroops. Gaps are ledgers. Zeros are leading zero hex digits.
"""

from dataclasses import replace
from typing import NamedTuple, Protocol

from kale.constants import BLOCK_SECONDS, ENTROPY_BYTES, I128_MAX, I128_MIN, U32_MAX
from kale.contract_errors import FarmError
from kale.farm import Block, Farm, Pail
from kale.keccak import keccak256
from kale.puzzle import farmer_key, leading_zeros, message
from kale.rewards import BlockInvalidError, Normalized, block_reward, harvest_reward, normalize


class FarmRefusal(Exception):
    """The contract refuses the call with `error`; nothing changes."""

    def __init__(self, error: FarmError) -> None:
        super().__init__(error.name)
        self.error = error


class FarmPanic(Exception):
    """A 128-bit number would overflow: the contract's code panics instead of answering."""


class Moment(NamedTuple):
    """The ledger in which a call runs: its number and its close time in unix seconds."""

    sequence: int
    close_time: int


class Records(Protocol):
    """The blocks and pails that still live. Expired and removed ones are None."""

    def find_block(self, index: int) -> Block | None: ...

    def find_pail(self, farmer: str, index: int) -> Pail | None: ...


class Planted(NamedTuple):
    """A plant's outcome: `burn_stroops` are to be burnt from the farmer before it counts."""

    farm: Farm
    block: Block
    pail: Pail
    burn_stroops: int


class Worked(NamedTuple):
    """A work's outcome."""

    farm: Farm
    block: Block
    pail: Pail
    gap: int


class Harvested(NamedTuple):
    """A harvest's outcome: the pail goes, `mint_stroops` (reward and stake) are to be minted."""

    reward_stroops: int
    mint_stroops: int


# plant


def plant(farm: Farm, records: Records, now: Moment, farmer: str, amount: int) -> Planted:
    """Open the farmer's pail for the current block, and first that block if it is time.

    The farmer's authorisation is checked before, their balance when the stake is burnt.
    """
    if amount < 0:
        raise FarmRefusal(FarmError.PLANT_AMOUNT_TOO_LOW)
    if farm.paused:
        raise FarmRefusal(FarmError.FARM_PAUSED)

    farm, block = _current_or_next_block(farm, records, now)

    if records.find_pail(farmer, farm.index) is not None:
        raise FarmRefusal(FarmError.PAIL_EXISTS)

    return Planted(
        farm=_with_stake(farm, amount),
        block=replace(block, staked_total=_i128(block.staked_total + amount)),
        pail=Pail(sequence=now.sequence, stake=amount),
        burn_stroops=amount,
    )


def _with_stake(farm: Farm, stake: int) -> Farm:
    """What the next block will take over: the extremes of the stakes."""
    collected = farm.block
    if collected.min_stake <= stake <= collected.max_stake:
        return farm
    return replace(
        farm,
        block=replace(
            collected, max_stake=max(collected.max_stake, stake), min_stake=min(collected.min_stake, stake)
        ),
    )


def _current_or_next_block(farm: Farm, records: Records, now: Moment) -> tuple[Farm, Block]:
    """The block that a plant belongs to, and the farm with its index and running extremes.

    Time decides by the farm block's timestamp: from 300 s on the next block begins, and
    the farm begins to collect anew. A current block that is gone (expired, removed, or
    never there in a new farm) is replaced without starting the collection anew; its index
    is not used again, except index 0 of a new farm.
    """
    # The contract reads the block in either case, so it is part of every plant's footprint.
    current = records.find_block(farm.index)
    if now.close_time >= farm.block.timestamp + BLOCK_SECONDS:
        opened = _opened_block(farm.block, now)
        return replace(farm, index=_next_index(farm.index), block=empty_farm_block(now.close_time)), opened
    if current is not None:
        return farm, current
    index = _next_index(farm.index) if farm.index > 0 else farm.index
    return replace(farm, index=index), _opened_block(farm.block, now)


def empty_farm_block(timestamp: int) -> Block:
    """The farm's block when nothing is collected yet: minima at their type's maximum and vice versa."""
    return Block(
        entropy=bytes(ENTROPY_BYTES),
        max_gap=0,
        max_stake=I128_MIN,
        max_zeros=0,
        min_gap=U32_MAX,
        min_stake=I128_MAX,
        min_zeros=U32_MAX,
        normalized_total=0,
        staked_total=0,
        timestamp=timestamp,
    )


def _opened_block(collected: Block, now: Moment) -> Block:
    """A new block: extremes and entropy of what was collected; what nobody set becomes 0."""
    return Block(
        entropy=collected.entropy,
        max_gap=collected.max_gap,
        max_stake=0 if collected.max_stake == I128_MIN else collected.max_stake,
        max_zeros=collected.max_zeros,
        min_gap=0 if collected.min_gap == U32_MAX else collected.min_gap,
        min_stake=0 if collected.min_stake == I128_MAX else collected.min_stake,
        min_zeros=0 if collected.min_zeros == U32_MAX else collected.min_zeros,
        normalized_total=0,
        staked_total=0,
        timestamp=now.close_time,
    )


# work


def work(
    farm: Farm,
    records: Records,
    now: Moment,
    farmer: str,
    hash: bytes,
    nonce: int,
    granted: bytes | None = None,
) -> Worked:
    """Take a solution for the farmer's pail in the current block. Anybody may hand it in.

    `granted` is a hash that counts though it is not the nonce's (the contract has no such thing).
    """
    block = records.find_block(farm.index)
    if block is None:
        raise FarmRefusal(FarmError.BLOCK_MISSING)
    pail = records.find_pail(farmer, farm.index)
    if pail is None:
        raise FarmRefusal(FarmError.PAIL_MISSING)
    gap = now.sequence - pail.sequence
    if gap < 1:
        raise FarmRefusal(FarmError.GAP_COUNT_TOO_LOW)
    if hash != granted and hash != keccak256(message(farm.index, block.entropy, farmer_key(farmer), nonce)):
        raise FarmRefusal(FarmError.HASH_INVALID)
    zeros = leading_zeros(hash)
    # The contract adds the weight before it compares the zeros: an overflow comes first.
    total = _i128(block.normalized_total + _weight(block, gap, pail.stake, zeros).total)
    if pail.zeros is not None and zeros <= pail.zeros:
        raise FarmRefusal(FarmError.ZERO_COUNT_TOO_LOW)

    return Worked(
        farm=replace(farm, block=_collected(farm.block, hash, gap, zeros)),
        block=_with_work(block, pail, gap, total),
        pail=replace(pail, gap=gap, zeros=zeros),
        gap=gap,
    )


def _with_work(block: Block, pail: Pail, gap: int, total: int) -> Block:
    """The block with a work, whose weight is in `total` already.

    A first work takes the stake out of the pot. A better one takes the earlier zeros'
    weight back, weighed at the new gap: the earlier gap is not in the reckoning.
    """
    if pail.zeros is None:
        return replace(
            block,
            normalized_total=total,
            staked_total=_i128(block.staked_total - pail.stake),
        )
    earlier = _weight(block, gap, pail.stake, pail.zeros).total
    return replace(block, normalized_total=total - earlier)


def _collected(collected: Block, hash: bytes, gap: int, zeros: int) -> Block:
    """What the next block will take over: the last hash as entropy, and the extremes."""
    return replace(
        collected,
        entropy=hash,
        max_gap=max(collected.max_gap, gap),
        max_zeros=max(collected.max_zeros, zeros),
        min_gap=min(collected.min_gap, gap),
        min_zeros=min(collected.min_zeros, zeros),
    )


# harvest


def harvest(farm: Farm, records: Records, farmer: str, index: int) -> Harvested:
    """Pay out a past block's pail. Anybody may call it; the money goes to the farmer."""
    block = records.find_block(index)
    if block is None:
        raise FarmRefusal(FarmError.BLOCK_MISSING)
    pail = records.find_pail(farmer, index)
    if pail is None:
        raise FarmRefusal(FarmError.PAIL_MISSING)
    if index >= farm.index:
        raise FarmRefusal(FarmError.HARVEST_NOT_READY)
    if pail.gap is None or pail.zeros is None:
        raise FarmRefusal(FarmError.WORK_MISSING)
    try:
        reward = _i128(harvest_reward(index, block, pail.gap, pail.stake, pail.zeros))
    except BlockInvalidError:
        raise FarmRefusal(FarmError.BLOCK_INVALID) from None
    _i128(block_reward(index) + block.staked_total)  # the contract's pot is a number of 128 bits too
    return Harvested(reward_stroops=reward, mint_stroops=_i128(reward + pail.stake))


# the homesteader's calls; their authorisation is checked before


def pause(farm: Farm) -> Farm:
    """Stop planting. Work and harvest go on."""
    if farm.paused:
        raise FarmRefusal(FarmError.FARM_PAUSED)
    return replace(farm, paused=True)


def unpause(farm: Farm) -> Farm:
    """Let planting go on."""
    if not farm.paused:
        raise FarmRefusal(FarmError.FARM_NOT_PAUSED)
    return replace(farm, paused=False)


# `remove_block` deletes a block's entry, whether it is there or not: there is no rule to it.


def _weight(block: Block, gap: int, stake: int, zeros: int) -> Normalized:
    try:
        return normalize(block, gap, stake, zeros)
    except BlockInvalidError:
        raise FarmRefusal(FarmError.BLOCK_INVALID) from None


def _next_index(index: int) -> int:
    if index == U32_MAX:
        raise FarmPanic("the index has no successor")
    return index + 1


def _i128(value: int) -> int:
    if not I128_MIN <= value <= I128_MAX:
        raise FarmPanic(f"{value} does not fit 128 bits")
    return value
