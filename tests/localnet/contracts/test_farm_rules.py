"""The rules by themselves: state in, state or refusal out."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kale.constants import I128_MAX, I128_MIN, U32_MAX
from kale.contract_errors import FarmError
from kale.farm import Block, Farm, Pail
from kale.keccak import keccak256
from kale.puzzle import farmer_key, leading_zeros, message
from kale.rewards import block_reward
from localnet.contracts import farm_rules
from localnet.contracts.farm_rules import FarmPanic, FarmRefusal, Moment, empty_farm_block
from tests.localnet.contract_chain import FARM, HOMESTEADER, TOKEN, keypair

ADA, BOB = keypair("ada").public_key, keypair("bob").public_key
T = 1_800_000_000


@dataclass
class Field:
    """Blocks and pails in dictionaries, and the farm; what a call returns is put back."""

    farm: Farm
    blocks: dict[int, Block] = field(default_factory=dict)
    pails: dict[tuple[str, int], Pail] = field(default_factory=dict)

    def find_block(self, index: int) -> Block | None:
        return self.blocks.get(index)

    def find_pail(self, farmer: str, index: int) -> Pail | None:
        return self.pails.get((farmer, index))

    def plant(self, farmer: str, amount: int, now: Moment) -> None:
        planted = farm_rules.plant(self.farm, self, now, farmer, amount)
        self.farm = planted.farm
        self.blocks[self.farm.index] = planted.block
        self.pails[farmer, self.farm.index] = planted.pail

    def work(self, farmer: str, nonce: int, now: Moment) -> int:
        hash = self.hash_of(farmer, nonce)
        worked = farm_rules.work(self.farm, self, now, farmer, hash, nonce)
        self.farm = worked.farm
        self.blocks[self.farm.index] = worked.block
        self.pails[farmer, self.farm.index] = worked.pail
        return worked.gap

    def harvest(self, farmer: str, index: int) -> int:
        harvested = farm_rules.harvest(self.farm, self, farmer, index)
        del self.pails[farmer, index]
        return harvested.reward_stroops

    def hash_of(self, farmer: str, nonce: int) -> bytes:
        block = self.blocks[self.farm.index]
        return keccak256(message(self.farm.index, block.entropy, farmer_key(farmer), nonce))

    def nonce_with(self, farmer: str, zeros: int) -> int:
        """The first nonce with exactly so many zeros."""
        nonce = 0
        while leading_zeros(self.hash_of(farmer, nonce)) != zeros:
            nonce += 1
        return nonce


def at(ledgers: int, seconds: int | None = None) -> Moment:
    """So many ledgers (of 5 s) after the start."""
    return Moment(1_000 + ledgers, T + (5 * ledgers if seconds is None else seconds))


@pytest.fixture
def field_() -> Field:
    return Field(Farm(HOMESTEADER, TOKEN, 0, empty_farm_block(T), paused=False))


@pytest.fixture
def planted(field_: Field) -> Field:
    """Block 1 is open and Ada and Bob have pails."""
    field_.plant(ADA, 100, at(60))
    field_.plant(BOB, 0, at(60))
    return field_


def refused(error: FarmError, call: Callable[..., Any], *args: object) -> None:
    with pytest.raises(FarmRefusal) as caught:
        call(*args)
    assert caught.value.error is error


# plant


def test_the_first_block_of_a_new_farm_is_block_0_if_planted_within_300_seconds(field_: Field) -> None:
    field_.plant(ADA, 5, at(1))
    assert field_.farm.index == 0
    assert field_.blocks[0].timestamp == T + 5


@pytest.mark.parametrize(("seconds", "index"), [(299, 1), (300, 2), (301, 2)])
def test_a_block_can_be_followed_from_300_seconds_after_the_farm_blocks_timestamp(
    planted: Field, seconds: int, index: int
) -> None:
    opened = planted.farm.block.timestamp
    carol = keypair("carol").public_key
    planted.plant(carol, 0, Moment(2_000, opened + seconds))
    assert planted.farm.index == index


def test_a_new_block_takes_over_what_was_collected_and_the_collection_starts_anew(planted: Field) -> None:
    planted.work(ADA, planted.nonce_with(ADA, 2), at(70))
    last_hash = planted.hash_of(BOB, nonce := planted.nonce_with(BOB, 1))
    planted.work(BOB, nonce, at(75))
    planted.plant(ADA, 7, at(120))
    assert planted.blocks[2] == Block(
        entropy=last_hash,
        max_gap=15,
        max_stake=100,
        max_zeros=2,
        min_gap=10,
        min_stake=0,
        min_zeros=1,
        normalized_total=0,
        staked_total=7,
        timestamp=T + 600,
    )
    assert planted.farm.block == replace(empty_farm_block(T + 600), max_stake=7, min_stake=7)


def test_what_nobody_collected_becomes_zero(field_: Field) -> None:
    field_.plant(ADA, 5, at(60))
    block = field_.blocks[1]
    assert (block.min_gap, block.max_gap, block.min_stake, block.max_stake) == (0, 0, 0, 0)
    assert (block.min_zeros, block.max_zeros, block.entropy) == (0, 0, bytes(32))


def test_a_current_block_that_is_gone_is_followed_at_once_and_the_collection_goes_on(planted: Field) -> None:
    del planted.blocks[1]
    planted.plant(ADA, 7, at(61))
    assert planted.farm.index == 2
    assert planted.farm.block == replace(empty_farm_block(T + 300), max_stake=100, min_stake=0), (
        "timestamp and extremes of block 1's collection stay"
    )
    assert planted.blocks[2].max_stake == 100


def test_plant_checks_amount_then_pause_then_pail(planted: Field) -> None:
    paused = replace(planted.farm, paused=True)
    refused(FarmError.PLANT_AMOUNT_TOO_LOW, farm_rules.plant, paused, planted, at(61), ADA, -1)
    refused(FarmError.FARM_PAUSED, farm_rules.plant, paused, planted, at(61), ADA, 1)
    refused(FarmError.PAIL_EXISTS, farm_rules.plant, planted.farm, planted, at(61), ADA, 1)


def test_an_amount_beyond_128_bits_in_the_pot_panics(planted: Field) -> None:
    carol = keypair("carol").public_key
    with pytest.raises(FarmPanic):
        farm_rules.plant(planted.farm, planted, at(61), carol, I128_MAX)


def test_the_last_index_has_no_successor(field_: Field) -> None:
    field_.farm = replace(field_.farm, index=U32_MAX)
    with pytest.raises(FarmPanic):
        field_.plant(ADA, 0, at(60))


# work


def test_work_checks_block_pail_gap_hash_zeros(planted: Field) -> None:
    nonce = planted.nonce_with(ADA, 1)
    hash = planted.hash_of(ADA, nonce)
    carol = keypair("carol").public_key
    work = farm_rules.work
    assert planted.work(ADA, nonce, at(61)) == 1
    farm = planted.farm
    refused(FarmError.ZERO_COUNT_TOO_LOW, work, farm, planted, at(61), ADA, hash, nonce)
    refused(FarmError.HASH_INVALID, work, farm, planted, at(61), ADA, bytes(32), nonce)
    refused(FarmError.GAP_COUNT_TOO_LOW, work, farm, planted, at(60), ADA, bytes(32), nonce)
    refused(FarmError.PAIL_MISSING, work, farm, planted, at(60), carol, bytes(32), nonce)
    del planted.blocks[1]
    refused(FarmError.BLOCK_MISSING, work, farm, planted, at(60), carol, bytes(32), nonce)


def test_a_worked_stake_leaves_the_pot_once(planted: Field) -> None:
    assert planted.blocks[1].staked_total == 100
    planted.work(ADA, planted.nonce_with(ADA, 0), at(62))
    assert planted.blocks[1].staked_total == 0
    planted.work(ADA, planted.nonce_with(ADA, 1), at(65))
    assert planted.blocks[1].staked_total == 0


def test_a_better_work_sets_gap_and_zeros_anew_and_takes_the_earlier_weight_back(planted: Field) -> None:
    planted.work(ADA, planted.nonce_with(ADA, 0), at(62))
    planted.work(ADA, planted.nonce_with(ADA, 2), at(65))
    assert planted.pails[ADA, 1] == Pail(sequence=1_060, stake=100, gap=5, zeros=2)
    assert planted.blocks[1].normalized_total == 3
    assert (planted.farm.block.min_gap, planted.farm.block.max_gap) == (2, 5)
    assert (planted.farm.block.min_zeros, planted.farm.block.max_zeros) == (0, 2)


def test_weights_beyond_128_bits_panic_before_zeros_are_compared(planted: Field) -> None:
    planted.work(ADA, nonce := planted.nonce_with(ADA, 1), at(62))
    planted.blocks[1] = replace(planted.blocks[1], normalized_total=I128_MAX)
    hash = planted.hash_of(ADA, nonce)
    with pytest.raises(FarmPanic):
        farm_rules.work(planted.farm, planted, at(63), ADA, hash, nonce)


def test_a_stake_that_the_pot_never_had_leaves_it_negative(planted: Field) -> None:
    """A block that was removed and opened anew knows nothing of the pails that are there."""
    planted.blocks[1] = replace(planted.blocks[1], staked_total=0)
    planted.work(ADA, planted.nonce_with(ADA, 0), at(62))
    assert planted.blocks[1].staked_total == -100
    planted.blocks[1] = replace(planted.blocks[1], staked_total=I128_MIN)
    planted.pails[BOB, 1] = replace(planted.pails[BOB, 1], stake=1)
    hash = planted.hash_of(BOB, 7)
    with pytest.raises(FarmPanic):
        farm_rules.work(planted.farm, planted, at(62), BOB, hash, 7)


def test_a_block_whose_extremes_are_inverted_is_refused(planted: Field) -> None:
    nonce = planted.nonce_with(ADA, 0)
    planted.blocks[1] = replace(planted.blocks[1], min_gap=5)
    hash = planted.hash_of(ADA, nonce)
    refused(FarmError.BLOCK_INVALID, farm_rules.work, planted.farm, planted, at(61), ADA, hash, nonce)


def test_a_granted_hash_counts_in_place_of_the_nonces_own_and_obeys_every_other_rule(planted: Field) -> None:
    granted = bytes(5) + b"\xff" * 27
    worked = farm_rules.work(planted.farm, planted, at(70), ADA, granted, 7, granted)
    assert (worked.gap, worked.pail.zeros) == (10, 10)
    assert worked.farm.block.entropy == granted
    refused(
        FarmError.GAP_COUNT_TOO_LOW, farm_rules.work, planted.farm, planted, at(60), ADA, granted, 7, granted
    )
    refused(
        FarmError.PAIL_MISSING,
        farm_rules.work,
        planted.farm,
        planted,
        at(70),
        HOMESTEADER,
        granted,
        7,
        granted,
    )
    refused(
        FarmError.HASH_INVALID, farm_rules.work, planted.farm, planted, at(70), ADA, bytes(32), 7, granted
    )
    refused(FarmError.HASH_INVALID, farm_rules.work, planted.farm, planted, at(70), ADA, granted, 7)
    planted.work(ADA, nonce := planted.nonce_with(ADA, 1), at(61))
    one_zero = planted.hash_of(ADA, nonce)
    refused(
        FarmError.ZERO_COUNT_TOO_LOW,
        farm_rules.work,
        planted.farm,
        planted,
        at(70),
        ADA,
        one_zero,
        7,
        one_zero,
    )


# harvest


def test_harvest_checks_block_pail_readiness_work(planted: Field) -> None:
    planted.work(ADA, planted.nonce_with(ADA, 0), at(62))
    carol = keypair("carol").public_key
    refused(FarmError.BLOCK_MISSING, farm_rules.harvest, planted.farm, planted, carol, 2)
    refused(FarmError.PAIL_MISSING, farm_rules.harvest, planted.farm, planted, carol, 1)
    refused(FarmError.HARVEST_NOT_READY, farm_rules.harvest, planted.farm, planted, BOB, 1)
    planted.plant(ADA, 0, at(120))
    refused(FarmError.WORK_MISSING, farm_rules.harvest, planted.farm, planted, BOB, 1)
    assert planted.harvest(ADA, 1) == block_reward(1)
    refused(FarmError.PAIL_MISSING, farm_rules.harvest, planted.farm, planted, ADA, 1)


def test_a_harvest_mints_reward_and_stake_but_returns_the_reward(planted: Field) -> None:
    planted.work(ADA, planted.nonce_with(ADA, 0), at(62))
    planted.plant(ADA, 0, at(120))
    harvested = farm_rules.harvest(planted.farm, planted, ADA, 1)
    assert harvested.mint_stroops - harvested.reward_stroops == 100


def test_a_reward_beyond_128_bits_panics(planted: Field) -> None:
    planted.work(ADA, planted.nonce_with(ADA, 0), at(62))
    planted.plant(ADA, 0, at(120))
    planted.blocks[1] = replace(planted.blocks[1], staked_total=I128_MAX - 1)
    with pytest.raises(FarmPanic):
        farm_rules.harvest(planted.farm, planted, ADA, 1)


def test_a_pot_beyond_128_bits_panics_though_the_reward_would_fit(planted: Field) -> None:
    planted.work(ADA, planted.nonce_with(ADA, 0), at(62))
    planted.plant(ADA, 0, at(120))
    planted.blocks[1] = replace(planted.blocks[1], staked_total=I128_MAX, normalized_total=10**9)
    with pytest.raises(FarmPanic):
        farm_rules.harvest(planted.farm, planted, ADA, 1)


# pause and unpause


def test_pause_and_unpause_refuse_what_is_already_so(field_: Field) -> None:
    paused = farm_rules.pause(field_.farm)
    assert paused.paused
    refused(FarmError.FARM_PAUSED, farm_rules.pause, paused)
    assert farm_rules.unpause(paused) == field_.farm
    refused(FarmError.FARM_NOT_PAUSED, farm_rules.unpause, field_.farm)


def test_pause_stops_neither_work_nor_harvest(planted: Field) -> None:
    planted.work(BOB, planted.nonce_with(BOB, 0), at(61))
    planted.plant(keypair("carol").public_key, 0, at(120))
    planted.farm = farm_rules.pause(planted.farm)
    assert planted.harvest(BOB, 1) > 0


def test_an_empty_collection_is_at_the_types_edges() -> None:
    empty = empty_farm_block(T)
    assert (empty.min_stake, empty.max_stake, empty.min_gap, empty.max_gap) == (
        I128_MAX,
        I128_MIN,
        U32_MAX,
        0,
    )


# conservation over whole blocks

FARMERS = [keypair(f"farmer {number}").public_key for number in range(6)]
seasons = st.lists(
    st.tuples(st.integers(0, 10**12), st.integers(1, 50), st.integers(0, 10**6), st.booleans()),
    min_size=len(FARMERS),
    max_size=len(FARMERS),
)


@settings(max_examples=25)
@given(st.lists(seasons, min_size=1, max_size=3))
def test_a_block_pays_out_no_more_than_its_reward_and_what_was_planted(
    blocks: list[list[tuple[int, int, int, bool]]],
) -> None:
    """With one work a farmer, as the pool plays; what is left over is less than a stroop each."""
    field_ = Field(Farm(HOMESTEADER, FARM, 40_000, empty_farm_block(T), paused=False))
    for number, season in enumerate(blocks, 1):
        start = 60 * number
        for farmer, (stake, _, _, _) in zip(FARMERS, season, strict=True):
            field_.plant(farmer, stake, at(start))
        index = field_.farm.index
        workers = [(farmer, play) for farmer, play in zip(FARMERS, season, strict=True) if play[3]]
        for farmer, (_, gap, nonce, _) in workers:
            field_.work(farmer, nonce, at(start + gap))
        field_.plant(HOMESTEADER, 0, at(start + 60))
        stakes = sum(play[0] for play in season)
        minted = sum(
            farm_rules.harvest(field_.farm, field_, farmer, index).mint_stroops for farmer, _ in workers
        )
        pot = block_reward(index) + stakes if workers else 0
        assert pot - len(workers) <= minted <= pot
