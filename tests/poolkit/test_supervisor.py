"""Long tasks are restarted with growing pauses and end when told."""

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from poolkit.errors import RpcUnavailable
from poolkit.supervisor import Supervisor
from tests.poolkit.fakes import InstantWallClock


class Fragile:
    """A long task that fails a number of times before it stays."""

    def __init__(self, failures: list[Exception]) -> None:
        self._failures = failures
        self.runs = 0
        self.stays = asyncio.Event()
        self.cancelled = False

    async def run_forever(self) -> None:
        self.runs += 1
        if self._failures:
            raise self._failures.pop(0)
        self.stays.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


async def test_a_failing_task_is_restarted_until_it_stays() -> None:
    clock = InstantWallClock()
    task = Fragile([ValueError("one"), RpcUnavailable("two"), KeyError("three")])
    async with Supervisor(wall_clock=clock) as supervisor:
        supervisor.start("fragile", task.run_forever)
        await task.stays.wait()
        (status,) = supervisor.status()
        assert (status.name, status.running, status.restarts) == ("fragile", True, 3)
        assert status.last_error == "KeyError('three')"
    assert task.runs == 4
    assert task.cancelled
    assert clock.sleeps[0] <= 0.2 < clock.sleeps[2] * 2


async def test_one_task_failing_does_not_touch_the_others() -> None:
    steady, fragile = Fragile([]), Fragile([ValueError("x")])
    async with Supervisor(wall_clock=InstantWallClock()) as supervisor:
        supervisor.start("steady", steady.run_forever)
        supervisor.start("fragile", fragile.run_forever)
        await asyncio.gather(steady.stays.wait(), fragile.stays.wait())
        assert steady.runs == 1


async def test_a_task_that_returns_is_done() -> None:
    async def once() -> None:
        return

    async with Supervisor(wall_clock=InstantWallClock()) as supervisor:
        supervisor.start("once", once)
        while supervisor.status()[0].running:
            await asyncio.sleep(0)
        assert supervisor.status()[0].restarts == 0


async def test_a_name_is_used_once() -> None:
    async with Supervisor() as supervisor:
        supervisor.start("a", Fragile([]).run_forever)
        with pytest.raises(ValueError, match="named a"):
            supervisor.start("a", Fragile([]).run_forever)


async def test_a_task_that_loses_a_cancellation_is_cancelled_again() -> None:
    begun, lost = asyncio.Event(), 0

    async def deaf_once() -> None:
        nonlocal lost
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost += 1
        await asyncio.Event().wait()

    supervisor = Supervisor(stop_wall_seconds=4.0)
    supervisor.start("deaf", deaf_once)
    await begun.wait()
    with capture_logs() as lines:
        await supervisor.stop()
    assert (lost, lines) == (1, [])


async def test_a_task_that_does_not_end_is_left_behind_and_named() -> None:
    begun, free = asyncio.Event(), asyncio.Event()

    async def deaf() -> None:
        begun.set()
        while not free.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await free.wait()

    supervisor = Supervisor(stop_wall_seconds=0.05)
    supervisor.start("deaf", deaf)
    await begun.wait()
    with capture_logs() as lines:
        await supervisor.stop()
    assert [line["tasks"] for line in lines] == [["deaf"]]
    free.set()


async def test_stopping_twice_is_harmless() -> None:
    supervisor = Supervisor()
    task = Fragile([])
    supervisor.start("a", task.run_forever)
    await task.stays.wait()
    await supervisor.stop()
    await supervisor.stop()
    assert repr(supervisor) == "<Supervisor idle>"
