"""Chain time: facts from ledgers, predictions at the measured pace, waiting that ends."""

import asyncio
import random

import pytest

from kale.constants import LEDGER_SECONDS
from poolkit.chain_clock import (
    LONGEST_LEAD_SECONDS,
    SHORTEST_NAP_WALL_SECONDS,
    ChainClock,
    LedgerFollower,
    measured_pace,
)
from poolkit.errors import RpcUnavailable
from poolkit.rpc_answers import LedgerHead
from tests.poolkit.fakes import InstantWallClock

GENESIS = 1_700_000_000


class Chain:
    """A chain that closes a ledger every 5 chain seconds at a pace, on a test's clock."""

    def __init__(self, clock: InstantWallClock, pace: float) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self.pace = pace
        self.failing = False

    def true_now(self) -> float:
        return GENESIS + (self._clock.monotonic() - self._start) * self.pace

    async def latest_ledger(self) -> LedgerHead:
        if self.failing:
            raise RpcUnavailable("down")
        number = int(self.true_now() - GENESIS) // LEDGER_SECONDS
        return LedgerHead(100 + number, GENESIS + number * LEDGER_SECONDS)


def head(sequence: int, close_time: int) -> LedgerHead:
    return LedgerHead(sequence, close_time)


@pytest.mark.parametrize("pace", [1.0, 10.0, 60.0])
def test_the_pace_is_measured_from_jittery_sightings(pace: float) -> None:
    rng = random.Random(11)
    sightings = [
        ((i * LEDGER_SECONDS + rng.random()) / pace, GENESIS + i * LEDGER_SECONDS + rng.choice((0, 1)))
        for i in range(20)
    ]
    measured = measured_pace(sightings)
    assert measured == pytest.approx(pace, rel=0.05)


def test_a_ledger_seen_late_hardly_changes_the_pace() -> None:
    sightings = [(i * 5.0 + (20.0 if i == 15 else 0.0), GENESIS + i * 5) for i in range(20)]
    assert measured_pace(sightings) == pytest.approx(1.0, rel=0.02)


