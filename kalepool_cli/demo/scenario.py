"""The demo's play: set a pool up, let it play whole blocks, open the block behind the last one, count."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from rich.console import Console
from rich.live import Live
from stellar_sdk import Keypair

from backend_svc.store.database import Database
from backend_svc.store.reports import (
    FarmerBlock,
    list_farmer_blocks,
    list_sent_transactions,
    list_unrecorded,
)
from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS, U32_MAX
from kale.networks import LOCAL
from kalepool.v1 import admin_pb2, pooler_pb2
from kalepool.v1.admin_pb2_grpc import AdminServiceStub
from kalepool.v1.pooler_pb2_grpc import PoolerServiceStub
from kalepool_cli.demo.farmers import add_farmers
from kalepool_cli.demo.misses import find_misses, miss_table
from kalepool_cli.demo.progress import Progress
from kalepool_cli.demo.report import (
    BlockReport,
    DemoReport,
    block_table,
    farmer_table,
    format_kale,
    report_block,
    total,
)
from kalepool_cli.demo.sent_once import double_sends, included_calls
from kalepool_cli.demo.wallets import Wallet, ask_friendbot
from kalepool_cli.local_pool import LocalPool
from localnet.settings import DEFAULT_RETENTION_LEDGERS
from poolkit.errors import InternalFault, PoolError
from poolkit.farm_reader import FarmReader
from poolkit.rpc_answers import LedgerHead
from poolkit.stellar_rpc import StellarRpc

# Chain seconds; a block this old won't be followed by another: the demo ends and counts what is missing.
STALL_SECONDS = 900
# How long the last block's works may take once the next block can be opened, in chain seconds.
WORK_GRACE_SECONDS = 120
# Where others open one block after the other: this many later, what is not harvested is counted as missing.
_LATEST_BLOCKS = 3
_STATUS_INTERVAL_WALL_SECONDS = 0.25
_FIRST_LEDGER = 1
_LEDGERS_A_BLOCK = BLOCK_SECONDS // LEDGER_SECONDS
# Before the first block and behind the last one.
_FURTHER_BLOCKS = 20

T = TypeVar("T")


@dataclass(frozen=True)
class Options:
    """What is played."""

    blocks: int
    farmers: int
    allow_missed: bool = False

    def retention_ledgers(self) -> int:
        """The chain must remember the whole play: what it holds is compared with the records at its end."""
        return max(DEFAULT_RETENTION_LEDGERS, (self.blocks + _FURTHER_BLOCKS) * _LEDGERS_A_BLOCK)

    def pooler_settings(self) -> dict[str, str]:
        """What the Pooler needs beyond its defaults: it serves all of the farmers, however many."""
        return {"MAX_FARMERS_CAPACITY": str(self.farmers)}


class Demo:
    """One run on a pool that has been set up; `play` may be cancelled at any moment."""

    def __init__(self, pool: LocalPool, options: Options, console: Console) -> None:
        self._pool = pool
        self.options = options
        self._console = console
        self._outsider = Keypair.random()
        self._farmers: list[str] = []
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
        await pool.create_pooler(capacity=self.options.farmers)
        pool.pooler_settings.update(self.options.pooler_settings())
        self._console.print(f"registering and funding {self.options.farmers} farmers …")
        await ask_friendbot(pool.friendbot_url, [self._outsider.public_key])
        farmers = await add_farmers(pool, self.options.farmers)
        self._farmers = [farmer.public_key for farmer in farmers]

    async def play(self) -> DemoReport:
        """Start the Pooler at a block's end, play, and report."""
        return await self.play_by(self._play_blocks)

    async def play_by(
        self, play_blocks: Callable[[], Awaitable[int]], *, show_tables: bool = True
    ) -> DemoReport:
        """The same, with another who follows the blocks to their end and says how many hashes it took.

        `show_tables`: print what became of every block, and of every farmer in it.
        """
        async with StellarRpc([self._pool.rpc_url]) as rpc:
            farm = FarmReader(rpc, LOCAL)
            await self._wait_until_openable(farm, rpc)
            self._console.print("starting the Pooler …")
            await self._pool.start_pooler()
            playing_since = await self._answered(rpc.latest_ledger)
            self._database = Database(self._pool.database_url, pool_size=1)
            try:
                hashes = await play_blocks()
                seconds = time.monotonic() - self._started
                rows = await self._farmer_blocks()
                report = await self._count(rpc, farm, playing_since, rows, hashes, seconds)
                if show_tables:
                    self._console.print(farmer_table(rows))
                    self._console.print(block_table(report))
                return await self._prove(rpc, report)
            finally:
                self._database.close()

    async def _wait_until_openable(self, farm: FarmReader, rpc: StellarRpc) -> None:
        """Whole blocks only: the Pooler's first block is one that it opens itself.

        Where others play, they open it, and the Pooler is as early as they are.
        """
        openable_at = (await self._answered(farm.farm)).farm.block.timestamp + BLOCK_SECONDS
        while (await self._answered(rpc.latest_ledger)).close_time < openable_at:
            await asyncio.sleep(self._pool.ledger_wall_seconds / 2)

    async def _play_blocks(self) -> int:
        """Follow the Pooler until every pail of the last block has its outcome, or nothing happens."""
        with Live(self._progress, console=self._console, refresh_per_second=4):
            await self._follow_blocks()
        return self._progress.hashes

    async def _follow_blocks(self) -> None:
        async with self._pool.pooler_channel() as channel:
            pooler = PoolerServiceStub(channel)
            request = pooler_pb2.WatchStatusRequest()
            request.interval.FromMilliseconds(int(_STATUS_INTERVAL_WALL_SECONDS * 1000))
            drained = outsider_planted = False
            async for message in pooler.WatchStatus(request):
                rows = await self._farmer_blocks()
                self._progress.take(message.view, rows)
                view = message.view.current_block
                last = self._progress.last_block_index
                if self._is_over(view, rows):
                    return
                if last is None or view.block.index < last:
                    continue
                if not drained and self._progress.last_block_is_planted:
                    await pooler.Drain(pooler_pb2.DrainRequest(request_id=str(uuid.uuid4())))
                    drained = True
                is_last = view.block.index == last
                if (
                    is_last
                    and not outsider_planted
                    and view.next_block_can_be_opened
                    and self._works_ended(message.view)
                ):
                    await self.open_next_block()
                    outsider_planted = True

    def _is_over(self, view: pooler_pb2.BlockView, rows: Sequence[FarmerBlock]) -> bool:
        """Whether all is harvested, or nothing more can come of what is not."""
        last = self._progress.last_block_index
        expected = self.options.blocks * self.options.farmers
        if last is None:
            return bool(view.age.seconds > STALL_SECONDS)
        if sum(row.reward_stroops is not None for row in rows) == expected:
            return True
        current = int(view.block.index)
        if view.age.seconds > STALL_SECONDS or current > last + _LATEST_BLOCKS:
            return True
        return current > last and all(row.settled for row in rows)

    def _works_ended(self, status: pooler_pb2.StatusView) -> bool:
        """Whether opening the next block takes work away from nobody; after a while it is done anyway."""
        ended = status.farmers.confirmed + status.farmers.failed >= self.options.farmers
        return ended or status.current_block.age.seconds > BLOCK_SECONDS + WORK_GRACE_SECONDS

    async def open_next_block(self) -> None:
        """An outsider plants, so that the last block can be harvested. Raises WalletError."""
        async with StellarRpc([self._pool.rpc_url]) as rpc:
            await Wallet(rpc, LOCAL, self._outsider, self._pool.ledger_wall_seconds / 2).plant_nothing()

    async def _farmer_blocks(self) -> list[FarmerBlock]:
        """The records of the blocks that are played."""
        assert self._database is not None
        rows = await self._database.run(list_farmer_blocks, 0, U32_MAX)
        indexes = self._block_indexes(rows)
        return [row for row in rows if row.block_index in indexes]

    def _block_indexes(self, rows: Sequence[FarmerBlock]) -> range:
        first = min((row.block_index for row in rows), default=0)
        return range(first, first + self.options.blocks)

    async def _answered(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What the chain answers, if it has to be asked again and again. Raises PoolError in the end."""
        deadline = time.monotonic() + STALL_SECONDS / self._pool.speed
        while True:
            try:
                return await ask()
            except PoolError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(self._pool.ledger_wall_seconds / 2)

    async def _count(
        self,
        rpc: StellarRpc,
        farm: FarmReader,
        playing_since: LedgerHead,
        rows: Sequence[FarmerBlock],
        hashes: int,
        seconds: float,
    ) -> DemoReport:
        """What the records say.

        At `playing_since` the Pooler was there; it may have opened the first block a little earlier.
        """
        report = total(
            await self._block_reports(rpc, farm, playing_since.close_time, rows),
            farmers=self.options.farmers,
            requested_blocks=self.options.blocks,
            hashes=hashes,
            seconds=seconds,
        )
        assert self._database is not None
        indexes = self._block_indexes(rows)
        unrecorded = await self._database.run(list_unrecorded, indexes[0], indexes[-1])
        misses = find_misses([*rows, *unrecorded], indexes, self.options.farmers)
        return replace(report, misses=tuple(misses))

    async def _prove(self, rpc: StellarRpc, report: DemoReport) -> DemoReport:
        """Hold the records against the chain; what is missed, and what differs, is printed."""
        if report.misses:
            self._console.print(miss_table(report.misses))
        report = replace(
            report, reconciled=await self._reconcile(), sent_once=await self._prove_sent_once(rpc)
        )
        self._console.print(f"participation: {report.participation}")
        return report

    async def _block_reports(
        self, rpc: StellarRpc, farm: FarmReader, playing_since: int, rows: Sequence[FarmerBlock]
    ) -> list[BlockReport]:
        reports = []
        openable_at: int | None = None
        for index in sorted({row.block_index for row in rows}):
            opened_at = (await self._answered(partial(farm.get_block, index))).block.timestamp
            of_block = [row for row in rows if row.block_index == index]
            reports.append(
                report_block(
                    index,
                    rows,
                    farmers=self.options.farmers,
                    openable_at=min(playing_since, opened_at) if openable_at is None else openable_at,
                    all_planted_at=await self._answered(partial(_last_plant_time, rpc, of_block)),
                )
            )
            openable_at = opened_at + BLOCK_SECONDS
        return reports

    async def _prove_sent_once(self, rpc: StellarRpc) -> bool:
        """Hold the Backend's records against every transaction on the chain; one line, and one a problem."""
        assert self._database is not None
        included = await self._answered(partial(included_calls, rpc, LOCAL, self._farmers, _FIRST_LEDGER))
        sent = await self._database.run(list_sent_transactions)
        problems = double_sends(sent, included)
        for problem in problems:
            self._console.print(f"sent twice: {problem}", style="red")
        self._console.print(
            f"sent once: {'ok' if not problems else 'NO'}: {len({each.intent for each in sent})} intents, "
            f"{len(sent)} transactions, {len(included)} of them in ledgers",
            style="green" if not problems else "bold red",
        )
        return not problems

    async def _reconcile(self) -> bool:
        """Have the Backend compare records and chain; one line, and one more for each difference.

        What is still under way is compared once it has ended.
        """
        deadline = time.monotonic() + STALL_SECONDS / self._pool.speed
        findings, summary = await self._answered(self._compare)
        while _are_under_way(findings) and time.monotonic() < deadline:
            await asyncio.sleep(self._pool.ledger_wall_seconds)
            findings, summary = await self._answered(self._compare)
        for finding in findings:
            self._console.print(f"difference: {finding.description}", style="red")
        self._console.print(
            f"reconcile: {'ok' if summary.reconciled else 'DIFFERENCES'}: {summary.farmers} farmers, "
            f"{summary.pails} live pails, {summary.unexplained} unexplained; records "
            f"{format_kale(summary.recorded_total_stroops)} KALE, chain "
            f"{format_kale(summary.on_chain_total_stroops)} KALE as of ledger {summary.ledger}",
            style="green" if summary.reconciled else "bold red",
        )
        return bool(summary.reconciled)

    async def _compare(self) -> tuple[list[admin_pb2.ReconcileFinding], admin_pb2.ReconcileSummary]:
        """Raises PoolError."""
        findings: list[admin_pb2.ReconcileFinding] = []
        async with self._pool.admin_channel() as channel:
            async for message in AdminServiceStub(channel).Reconcile(admin_pb2.ReconcileRequest()):
                if message.HasField("summary"):
                    return findings, message.summary
                findings.append(message.finding)
        raise InternalFault("Reconcile ended without a summary")


def _are_under_way(findings: Sequence[admin_pb2.ReconcileFinding]) -> bool:
    """Whether there is no difference, only farmers who could not be compared yet."""
    kinds = {finding.kind for finding in findings}
    return kinds == {admin_pb2.ReconcileFindingKind.RECONCILE_FINDING_KIND_TRANSACTION}


async def _last_plant_time(rpc: StellarRpc, rows: Sequence[FarmerBlock]) -> int | None:
    """Close time of the ledger with the last plant; None if there is none."""
    planted = [row for row in rows if row.plant_ledger is not None and row.plant_transaction_hash is not None]
    if not planted:
        return None
    last = max(planted, key=lambda row: row.plant_ledger or 0)
    assert last.plant_transaction_hash is not None
    return (await rpc.transaction(last.plant_transaction_hash.hex())).close_time
