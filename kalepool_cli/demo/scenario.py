"""The demo's play: set a pool up, let it play whole blocks, open the block behind the last one, count."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.live import Live
from stellar_sdk import Keypair
from stellar_sdk.soroban_server_async import SorobanServerAsync

from backend_svc.store.database import Database
from backend_svc.store.reports import FarmerBlock, list_farmer_blocks
from kale.constants import BLOCK_SECONDS, U32_MAX
from kale.networks import LOCAL
from kalepool.v1 import admin_pb2, pooler_pb2
from kalepool.v1.admin_pb2_grpc import AdminServiceStub
from kalepool.v1.pooler_pb2_grpc import PoolerServiceStub
from kalepool_cli.demo.farmers import add_farmers
from kalepool_cli.demo.progress import Progress
from kalepool_cli.demo.report import DemoReport, block_table, farmer_table, format_kale, report_block, total
from kalepool_cli.demo.wallets import Wallet, ask_friendbot
from kalepool_cli.local_pool import LocalPool
from poolkit.farm_reader import FarmReader
from poolkit.stellar_rpc import StellarRpc

# Chain seconds; a block this old won't be followed by another: the demo ends and counts what is missing.
_STALL_SECONDS = 900
# How long the last block's works may take once the next block can be opened, in chain seconds.
_WORK_GRACE_SECONDS = 120
_STATUS_INTERVAL_WALL_SECONDS = 0.25


@dataclass(frozen=True)
class Options:
    """What is played."""

    blocks: int
    farmers: int

    def pooler_settings(self) -> dict[str, str]:
        """What the Pooler needs beyond its defaults: it serves all of the farmers, however many."""
        return {"MAX_FARMERS_CAPACITY": str(self.farmers)}


class Demo:
    """One run on a pool that has been set up; `play` may be cancelled at any moment."""

    def __init__(self, pool: LocalPool, options: Options, console: Console) -> None:
        self._pool = pool
        self._options = options
        self._console = console
        self._outsider = Keypair.random()
        self._started = time.monotonic()
        self._database: Database | None = None
        self._progress = Progress(farmers=options.farmers, blocks=options.blocks)

    async def set_up(self) -> None:
        """Processes, pooler and farmers; ends with every farmer active and in possession of KALE."""
        pool = self._pool
        self._console.print("starting PostgreSQL and the local chain …")
        await pool.start_chain_and_database()
        self._console.print("starting the Backend …")
        await pool.start_backend()
        await pool.create_pooler(capacity=self._options.farmers)
        pool.pooler_settings.update(self._options.pooler_settings())
        self._console.print(f"registering and funding {self._options.farmers} farmers …")
        await ask_friendbot(pool.friendbot_url, [self._outsider.public_key])
        await add_farmers(pool, self._options.farmers)

    async def play(self) -> DemoReport:
        """Start the Pooler at a block's end, play, and report."""
        async with StellarRpc([self._pool.rpc_url]) as rpc:
            farm = FarmReader(rpc, LOCAL)
            await self._wait_until_openable(farm, rpc)
            self._console.print("starting the Pooler …")
            await self._pool.start_pooler()
            playing_since = (await rpc.latest_ledger()).close_time
            self._database = Database(self._pool.database_url, pool_size=1)
            try:
                with Live(self._progress, console=self._console, refresh_per_second=4):
                    await self._play_blocks()
                return await self._report(rpc, farm, playing_since, time.monotonic() - self._started)
            finally:
                self._database.close()

    async def _wait_until_openable(self, farm: FarmReader, rpc: StellarRpc) -> None:
        """Whole blocks only: the Pooler's first block is one that it opens itself."""
        openable_at = (await farm.farm()).farm.block.timestamp + BLOCK_SECONDS
        while (await rpc.latest_ledger()).close_time < openable_at:
            await asyncio.sleep(self._pool.ledger_wall_seconds / 2)

    async def _play_blocks(self) -> None:
        """Follow the Pooler until the last block is harvested, or nothing happens any more."""
        async with self._pool.pooler_channel() as channel:
            pooler = PoolerServiceStub(channel)
            request = pooler_pb2.WatchStatusRequest()
            request.interval.FromMilliseconds(int(_STATUS_INTERVAL_WALL_SECONDS * 1000))
            drained = outsider_planted = False
            async for message in pooler.WatchStatus(request):
                rows = await self._farmer_blocks()
                self._progress.take(message.view, rows)
                view = message.view.current_block
                if view.age.seconds > _STALL_SECONDS or self._everything_harvested(rows):
                    return
                if view.block.index != self._progress.last_block_index:
                    continue
                if not drained:
                    await pooler.Drain(pooler_pb2.DrainRequest(request_id=str(uuid.uuid4())))
                    drained = True
                if not outsider_planted and view.next_block_can_be_opened and self._works_ended(message.view):
                    await self._open_next_block()
                    outsider_planted = True

    def _everything_harvested(self, rows: Sequence[FarmerBlock]) -> bool:
        harvested = sum(row.reward_stroops is not None for row in rows)
        return harvested == self._options.blocks * self._options.farmers

    def _works_ended(self, status: pooler_pb2.StatusView) -> bool:
        """Whether opening the next block takes work away from nobody; after a while it is done anyway."""
        ended = status.farmers.confirmed + status.farmers.failed >= self._options.farmers
        return ended or status.current_block.age.seconds > BLOCK_SECONDS + _WORK_GRACE_SECONDS

    async def _open_next_block(self) -> None:
        async with SorobanServerAsync(self._pool.rpc_url) as server:
            await Wallet(server, LOCAL, self._outsider, self._pool.ledger_wall_seconds / 2).plant_nothing()

    async def _farmer_blocks(self) -> list[FarmerBlock]:
        """The records of all played blocks."""
        assert self._database is not None
        return await self._database.run(list_farmer_blocks, 0, U32_MAX)

    async def _report(
        self, rpc: StellarRpc, farm: FarmReader, playing_since: int, seconds: float
    ) -> DemoReport:
        """Count what the records say, print it, reconcile.

        At `playing_since` the Pooler was there; it may have opened the first block a little earlier.
        """
        rows = await self._farmer_blocks()
        reports = []
        openable_at: int | None = None
        for index in sorted({row.block_index for row in rows})[: self._options.blocks]:
            opened_at = (await farm.get_block(index)).block.timestamp
            reports.append(
                report_block(
                    index,
                    rows,
                    farmers=self._options.farmers,
                    openable_at=min(playing_since, opened_at) if openable_at is None else openable_at,
                    all_planted_at=await _last_plant_time(
                        rpc, [row for row in rows if row.block_index == index]
                    ),
                )
            )
            openable_at = opened_at + BLOCK_SECONDS
        self._console.print(farmer_table(rows))
        report = total(
            reports,
            farmers=self._options.farmers,
            requested_blocks=self._options.blocks,
            hashes=self._progress.hashes,
            seconds=seconds,
        )
        self._console.print(block_table(report))
        return replace(report, reconciled=await self._reconcile())

    async def _reconcile(self) -> bool:
        """Have the Backend compare records and chain; one line, and one more for each difference."""
        async with self._pool.admin_channel() as channel:
            async for message in AdminServiceStub(channel).Reconcile(admin_pb2.ReconcileRequest()):
                if message.HasField("finding"):
                    self._console.print(f"difference: {message.finding.description}", style="red")
                    continue
                summary = message.summary
                self._console.print(
                    f"reconcile: {'ok' if summary.reconciled else 'DIFFERENCES'}: {summary.farmers} farmers, "
                    f"{summary.pails} live pails, {summary.unexplained} unexplained; records "
                    f"{format_kale(summary.recorded_total_stroops)} KALE, chain "
                    f"{format_kale(summary.on_chain_total_stroops)} KALE as of ledger {summary.ledger}",
                    style="green" if summary.reconciled else "bold red",
                )
                return bool(summary.reconciled)
        return False


async def _last_plant_time(rpc: StellarRpc, rows: Sequence[FarmerBlock]) -> int | None:
    """Close time of the ledger with the last plant; None if there is none."""
    planted = [row for row in rows if row.plant_ledger is not None and row.plant_transaction_hash is not None]
    if not planted:
        return None
    last = max(planted, key=lambda row: row.plant_ledger or 0)
    assert last.plant_transaction_hash is not None
    return (await rpc.transaction(last.plant_transaction_hash.hex())).close_time