def test_ledgers_with_the_same_close_time_do_not_stop_the_pace() -> None:
    sightings = [(i * 2.5, GENESIS + (i // 2) * 5) for i in range(20)]
    assert measured_pace(sightings) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    "sightings", [[], [(0.0, 5)], [(0.0, 5), (5.0, 10)], [(1.0, 5), (1.0, 10), (1.0, 15)]]
)
def test_too_few_sightings_say_nothing(sightings: list[tuple[float, int]]) -> None:
    assert measured_pace(sightings) is None


def test_now_goes_on_between_ledgers_and_never_back() -> None:
    wall = InstantWallClock()
    clock = ChainClock(wall_clock=wall, initial_pace=10)
    clock.observe(head(7, GENESIS))
    wall.advance(0.4)
    assert clock.now() == pytest.approx(GENESIS + 4)
    wall.advance(0.6)
    late = clock.now()
    assert late == pytest.approx(GENESIS + 10)
    clock.observe(head(8, GENESIS + 5))
    assert clock.now() == late
    wall.advance(0.6)
    assert clock.now() == pytest.approx(GENESIS + 11)


def test_a_lagging_node_does_not_turn_the_clock_back() -> None:
    clock = ChainClock(wall_clock=InstantWallClock())
    clock.observe(head(9, GENESIS + 10))
    clock.observe(head(8, GENESIS + 5))
    clock.observe(head(9, GENESIS + 5))
    assert clock.get_head() == head(9, GENESIS + 10)


def test_before_the_first_ledger_there_is_no_time() -> None:
    clock = ChainClock(wall_clock=InstantWallClock())
    assert clock.head is None
    with pytest.raises(RpcUnavailable, match="no ledger has been seen yet"):
        clock.now()


def test_the_age_of_the_first_ledger_does_not_spoil_the_pace() -> None:
    wall = InstantWallClock()
    clock = ChainClock(wall_clock=wall)
    clock.observe(head(1, GENESIS))
    wall.advance(0.1)
    for number in range(1, 5):
        clock.observe(head(1 + number, GENESIS + 5 * number))
        wall.advance(5)
    assert clock.pace == pytest.approx(1.0, rel=0.01)
    assert repr(clock) == f"<ChainClock head={clock.head} pace=1.000>"


async def test_waiting_for_a_ledger_ends_with_the_first_one_at_or_after_it() -> None:
    clock = ChainClock(wall_clock=InstantWallClock())
    waiting = asyncio.ensure_future(clock.wait_for_ledger(10))
    await asyncio.sleep(0)
    clock.observe(head(9, GENESIS))
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.observe(head(12, GENESIS + 15))
    assert await waiting == head(12, GENESIS + 15)
    assert await clock.wait_for_ledger(11) == head(12, GENESIS + 15)


async def test_waiting_for_a_close_time_goes_by_ledger_facts() -> None:
    wall = InstantWallClock()
    clock = ChainClock(wall_clock=wall)
    clock.observe(head(1, GENESIS))
    waiting = asyncio.ensure_future(clock.wait_until(GENESIS + 300))
    wall.advance(1_000)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.observe(head(2, GENESIS + 299))
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.observe(head(3, GENESIS + 301))
    assert await waiting == head(3, GENESIS + 301)


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    clock = ChainClock(wall_clock=InstantWallClock())
    waiting = asyncio.ensure_future(clock.wait_for_next_ledger())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clock.observe(head(1, GENESIS))
    assert (await clock.wait_for_ledger(0)).sequence == 1


def test_a_fast_chain_that_stands_is_predicted_two_ledgers_ahead_and_then_at_the_wall_s_pace() -> None:
    wall = InstantWallClock()
    clock = ChainClock(wall_clock=wall, initial_pace=250)
    clock.observe(head(7, GENESIS))
    wall.advance(1)
    assert clock.now() == GENESIS + LONGEST_LEAD_SECONDS
    wall.advance(59)
    assert clock.now() == pytest.approx(GENESIS + 60)
    clock.observe(head(8, GENESIS + 70))
    wall.advance(0.02)
    assert clock.now() == pytest.approx(GENESIS + 75)


def test_a_chain_in_real_time_is_predicted_however_late_its_ledger_is() -> None:
    wall = InstantWallClock()
    clock = ChainClock(wall_clock=wall)
    clock.observe(head(7, GENESIS))
    wall.advance(120)
    assert clock.now() == pytest.approx(GENESIS + 120)


@pytest.mark.parametrize("pace", [1.0, 60.0])
async def test_sleep_lasts_chain_seconds(pace: float) -> None:
    wall = InstantWallClock()
    chain = Chain(wall, pace)
    clock = ChainClock(wall_clock=wall, initial_pace=pace)
    following = asyncio.ensure_future(LedgerFollower(chain, clock, wall_clock=wall).run_forever())
    await clock.wait_for_ledger(120)
    before = chain.true_now()
    await clock.sleep(120)
    following.cancel()
    assert chain.true_now() - before == pytest.approx(120, abs=LEDGER_SECONDS)


async def test_a_sleep_on_a_chain_that_stands_does_not_spin() -> None:
    wall = InstantWallClock()
    clock = ChainClock(wall_clock=wall, initial_pace=250)
    clock.observe(head(7, GENESIS))
    wall.advance(1)
    sleeping = asyncio.ensure_future(clock.sleep(0.01))
    while not sleeping.done():
        await asyncio.sleep(0)
    assert min(wall.sleeps) >= SHORTEST_NAP_WALL_SECONDS


async def test_a_pause_ends_although_the_chain_stands() -> None:
    wall = InstantWallClock()
    clock = ChainClock(wall_clock=wall, initial_pace=60)
    clock.observe(head(7, GENESIS))
    await clock.pause(120)
    assert wall.sleeps == [2.0]


async def test_sleep_follows_a_pace_that_is_learnt_meanwhile() -> None:
    wall = InstantWallClock()
    chain = Chain(wall, pace=60)
    clock = ChainClock(wall_clock=wall)
    clock.observe(await chain.latest_ledger())
    before, target = wall.monotonic(), chain.true_now() + 600
    sleeping = asyncio.ensure_future(clock.sleep(600))
    while not sleeping.done():
        clock.observe(await chain.latest_ledger())
        await asyncio.sleep(0)
    assert wall.monotonic() - before < 15
    assert chain.true_now() == pytest.approx(target, abs=60)


@pytest.mark.parametrize("pace", [1.0, 20.0, 60.0])
async def test_the_follower_keeps_the_clock_close_to_the_chain(pace: float) -> None:
    wall = InstantWallClock()
    chain = Chain(wall, pace)
    clock = ChainClock(wall_clock=wall)
    follower = LedgerFollower(chain, clock, wall_clock=wall)
    following = asyncio.ensure_future(follower.run_forever())
    await clock.wait_for_ledger(160)
    errors = []
    for sequence in range(161, 180):
        await clock.wait_for_ledger(sequence)
        errors.append(abs(clock.now() - chain.true_now()))
    following.cancel()
    assert clock.pace == pytest.approx(pace, rel=0.05)
    # A tenth of a ledger is the poll's step; at pace 60 ten milliseconds are the shortest.
    assert max(errors) < 1.5


async def test_polls_are_few_and_bounded() -> None:
    wall = InstantWallClock()
    chain = Chain(wall, pace=60)
    clock = ChainClock(wall_clock=wall)
    follower = LedgerFollower(chain, clock, wall_clock=wall)
    following = asyncio.ensure_future(follower.run_forever())
    await clock.wait_for_ledger(200)
    polls_before = len(wall.sleeps)
    await clock.wait_for_ledger(300)
    following.cancel()
    assert (len(wall.sleeps) - polls_before) / 100 < 7
    assert min(wall.sleeps) >= 0.01
    assert max(wall.sleeps) <= 1.0


async def test_the_follower_survives_an_outage_and_wakes_the_waiters_after_it() -> None:
    wall = InstantWallClock()
    chain = Chain(wall, pace=10)
    clock = ChainClock(wall_clock=wall)
    follower = LedgerFollower(chain, clock, wall_clock=wall)
    following = asyncio.ensure_future(follower.run_forever())
    await clock.wait_for_ledger(120)
    chain.failing = True
    waiting = asyncio.ensure_future(clock.wait_for_ledger(180))
    outage_ends = wall.monotonic() + 30
    while wall.monotonic() < outage_ends:
        await asyncio.sleep(0)
    assert not waiting.done()
    assert "failing=True" in repr(follower)
    chain.failing = False
    assert (await waiting).sequence >= 180
    assert clock.pace == pytest.approx(10, rel=0.1)
    following.cancel()
