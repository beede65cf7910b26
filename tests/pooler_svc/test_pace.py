import asyncio

import pytest

from pooler_svc.changes import Changes
from pooler_svc.pace import step_forever
from poolkit.chain_clock import ChainClock
from poolkit.errors import RpcUnavailable
from poolkit.rpc_answers import LedgerHead

LOOP_ROUNDS = 200


def clock_at(close_time: int) -> ChainClock:
    clock = ChainClock(initial_pace=60.0)
    clock.observe(LedgerHead(100, close_time))
    return clock


async def test_a_step_runs_again_at_a_change_and_at_the_time_that_it_named() -> None:
    changes, clock = Changes(), clock_at(1_000)
    times: asyncio.Queue[float] = asyncio.Queue()

    async def step() -> float:
        times.put_nowait(clock.now())
        return 1_000.0 + 5.0 * times.qsize()

    running = asyncio.create_task(step_forever("planting", step, changes, clock))
    await times.get()
    changes.announce()
    assert await times.get() < 1_005.0
    assert await times.get() >= 1_005.0
    running.cancel()


async def test_a_step_that_names_a_time_in_the_past_does_not_take_the_whole_cpu() -> None:
    changes, clock, steps = Changes(), clock_at(1_000), 0

    async def step() -> float:
        nonlocal steps
        steps += 1
        return 0.0

    running = asyncio.create_task(step_forever("planting", step, changes, clock))
    for _ in range(LOOP_ROUNDS):
        await asyncio.sleep(0)
    assert 1 <= steps < LOOP_ROUNDS / 4
    running.cancel()


async def test_a_part_is_behind_from_a_change_until_its_step_is_done() -> None:
    changes, clock = Changes(), clock_at(1_000)
    began, finish = asyncio.Event(), asyncio.Event()

    async def step() -> None:
        began.set()
        await finish.wait()

    running = asyncio.create_task(step_forever("planting", step, changes, clock))
    await began.wait()
    assert changes.followers_behind == 1
    finish.set()
    await asyncio.sleep(0)
    assert changes.followers_behind == 0
    began.clear()
    changes.announce()
    assert changes.followers_behind == 1
    await began.wait()
    await asyncio.sleep(0)
    assert changes.followers_behind == 0
    running.cancel()


async def test_a_part_that_failed_is_behind_until_it_has_stepped_again() -> None:
    changes, clock, steps = Changes(), clock_at(1_000), 0

    async def step() -> float:
        nonlocal steps
        steps += 1
        if steps == 2:
            raise RpcUnavailable("nobody answers")
        return 1_000.0 if steps == 1 else 2_000.0

    with pytest.raises(RpcUnavailable):
        await step_forever("planting", step, changes, clock)
    assert changes.followers_behind == 1
    again = asyncio.create_task(step_forever("planting", step, changes, clock))
    await asyncio.sleep(0)
    assert (steps, changes.followers_behind) == (3, 0)
    again.cancel()
