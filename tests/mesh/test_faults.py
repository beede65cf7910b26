"""The whole pool on real servers, and what it comes to when one of them fails.

Each test asserts the state in which its fault hit, and lets the pool play a whole block afterwards.
"""

from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS
from kalepool.v1 import backend_pb2
from tests.mesh.cutting_proxy import CuttingProxy
from tests.mesh.harness import FARMERS, Mesh, running_mesh
from tests.mesh.tcp_proxy import TcpProxy

PLANT_METHOD = "/kalepool.v1.BackendService/Plant"
OUTAGE_CHAIN_SECONDS = 30
OUTAGE_LEDGERS = OUTAGE_CHAIN_SECONDS // LEDGER_SECONDS


async def play_whole_block(mesh: Mesh, block_index: int) -> None:
    """Every farmer is planted, worked and harvested in the block, nothing twice, and it reconciles."""
    await mesh.wait_for_plants(block_index)
    await mesh.wait_for_works(block_index)
    await mesh.wait_for_harvests(block_index)
    assert len(await mesh.block_rows(block_index)) == mesh.farmers
    await mesh.assert_sent_once()
    await mesh.assert_reconciled()


async def first_planted_block(mesh: Mesh) -> int:
    """The index of the first block with a plant in a ledger."""

    async def planted() -> bool:
        return any(row.plant_ledger is not None for row in await mesh.rows())

    await mesh.eventually("a first farmer is planted", planted, chain_seconds=BLOCK_SECONDS + 100)
    return min(row.block_index for row in await mesh.rows())


async def test_a_block_is_planted_worked_and_harvested_for_every_farmer() -> None:
    async with running_mesh() as mesh:
        await mesh.pool.start_pooler()
        block_index = await first_planted_block(mesh)
        await play_whole_block(mesh, block_index)
        rows = await mesh.block_rows(block_index)
        assert all(row.stake_stroops and row.stake_stroops > 0 for row in rows)
        assert all(row.gap and row.gap >= 1 for row in rows)
        assert all(row.reward_stroops and row.reward_stroops > 0 for row in rows)


async def test_a_backend_killed_between_plant_and_work_goes_on_where_it_was() -> None:
    async with running_mesh() as mesh:
        await mesh.pool.start_pooler()
        block_index = await first_planted_block(mesh)
        await mesh.wait_for_plants(block_index)
        assert await mesh.count("SELECT count(*) FROM works WHERE status = 'confirmed'") == 0
        mesh.pool.backend.kill()
        await mesh.pool.backend.wait()
        await mesh.pool.start_backend()
        await play_whole_block(mesh, block_index)
        await play_whole_block(mesh, block_index + 1)


async def test_a_backend_killed_while_planting_ends_with_one_outcome_a_farmer() -> None:
    async with running_mesh() as mesh:
        await mesh.pool.start_pooler()

        async def in_flight() -> bool:
            return (
                await mesh.count(
                    "SELECT count(*) FROM transactions"
                    " WHERE purpose = 'plant' AND status IN ('prepared', 'submitted')"
                )
                > 0
            )

        await mesh.eventually("a plant is in flight", in_flight, chain_seconds=BLOCK_SECONDS + 100)
        mesh.pool.backend.kill()
        await mesh.pool.backend.wait()
        unfinished = await mesh.count("SELECT count(*) FROM plantings WHERE status = 'planting'")
        assert unfinished > 0
        await mesh.pool.start_backend()
        block_index = min(row.block_index for row in await mesh.rows())
        await play_whole_block(mesh, block_index)
        await play_whole_block(mesh, block_index + 1)


async def test_a_pooler_killed_during_work_goes_on_with_the_same_block() -> None:
    async with running_mesh() as mesh:
        await mesh.pool.start_pooler()
        block_index = await first_planted_block(mesh)
        await mesh.wait_for_plants(block_index)

        async def hashing() -> bool:
            return (await mesh.status()).farmers.hashing == FARMERS

        await mesh.eventually("every farmer is hashed for", hashing, chain_seconds=100)
        assert await mesh.count("SELECT count(*) FROM works WHERE status = 'confirmed'") == 0
        mesh.pool.pooler.kill()
        await mesh.pool.pooler.wait()
        await mesh.pool.start_pooler()
        await play_whole_block(mesh, block_index)
        await play_whole_block(mesh, block_index + 1)


async def test_thirty_chain_seconds_without_rpc_cost_no_block() -> None:
    async with running_mesh() as mesh:
        gateway = TcpProxy("127.0.0.1", mesh.pool.rpc_port)
        await gateway.open()
        through_gateway = {"RPC_URL": f"http://127.0.0.1:{gateway.port}"}
        mesh.pool.backend_settings.update(through_gateway)
        mesh.pool.pooler_settings.update(through_gateway)
        assert await mesh.pool.backend.stop()
        await mesh.pool.start_backend()
        await mesh.pool.start_pooler()
        block_index = await first_planted_block(mesh)
        await mesh.wait_for_plants(block_index)
        assert await mesh.count("SELECT count(*) FROM works WHERE status = 'confirmed'") == 0
        shut_at = (await mesh.rpc.latest_ledger()).close_time
        await gateway.shut()

        async def long_enough() -> bool:
            return (await mesh.rpc.latest_ledger()).close_time >= shut_at + OUTAGE_CHAIN_SECONDS

        await mesh.eventually("the outage lasts", long_enough, chain_seconds=OUTAGE_CHAIN_SECONDS * 3)
        blind_since = (await mesh.status()).current_block.ledger
        assert blind_since <= (await mesh.rpc.latest_ledger()).sequence - OUTAGE_LEDGERS
        await gateway.open()
        await play_whole_block(mesh, block_index)
        await play_whole_block(mesh, block_index + 1)
        await gateway.shut()


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

    async with running_mesh() as mesh:
        proxy = CuttingProxy("127.0.0.1", mesh.pool.backend_port, third_outcome)
        await proxy.open()
        mesh.pool.pooler_settings["BACKEND_ADDRESS"] = f"127.0.0.1:{proxy.port}"
        await mesh.pool.start_pooler()
        block_index = await first_planted_block(mesh)

        async def was_cut() -> bool:
            return proxy.cuts == 1

        await mesh.eventually("the proxy has cut the stream", was_cut, chain_seconds=BLOCK_SECONDS)
        assert len(set(outcomes[:cut_after])) == cut_after
        await play_whole_block(mesh, block_index)
        outcome_rows = await mesh.count(
            "SELECT count(*) FROM plantings WHERE block_index = %s AND status = 'planted'", block_index
        )
        assert outcome_rows == FARMERS
        status = await mesh.status()
        assert status.backend_link.reconnects >= 1
        await play_whole_block(mesh, block_index + 1)
        await proxy.shut()
