"""The clock by hand: speed, pause, steps and jumps, and that clients see each ledger."""

import asyncio

import pytest
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.networks import LOCAL
from localnet.testing import NodeHandle
from tests.localnet.admin.conftest import Admin
from tests.localnet.conftest import START_TIME
from tests.localnet.wallet import Wallet


async def test_a_resumed_clock_runs_at_the_speed_it_was_given(node: NodeHandle, admin: Admin) -> None:
    assert (await admin.ask("/clock/speed", speed=1000))["speed"] == 1000
    assert node.chain.latest.sequence == 1
    assert (await admin.ask("/clock/resume"))["paused"] is False
    await node.wait_for_ledgers(3)
    answer = await admin.ask("/clock/pause")
    assert answer["paused"] is True
    assert answer["sequence"] == node.chain.latest.sequence >= 4


async def test_a_new_speed_counts_at_once(node: NodeHandle, admin: Admin) -> None:
    """A ledger that was minutes away comes now."""
    await admin.ask("/clock/speed", speed=0.001)
    await admin.ask("/clock/resume")
    await admin.ask("/clock/speed", speed=1000)
    await node.wait_for_ledgers(1)
    assert node.chain.latest.sequence >= 2


async def test_a_paused_clock_closes_nothing(node: NodeHandle, admin: Admin) -> None:
    await admin.ask("/clock/speed", speed=1000)
    await admin.ask("/clock/resume")
    await node.wait_for_ledgers(1)
    paused_at = (await admin.ask("/clock/pause"))["sequence"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(node.wait_for_ledgers(1), timeout=0.05)
    assert (await admin.ask("/status"))["sequence"] == paused_at


async def test_steps_close_ledgers_and_waiting_requests_see_each(
    node: NodeHandle, admin: Admin, rpc: SorobanServerAsync
) -> None:
    async def watch() -> list[int]:
        return [(await node.chain.next_ledger_closed()).sequence for _ in range(5)]

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    answer = await admin.ask("/clock/step", ledgers=5)
    assert answer == {
        "closed_ledgers": 5,
        "sequence": 6,
        "close_time": START_TIME + 25,
        "speed": 60.0,
        "paused": True,
    }
    assert await watching == [2, 3, 4, 5, 6]
    assert (await rpc.get_latest_ledger()).sequence == 6


@pytest.mark.parametrize(
    ("before", "latest"), [(0, 295), (5, 290), (7, 290), (295, 0), (-5, 300), (-12, 310), (300, 0)]
)
async def test_a_jump_leaves_the_chosen_time_to_the_next_ledger(
    node: NodeHandle, admin: Admin, before: int, latest: int
) -> None:
    answer = await admin.ask("/clock/jump", before_seconds=before)
    assert answer["close_time"] == START_TIME + latest
    assert answer["closed_ledgers"] == latest // 5
    assert (await admin.ask("/clock/jump", before_seconds=before))["closed_ledgers"] == 0


async def test_five_seconds_after_the_boundary_a_simulated_plant_opens_the_next_block(
    node: NodeHandle, admin: Admin, farmer: Wallet
) -> None:
    plant = calls.plant(LOCAL.farm_contract_id, farmer.address, 0)
    await admin.ask("/clock/jump", before_seconds=-5)
    assert (await farmer.call(plant)).succeeded
    status = await admin.ask("/status")
    assert (status["block_index"], status["seconds_to_boundary"]) == (1, 300)


@pytest.mark.parametrize(
    ("speed", "text"),
    [
        (0, "speed is 0, must be above 0 and at most 1000, or max with a driver"),
        (1000.5, "speed is 1000.5, must be"),
        (-1, "speed is -1, must be"),
        ("fast", "speed is 'fast', must be a number or max"),
        (True, "Input should be a valid number"),
        (None, "Input should be a valid number"),
    ],
)
async def test_a_speed_that_cannot_be_is_refused(admin: Admin, speed: object, text: str) -> None:
    status, answer = await admin.post("/clock/speed", json={"speed": speed})
    assert (status, answer["field"], answer["value"]) == (400, "speed", speed)
    assert text in answer["error"]


async def test_max_is_refused_without_a_driver(node: NodeHandle, admin: Admin) -> None:
    refused = await admin.refused("/clock/speed", speed="max")
    assert refused == (409, "speed max needs a driver, and nobody holds the ticket")
    assert not node.clock.is_driven
