"""Blocks played by a whole pool while the bench drives its chain: a ledger closes when both services rest."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

from kale.constants import BLOCK_SECONDS
from kalepool_bench.pool.rest import PATIENCE_WALL_SECONDS, Look, Services, services_of
from kalepool_cli.demo.scenario import STALL_SECONDS, WORK_GRACE_SECONDS, Demo
from kalepool_cli.local_pool import LocalPool
from localnet.driver import Driver

#: Chain seconds after which nobody waits any longer for the last block's plants.
_PLANTED_BY_SECONDS: Final = BLOCK_SECONDS // 2
#: While an outsider plants, ledgers close so slowly that its transaction can follow them.
_OUTSIDER_PAUSE_WALL_SECONDS: Final = 0.1

Show = Callable[[float], None]


@dataclass(frozen=True)
class CpuSeconds:
    """User and system time of each process; the Pooler's is without its hasher's."""

    backend: float
    pooler: float
    hasher: float
    localnet: float

    def since(self, before: "CpuSeconds") -> "CpuSeconds":
        return CpuSeconds(
            round(self.backend - before.backend, 2),
            round(self.pooler - before.pooler, 2),
            round(self.hasher - before.hasher, 2),
            round(self.localnet - before.localnet, 2),
        )


@dataclass(frozen=True)
class Run:
    """How long the play took, in wall seconds, and what it cost."""

    ledgers: int
    seconds: float
    cpu_seconds: CpuSeconds


class DrivenPlay:
    """One run; `play_blocks` is for `Demo.play_by`."""

    def __init__(self, demo: Demo, pool: LocalPool, least_zeros: int, show: Show) -> None:
        self._demo = demo
        self._pool = pool
        self._least_zeros = least_zeros
        self._show = show
        self._first_block: int | None = None
        self._drained = False
        self._opening: asyncio.Task[None] | None = None
        self.run: Run | None = None

    async def play_blocks(self) -> int:
        """Until every pail of the last block has its outcome; how many hashes were computed.

        Raises NoRest, DriverError, PoolError, WalletError.
        """
        lease = 2 * PATIENCE_WALL_SECONDS
        started, cpu = time.monotonic(), self._cpu_seconds()
        async with (
            services_of(self._pool, self._least_zeros) as services,
            Driver(self._pool.localnet_admin_url, lease_wall_seconds=lease) as driver,
        ):
            first = closed = await driver.close_ledger()
            try:
                while not self._is_over(look := await services.rest(closed.sequence)):
                    await self._act(look, services)
                    closed = await driver.close_ledger()
            finally:
                if self._opening is not None:
                    self._opening.cancel()
        ledgers = closed.sequence - first.sequence + 1
        self.run = Run(ledgers, time.monotonic() - started, self._cpu_seconds().since(cpu))
        return look.pooler.hash_rate.hashes_total

    async def _act(self, look: Look, services: Services) -> None:
        """What the pool does not do by itself: end with the last block, and open one more behind it."""
        view, block = look.pooler, look.pooler.current_block
        index, age = block.block.index, block.age.seconds
        if self._first_block is None and view.farmers.planted:
            self._first_block = index
        if self._first_block is None:
            return
        blocks, farmers = self._demo.options.blocks, self._demo.options.farmers
        self._show(min(1.0, (index - self._first_block) / blocks))
        if index < self._first_block + blocks - 1:
            return
        is_planted = view.farmers.planted == farmers or age > _PLANTED_BY_SECONDS
        if not self._drained and is_planted:
            await services.drain()
            self._drained = True
        is_worked = not view.work_in_progress or age > BLOCK_SECONDS + WORK_GRACE_SECONDS
        if self._opening is None and block.next_block_can_be_opened and is_worked:
            self._opening = asyncio.create_task(self._demo.open_next_block(), name="outsider")
        if self._opening is not None and not self._opening.done():
            await asyncio.wait({self._opening}, timeout=_OUTSIDER_PAUSE_WALL_SECONDS)
        if self._opening is not None and self._opening.done():
            self._opening.result()

    def _is_over(self, look: Look) -> bool:
        """Whether all is harvested, or nothing more can come."""
        block, activity = look.pooler.current_block, look.backend.activity
        if block.age.seconds > STALL_SECONDS:
            return True
        if self._first_block is None or block.block.index < self._first_block + self._demo.options.blocks:
            return False
        return activity.works_pending == activity.harvests_pending == 0

    def _cpu_seconds(self) -> CpuSeconds:
        pooler = psutil.Process(self._pool.pooler.pid)
        return CpuSeconds(
            backend=_cpu_seconds(psutil.Process(self._pool.backend.pid)),
            pooler=_cpu_seconds(pooler),
            hasher=sum(map(_cpu_seconds, pooler.children())),
            localnet=_cpu_seconds(psutil.Process(self._pool.localnet.pid)),
        )


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
