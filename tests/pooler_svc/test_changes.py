import asyncio

from pooler_svc.changes import Changes


async def test_a_change_between_looking_and_waiting_is_not_missed() -> None:
    changes = Changes()
    seen = changes.version
    changes.announce()
    assert await changes.wait_beyond(seen, timeout_wall_seconds=60) == 1


async def test_one_change_wakes_everybody() -> None:
    changes = Changes()
    waiters = [asyncio.create_task(changes.wait_beyond(0)) for _ in range(3)]
    await asyncio.sleep(0)
    changes.announce()
    assert await asyncio.gather(*waiters) == [1, 1, 1]


async def test_without_a_change_the_wait_ends_at_its_timeout() -> None:
    assert await Changes().wait_beyond(0, timeout_wall_seconds=0.001) == 0
