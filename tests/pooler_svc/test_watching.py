import asyncio

import pytest

from pooler_svc.changes import Changes
from pooler_svc.watching import Watches
from poolkit.errors import ShuttingDown


def last_digit(value: int) -> int:
    return value % 10


async def test_a_value_is_shown_at_once_and_again_when_its_identity_changes() -> None:
    changes = Changes()
    shown = [1]
    watch = Watches(changes).watch(lambda: shown[-1], last_digit)
    assert await anext(watch) == 1
    waiting = asyncio.ensure_future(anext(watch))
    for value in (11, 21, 2):
        shown.append(value)
        changes.announce()
        await asyncio.sleep(0)
    assert await waiting == 2


async def test_a_value_that_is_not_there_yet_is_waited_for() -> None:
    changes = Changes()
    shown: list[int] = []
    watch = Watches(changes).watch(lambda: shown[-1] if shown else None, last_digit)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    shown.append(5)
    changes.announce()
    assert await waiting == 5


async def test_every_watch_ends_when_the_server_drains_also_one_in_its_pause() -> None:
    watches = Watches(Changes())
    waiting = [asyncio.create_task(_drain(watches, seconds)) for seconds in (0.0, 60.0)]
    await asyncio.sleep(0)
    await watches.end()
    for task in waiting:
        with pytest.raises(ShuttingDown):
            await task


async def _drain(watches: Watches, seconds: float) -> None:
    async for _ in watches.watch(lambda: 1, last_digit, seconds):
        pass
