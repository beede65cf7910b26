"""The whole pool on real servers, and what it comes to when one of them fails.

Each test asserts the state in which its fault hit, and lets the pool play a whole block afterwards.
"""

import pytest

from backend_svc.store.database import in_transaction
from kale.constants import LEDGER_SECONDS
from kalepool.v1 import backend_pb2
from tests.mesh.cutting_proxy import CuttingProxy
from tests.mesh.harness import FARMERS, Mesh, running_mesh
from tests.mesh.tcp_proxy import TcpProxy

PLANT_METHOD = "/kalepool.v1.BackendService/Plant"
OUTAGE_CHAIN_SECONDS = 30
OUTAGE_LEDGERS = OUTAGE_CHAIN_SECONDS // LEDGER_SECONDS

pytestmark = pytest.mark.timeout(900)


async def play_whole_block(mesh: Mesh, block_index: int) -> None:
    """Every farmer is planted, worked and harvested in the block, nothing twice, and it reconciles."""
    await mesh.wait_for_plants(block_index)
    await mesh.wait_for_works(block_index)
    await mesh.wait_for_harvests(block_index)
    assert len(await mesh.block_rows(block_index)) == mesh.farmers
    await mesh.assert_sent_once()
    await mesh.assert_reconciled()


async def pause_with_plants_in_flight(mesh: Mesh) -> None:
    """The chain stands still; a plant that the Backend has sent, or is about to, is in no ledger."""

    async def in_flight() -> bool:
        sent = await mesh.database.run(plants_sent)
        return any([(await mesh.rpc.transaction(hash.hex())).ledger is None for hash in sent])

    async def stands_still_with_one() -> bool:
        if not await in_flight():
            return False
        await mesh.set_clock("pause")
        if await in_flight():
            return True
        await mesh.set_clock("resume")  # a ledger was faster
        return False

    await mesh.eventually("a plant is in flight", stands_still_with_one)


def plants_sent() -> list[bytes]:
    """Hashes of the plants whose outcome the Backend does not know."""
    cursor = in_transaction().execute_sql(
        "SELECT hash FROM transactions WHERE purpose = 'plant' AND status IN ('prepared', 'submitted')"
    )
    return [bytes(row[0]) for row in cursor.fetchall()]


async def test_a_block_is_planted_worked_and_harvested_for_every_farmer() -> None:
    async with running_mesh() as mesh:
        block_index = await mesh.start_pooler_in_a_new_block()
        await mesh.skip_hashing(block_index)
        await play_whole_block(mesh, block_index)
        rows = await mesh.block_rows(block_index)
        assert all(row.stake_stroops and row.stake_stroops > 0 for row in rows)
        assert all(row.gap and row.gap >= 1 for row in rows)
        assert all(row.reward_stroops and row.reward_stroops > 0 for row in rows)


async def test_a_backend_killed_between_plant_and_work_goes_on_where_it_was() -> None:
    async with running_mesh() as mesh:
        block_index = await mesh.start_pooler_in_a_new_block()
        await mesh.wait_for_plants(block_index)
        assert await mesh.count("SELECT count(*) FROM works WHERE status = 'confirmed'") == 0
        mesh.pool.backend.kill()
        await mesh.pool.backend.wait()
        await mesh.pool.start_backend()
        await mesh.skip_hashing(block_index)
        await play_whole_block(mesh, block_index)
        await play_whole_block(mesh, block_index + 1)


async def test_a_backend_killed_while_planting_ends_with_one_outcome_a_farmer() -> None:
    async with running_mesh() as mesh:
        block_index = await mesh.start_pooler_in_a_new_block()
        await pause_with_plants_in_flight(mesh)
        mesh.pool.backend.kill()
        await mesh.pool.backend.wait()
        unfinished = await mesh.count("SELECT count(*) FROM plantings WHERE status = 'planting'")
        assert unfinished > 0
        await mesh.set_clock("resume")
        await mesh.pool.start_backend()
        await mesh.skip_hashing(block_index)
        await play_whole_block(mesh, block_index)
        await play_whole_block(mesh, block_index + 1)


async def test_a_pooler_killed_during_work_goes_on_with_the_same_block() -> None:
    async with running_mesh() as mesh:
        block_index = await mesh.start_pooler_in_a_new_block()
        await mesh.wait_for_plants(block_index)

        async def hashing() -> bool:
            return (await mesh.status()).farmers.hashing == FARMERS

        await mesh.eventually("every farmer is hashed for", hashing)
        assert await mesh.count("SELECT count(*) FROM works WHERE status = 'confirmed'") == 0
        mesh.pool.pooler.kill()
        await mesh.pool.pooler.wait()
        await mesh.pool.start_pooler()
        await mesh.skip_hashing(block_index)
        await play_whole_block(mesh, block_index)
        await play_whole_block(mesh, block_index + 1)


async def test_thirty_chain_seconds_without_rpc_cost_no_block() -> None:
    async with running_mesh() as mesh, TcpProxy("127.0.0.1", mesh.pool.rpc_port) as gateway:
        through_gateway = {"RPC_URL": f"http://127.0.0.1:{gateway.port}"}
        mesh.pool.backend_settings.update(through_gateway)
        mesh.pool.pooler_settings.update(through_gateway)
        assert await mesh.pool.backend.stop()
        await mesh.pool.start_backend()
        block_index = await mesh.start_pooler_in_a_new_block()
        await mesh.wait_for_plants(block_index)
        assert await mesh.count("SELECT count(*) FROM works WHERE status = 'confirmed'") == 0
        shut_at = (await mesh.rpc.latest_ledger()).close_time
        await gateway.shut()

        async def long_enough() -> bool:
            return (await mesh.rpc.latest_ledger()).close_time >= shut_at + OUTAGE_CHAIN_SECONDS

        await mesh.eventually("the outage lasts", long_enough)
        blind_since = (await mesh.status()).current_block.ledger
        assert blind_since <= (await mesh.rpc.latest_ledger()).sequence - OUTAGE_LEDGERS
        await gateway.open()
        await mesh.skip_hashing(block_index)
        await play_whole_block(mesh, block_index)
        await play_whole_block(mesh, block_index + 1)


async def test_a_plant_stream_cut_after_the_third_outcome_resumes_without_doubles() -> None:
    outcomes: list[str] = []
    cut_after = 3

    def third_outcome(path: str, message: bytes) -> bool:
        if path != PLANT_METHOD:
            return False
        response = backend_pb2.PlantResponse.FromString(message)
        if response.HasField("outcome"):
            outcomes.append(response.outcome.farmer_id)
        return response.HasField("outcome") and len(outcomes) == cut_after

    async with (
        running_mesh() as mesh,
        CuttingProxy("127.0.0.1", mesh.pool.backend_port, third_outcome) as proxy,
    ):
        mesh.pool.pooler_settings["BACKEND_ADDRESS"] = f"127.0.0.1:{proxy.port}"
        block_index = await mesh.start_pooler_in_a_new_block()

        async def was_cut() -> bool:
            return proxy.cuts == 1

        await mesh.eventually("the proxy has cut the stream", was_cut)
        assert len(set(outcomes[:cut_after])) == cut_after
        await mesh.skip_hashing(block_index)
        await play_whole_block(mesh, block_index)
        outcome_rows = await mesh.count(
            "SELECT count(*) FROM plantings WHERE block_index = %s AND status = 'planted'", block_index
        )
        assert outcome_rows == FARMERS
        status = await mesh.status()
        assert status.backend_link.reconnects >= 1
        await play_whole_block(mesh, block_index + 1)
