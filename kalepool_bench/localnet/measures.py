"""What a chain costs: starts, plant round trips, reads, memory."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS, STROOPS_PER_KALE
from kale.networks import LOCAL
from kale.storage import farm_instance_key
from kalepool_bench.localnet.farmers import BenchFarmer, write_entries
from kalepool_bench.localnet.process import LocalnetProcess, localnet_process
from kalepool_bench.localnet.thin_client import ThinClient
from localnet.driver import Driver

STARTS: Final = 5
IDLE_LEDGERS: Final = 15_000
#: Reads and the search for nonces close no ledger: the ticket must last.
LEASE_WALL_SECONDS: Final = 3_600.0
BLOCK_LEDGERS: Final = BLOCK_SECONDS // LEDGER_SECONDS
_AT_ONCE: Final = 20
_STAKE_STROOPS: Final = STROOPS_PER_KALE
_LEDGERS_A_CALL: Final = 1_000
#: Plants write the same entries one after the other: what fits into a ledger of mainnet's.
_PLANTS_A_LEDGER: Final = 100
#: So many that none is asked for a second plant in a block.
PLANTING_FARMERS: Final = 2 * BLOCK_LEDGERS * _PLANTS_A_LEDGER

Show = Callable[[float], None]


@dataclass(frozen=True)
class Cost:
    """Per item: CPU milliseconds of the localnet's process, and wall milliseconds, `_AT_ONCE` at a time."""

    name: str
    accounts: int
    count: int
    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True)
class Memory:
    """The process's resident memory; `bytes_each` is the growth by each idle ledger or transaction."""

    name: str
    count: int
    rss_mb: float
    bytes_each: float


@dataclass(frozen=True)
class Bench:
    """A localnet that runs, its driver and its client."""

    localnet: LocalnetProcess
    driver: Driver
    client: ThinClient
    farmers: Sequence[BenchFarmer]

    async def measure(self, name: str, count: int, run: Callable[[], Awaitable[None]]) -> Cost:
        cpu, wall = self.localnet.cpu_seconds(), time.monotonic()
        await run()
        cpu, wall = self.localnet.cpu_seconds() - cpu, time.monotonic() - wall
        return Cost(name, len(self.farmers), count, cpu / count * 1_000, wall / count * 1_000)


@asynccontextmanager
async def bench(folder: Path, accounts: int) -> AsyncIterator[Bench]:
    """A chain with that many farmers, none of whom it has seen."""
    farmers = [BenchFarmer(number) for number in range(accounts)]
    entries = folder / f"entries-{accounts}.jsonl"
    write_entries(entries, farmers)
    async with (
        localnet_process(folder, entries) as localnet,
        Driver(localnet.admin_url, lease_wall_seconds=LEASE_WALL_SECONDS) as driver,
        ThinClient(localnet.rpc_url, _AT_ONCE) as client,
    ):
        yield Bench(localnet, driver, client, farmers)


async def measure_start(folder: Path, show: Show) -> float:
    """The median of five starts, seconds from the process's start to its first answer."""
    seconds = []
    for number in range(STARTS):
        async with localnet_process(folder) as localnet:
            seconds.append(localnet.start_seconds)
        show((number + 1) / STARTS)
    return statistics.median(seconds)


async def measure_plants(at: Bench, count: int, show: Show) -> Cost:
    """Simulate, send, applied, result fetched; each by another farmer, all in one block."""
    a_ledger = max(_AT_ONCE, -(-count // (BLOCK_LEDGERS - 10)))
    await at.driver.close_ledgers(BLOCK_LEDGERS + 1)

    async def run() -> None:
        for first in range(0, count, a_ledger):
            batch = at.farmers[first : min(first + a_ledger, count)]
            hashes = await asyncio.gather(*(at.client.plant(farmer, _STAKE_STROOPS) for farmer in batch))
            await at.driver.close_ledger()
            await asyncio.gather(*map(at.client.require_success, hashes))
            show((first + len(batch)) / count)

    return await at.measure("plant round trip", count, run)


async def measure_reads(at: Bench, count: int, show: Show) -> list[Cost]:
    """The reads that a pool makes all day."""
    keys = [farm_instance_key(LOCAL.farm_contract_id).to_xdr()]
    latest = (await at.client.ask("getLatestLedger"))["sequence"]
    filters = [{"type": "contract", "contractIds": [LOCAL.asset_contract_id]}]
    asked: list[tuple[str, dict[str, object]]] = [
        ("getLatestLedger", {}),
        ("getLedgerEntries", {"keys": keys}),
        ("getTransaction", {"hash": "00" * 32}),
        ("getEvents", {"startLedger": latest, "filters": filters}),
        ("getFeeStats", {}),
    ]
    costs = []
    for number, (method, params) in enumerate(asked):

        async def run(method: str = method, params: dict[str, object] = params) -> None:
            for _ in range(0, count, _AT_ONCE):
                await asyncio.gather(*(at.client.ask(method, **params) for _ in range(_AT_ONCE)))

        costs.append(await at.measure(method, count, run))
        show((number + 1) / len(asked))
    return costs


async def measure_idle_ledgers(at: Bench, show: Show) -> Memory:
    before = at.localnet.rss_bytes()
    for closed in range(0, IDLE_LEDGERS, _LEDGERS_A_CALL):
        await at.driver.close_ledgers(_LEDGERS_A_CALL)
        show((closed + _LEDGERS_A_CALL) / IDLE_LEDGERS)
    return _memory("idle ledgers", IDLE_LEDGERS, before, at.localnet)


async def measure_transactions(at: Bench, count: int, show: Show) -> Memory:
    """Plants of one farmer after the other. One simulation a ledger serves all: only the key differs."""
    before = at.localnet.rss_bytes()
    await at.driver.close_ledgers(BLOCK_LEDGERS + 1)
    for first in range(0, count, _PLANTS_A_LEDGER):
        batch = [
            at.farmers[number % len(at.farmers)]
            for number in range(first, min(first + _PLANTS_A_LEDGER, count))
        ]
        proposal = await at.client.propose_plant(batch[0], _STAKE_STROOPS)
        await asyncio.gather(*(at.client.send_like(proposal, farmer) for farmer in batch))
        await at.driver.close_ledger()
        show((first + len(batch)) / count)
    return _memory("transactions", count, before, at.localnet)


def _memory(name: str, count: int, before: int, localnet: LocalnetProcess) -> Memory:
    rss = localnet.rss_bytes()
    return Memory(name, count, rss / 2**20, (rss - before) / count)
