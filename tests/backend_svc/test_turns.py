import asyncio

import pytest

from backend_svc.turns import AccountTurns, Urgency


async def hold(turns: AccountTurns, urgency: Urgency, name: str, seen: list[str]) -> None:
    async with turns.turn("G1", urgency):
        seen.append(name)
        await asyncio.sleep(0)


async def test_waiting_phases_get_the_account_by_urgency_then_by_arrival() -> None:
    turns = AccountTurns()
    seen: list[str] = []
    async with turns.turn("G1", Urgency.HARVEST):
        waiting = [
            asyncio.create_task(hold(turns, Urgency.HARVEST, "harvest 1", seen)),
            asyncio.create_task(hold(turns, Urgency.HARVEST, "harvest 2", seen)),
            asyncio.create_task(hold(turns, Urgency.WORK, "work", seen)),
            asyncio.create_task(hold(turns, Urgency.PLANT, "plant", seen)),
        ]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    assert seen == ["plant", "work", "harvest 1", "harvest 2"]
    assert not turns.is_busy("G1")


async def test_accounts_do_not_wait_for_each_other() -> None:
    turns = AccountTurns()
    async with turns.turn("G1", Urgency.PLANT), turns.turn("G2", Urgency.PLANT):
        assert turns.is_busy("G1")
        assert turns.is_busy("G2")


async def test_a_cancelled_waiter_does_not_keep_the_account() -> None:
    turns = AccountTurns()
    seen: list[str] = []
    async with turns.turn("G1", Urgency.PLANT):
        gone = asyncio.create_task(hold(turns, Urgency.PLANT, "gone", seen))
        stays = asyncio.create_task(hold(turns, Urgency.HARVEST, "stays", seen))
        await asyncio.sleep(0)
        gone.cancel()
    await stays
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert seen == ["stays"]


async def test_a_waiter_cancelled_as_it_is_granted_passes_the_account_on() -> None:
    turns = AccountTurns()
    seen: list[str] = []
    async with turns.turn("G1", Urgency.PLANT):
        granted = asyncio.create_task(hold(turns, Urgency.PLANT, "granted", seen))
        stays = asyncio.create_task(hold(turns, Urgency.HARVEST, "stays", seen))
        await asyncio.sleep(0)
    granted.cancel()
    await stays
    assert seen == ["stays"]
    assert not turns.is_busy("G1")
