"""Tickets: one driver at a time, a ledger a return, and what becomes of a driver that is lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from localnet.admin.requests import AdminError
from localnet.admin.tickets import ReturnFields, TakeFields, Tickets
from localnet.chain.speed import DRIVEN
from localnet.driver import DrivenLedger, Driver, DriverError
from localnet.server import LocalnetNode
from localnet.settings import LocalnetSettings
from localnet.testing import NodeHandle, running_localnet
from tests.localnet.admin.conftest import Admin
from tests.localnet.conftest import START_TIME


@pytest.fixture
async def driven() -> AsyncIterator[NodeHandle]:
    """As `kalepool localnet --speed max --driver` starts it."""
    settings = LocalnetSettings(port=0, speed=DRIVEN, driver=True, start_time=START_TIME)
    async with LocalnetNode(settings) as node:
        yield NodeHandle(node)


class WallClock:
    """Wall time that passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


async def test_a_driver_closes_ledgers_and_leaves_the_speed_as_it_was() -> None:
    async with running_localnet(start_time=START_TIME, speed=0.001) as node:
        async with Driver(node.admin_url) as driver:
            assert node.clock.is_driven
            assert await driver.close_ledger() == DrivenLedger(2, START_TIME + 5)
            assert await driver.close_ledgers(10) == DrivenLedger(12, START_TIME + 55)
        assert node.clock.speed == 0.001
        assert node.chain.latest.sequence == 12


async def test_without_a_driver_a_chain_at_max_stands(driven: NodeHandle) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(driven.wait_for_ledgers(1), timeout=0.05)
    for closed in (2, 3):
        async with Driver(driven.admin_url) as driver:
            assert (await driver.close_ledger()).sequence == closed
    assert driven.clock.is_driven


async def test_there_is_one_driver_at_a_time(driven: NodeHandle) -> None:
    async with Driver(driven.admin_url) as driver:
        with pytest.raises(DriverError, match="another driver holds the ticket"):
            async with Driver(driven.admin_url):
                pass
        assert (await driver.close_ledger()).sequence == 2


async def test_the_ticket_of_a_driver_that_is_silent_is_free_again(driven: NodeHandle) -> None:
    wall = WallClock()
    tickets = Tickets(driven.chain, driven.clock, wall)
    lost = (await tickets.take(TakeFields(lease_wall_seconds=10)))["token"]
    wall.seconds += 9.9
    with pytest.raises(AdminError, match="another driver holds the ticket"):
        await tickets.take(TakeFields())
    wall.seconds += 0.2
    found = (await tickets.take(TakeFields()))["token"]
    assert (await tickets.return_(ReturnFields(token=found)))["sequence"] == 2
    with pytest.raises(AdminError, match="this is not the ticket that is held"):
        await tickets.return_(ReturnFields(token=lost))
    assert driven.chain.latest.sequence == 2


async def test_a_return_renews_the_lease_and_a_late_one_is_refused(driven: NodeHandle) -> None:
    wall = WallClock()
    tickets = Tickets(driven.chain, driven.clock, wall)
    ticket = await tickets.take(TakeFields(lease_wall_seconds=10))
    for _ in range(3):
        wall.seconds += 9
        ticket = await tickets.return_(ReturnFields(token=ticket["token"]))
    wall.seconds += 11
    with pytest.raises(AdminError, match="the ticket's lease of 10 s is over"):
        await tickets.return_(ReturnFields(token=ticket["token"]))
    assert driven.chain.latest.sequence == 4


async def test_a_return_whose_answer_was_lost_may_be_repeated(node: NodeHandle, admin: Admin) -> None:
    token = (await admin.ask("/ticket/take"))["token"]
    await admin.ask("/clock/speed", speed="max")
    await admin.ask("/clock/resume")
    answer = await admin.ask("/ticket/return", token=token)
    assert answer["token"] != token
    assert await admin.ask("/ticket/return", token=token) == answer
    assert node.chain.latest.sequence == 2
    assert (await admin.ask("/ticket/return", token=answer["token"]))["sequence"] == 3
    assert (await admin.refused("/ticket/return", token=token))[0] == 409
    assert node.chain.latest.sequence == 3


async def test_a_ticket_closes_nothing_while_the_clock_runs_or_is_paused(
    node: NodeHandle, admin: Admin
) -> None:
    token = (await admin.ask("/ticket/take"))["token"]
    refused = await admin.refused("/ticket/return", token=token)
    assert refused == (409, "speed is 60.0; ledgers close by ticket at max only")
    await admin.ask("/clock/speed", speed="max")
    assert await admin.refused("/ticket/return", token=token) == (409, "the clock is paused")
    await admin.ask("/ticket/release", token=token)
    assert (await admin.ask("/status"))["driver"] is False
    assert node.chain.latest.sequence == 1


async def test_a_driver_of_a_node_that_is_away_is_told_so() -> None:
    with pytest.raises(DriverError, match=r"no answer from http://127\.0\.0\.1:9"):
        async with Driver("http://127.0.0.1:9"):
            pass
