"""A whole pool in processes of its own, and what a test asks of it."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from backend_svc.store.database import Database, in_transaction
from backend_svc.store.reports import FarmerBlock, list_farmer_blocks
from kale.constants import BLOCK_SECONDS, U32_MAX
from kale.networks import LOCAL
from kalepool.v1 import admin_pb2, pooler_pb2
from kalepool.v1.admin_pb2_grpc import AdminServiceStub
from kalepool.v1.pooler_pb2_grpc import PoolerServiceStub
from kalepool_cli.demo.farmers import add_farmers
from kalepool_cli.local_pool import LocalPool
from poolkit.farm_reader import FarmReader
from poolkit.stellar_rpc import StellarRpc

SPEED = 10.0
"""Chain seconds a second: a block lasts 30 s of wall time, a ledger half a second."""
FARMERS = 5
PATIENCE_WALL_SECONDS = 240
"""Nothing is waited for that long but what never comes, however busy the machine is."""
_POLL_WALL_SECONDS = 0.02


class Mesh:
    """A running pool with farmers, its records, and its chain."""

    def __init__(self, pool: LocalPool, database: Database, rpc: StellarRpc, farmers: int) -> None:
        self.pool = pool
        self.database = database
        self.rpc = rpc
        self.farm = FarmReader(rpc, LOCAL)
        self.farmers = farmers

    async def set_clock(self, change: str, **fields: object) -> None:
        """`pause`, `resume` or `jump`, as the chain's admin endpoint knows them."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.pool.localnet_admin_url}/clock/{change}", json=fields) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def start_pooler_in_a_new_block(self) -> int:
        """The Pooler can open the next block at once, and has all of its time; its index."""
        index = await self.current_index() + 1
        await self.set_clock("jump", before_seconds=0)
        await self.pool.start_pooler()
        return index

    async def skip_hashing(self, block_index: int) -> None:
        """Once there is a nonce for every farmer, the block has a third of its time left."""

        async def recorded() -> bool:
            works = await self.count("SELECT count(*) FROM works WHERE block_index = %s", block_index)
            return works == self.farmers

        await self.eventually(f"a nonce for everybody in block {block_index}", recorded)
        await self.set_clock("jump", before_seconds=BLOCK_SECONDS // 3)

    async def eventually(self, what: str, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait until other processes have brought it about; AssertionError with the logs' ends if not."""
        try:
            async with asyncio.timeout(PATIENCE_WALL_SECONDS):
                while not await condition():
                    await asyncio.sleep(_POLL_WALL_SECONDS)
        except TimeoutError:
            raise AssertionError(
                f"not within {PATIENCE_WALL_SECONDS} s: {what}\n{await self.describe()}"
            ) from None

    async def describe(self) -> str:
        """Records and logs, for the message of a failed test."""
        rows = "\n".join(str(row) for row in await self.rows())
        logs = "\n".join(f"--- {process.name}\n{process.log_tail(30)}" for process in self.pool.processes)
        return f"{rows}\n{logs}"

    async def rows(self) -> list[FarmerBlock]:
        """What the records say of every farmer in every block."""
        return await self.database.run(list_farmer_blocks, 0, U32_MAX)

    async def block_rows(self, block_index: int) -> list[FarmerBlock]:
        return [row for row in await self.rows() if row.block_index == block_index]

    async def count(self, sql: str, *parameters: object) -> int:
        """The single number that a query answers."""

        def ask() -> int:
            number: int = in_transaction().execute_sql(sql, parameters).fetchone()[0]
            return number

        return await self.database.run(ask)

    async def current_index(self) -> int:
        return (await self.farm.farm()).farm.index

    async def wait_for_block(self, block_index: int) -> None:
        """Until somebody has opened the block."""

        async def opened() -> bool:
            return await self.current_index() >= block_index

        await self.eventually(f"block {block_index} is open", opened)

    async def wait_for_plants(self, block_index: int) -> None:
        async def planted() -> bool:
            rows = await self.block_rows(block_index)
            return sum(row.plant_ledger is not None for row in rows) == self.farmers

        await self.eventually(f"all planted in block {block_index}", planted)

    async def wait_for_works(self, block_index: int) -> None:
        async def worked() -> bool:
            rows = await self.block_rows(block_index)
            return sum(row.zeros is not None for row in rows) == self.farmers

        await self.eventually(f"all worked in block {block_index}", worked)

    async def wait_for_harvests(self, block_index: int) -> None:
        """The block was played whole: planted, worked and harvested for every farmer."""

        async def harvested() -> bool:
            rows = await self.block_rows(block_index)
            return sum(row.reward_stroops is not None for row in rows) == self.farmers

        await self.eventually(f"all harvested in block {block_index}", harvested)

    async def status(self) -> pooler_pb2.StatusView:
        async with self.pool.pooler_channel() as channel:
            return (await PoolerServiceStub(channel).GetStatus(pooler_pb2.GetStatusRequest())).view

    async def reconcile(self) -> tuple[list[admin_pb2.ReconcileFinding], admin_pb2.ReconcileSummary]:
        findings = []
        async with self.pool.admin_channel() as channel:
            async for message in AdminServiceStub(channel).Reconcile(admin_pb2.ReconcileRequest()):
                if message.HasField("finding"):
                    findings.append(message.finding)
                else:
                    return findings, message.summary
        raise AssertionError("Reconcile ended without a summary")

    async def assert_reconciled(self) -> None:
        findings, summary = await self.reconcile()
        assert summary.reconciled, "\n".join(finding.description for finding in findings)
        assert summary.farmers == self.farmers
        assert summary.recorded_total_stroops == summary.on_chain_total_stroops

    async def assert_sent_once(self) -> None:
        """One success an intent: no farmer was planted, worked or harvested twice in a block."""
        doubled = await self.count(
            "SELECT count(*) FROM (SELECT purpose, reference_id FROM transactions"
            " WHERE status = 'confirmed' GROUP BY purpose, reference_id HAVING count(*) > 1) AS doubled"
        )
        assert doubled == 0


@asynccontextmanager
async def running_mesh(*, farmers: int = FARMERS, speed: float = SPEED) -> AsyncIterator[Mesh]:
    """PostgreSQL, localnet, Backend and farmers; the test starts the Pooler. It must all stop cleanly."""
    data = Path(tempfile.mkdtemp(prefix="kalepool-mesh-"))
    data.chmod(0o755)  # run by root, PostgreSQL is a user of its own and must get through
    pool = LocalPool(data, speed=speed)
    # The tests beside this one need a core too; but at the lowest priority they would leave nothing of it.
    pool.pooler_settings.update(HASHER_THREADS="1", HASHER_NICE="5")
    try:
        await pool.start_chain_and_database()
        async with StellarRpc([pool.rpc_url]) as rpc:
            await pool.start_backend()
            await pool.create_pooler(capacity=farmers)
            await add_farmers(pool, farmers)
            database = Database(pool.database_url, pool_size=2)
            try:
                yield Mesh(pool, database, rpc, farmers)
            finally:
                database.close()
    finally:
        not_clean = await pool.stop()
    assert not not_clean, f"not stopped cleanly: {', '.join(not_clean)}; logs in {data}"
    shutil.rmtree(data)
