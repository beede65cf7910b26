"""What a stranger does with our pails is told as it is, and never as a failure."""

import pytest

from kalepool.v1 import backend_pb2
from tests.contracts.player import Player, found
from tests.contracts.running_pool import RunningPool
from tests.contracts.stranger import somebody

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_strangers_better_work_is_confirmed_as_an_outsiders(pool: RunningPool) -> None:
    player = await Player.join(pool)
    block = await player.plant_new_block()
    poor = player.solve(block, hashes=1)
    good = player.solve(block, zeros=poor.zeros + 1)
    async with somebody(pool) as stranger:
        await stranger.work(player.farmer.public_key, good.hash, good.nonce)
    told = await player.work(found(block.index, poor))
    receipt = [response.receipt for response in told if response.HasField("receipt")][-1]
    assert receipt.state == backend_pb2.WORK_STATE_CONFIRMED
    assert receipt.by_outsider
    assert receipt.zeros == good.zeros
