"""All figures of one run, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kalepool_bench.display import progress_bar
from kalepool_bench.localnet.day import DAY_FARMERS, Day, play_day
from kalepool_bench.localnet.measures import (
    PLANTING_FARMERS,
    Cost,
    Memory,
    bench,
    measure_idle_ledgers,
    measure_plants,
    measure_reads,
    measure_start,
    measure_transactions,
)


@dataclass(frozen=True)
class LocalnetFigures:
    """What `--json` shows; `start_seconds` is a median."""

    start_seconds: float
    costs: list[Cost]
    memory: list[Memory]
    day: Day | None


async def measure_all(
    folder: Path, accounts: Sequence[int], plants: int, transactions: int, blocks: int
) -> LocalnetFigures:
    """`transactions` or `blocks` of 0 leave that part out. Raises BenchFailed, DriverError, ProcessFailed."""
    with progress_bar("starts") as show:
        start_seconds = await measure_start(folder, show)
    costs: list[Cost] = []
    for count in accounts:
        async with bench(folder, count) as at:
            with progress_bar(f"plants among {count:,}") as show:
                costs.append(await measure_plants(at, plants, show))
            with progress_bar(f"reads among {count:,}") as show:
                costs += await measure_reads(at, plants, show)
    memory = await _measure_memory(folder, transactions)
    day = await _measure_day(folder, blocks) if blocks else None
    return LocalnetFigures(start_seconds, costs, memory, day)


async def _measure_memory(folder: Path, transactions: int) -> list[Memory]:
    async with bench(folder, DAY_FARMERS) as at:
        with progress_bar("idle ledgers") as show:
            memory = [await measure_idle_ledgers(at, show)]
    if transactions:
        async with bench(folder, PLANTING_FARMERS) as at:
            with progress_bar(f"{transactions:,} transactions") as show:
                memory.append(await measure_transactions(at, transactions, show))
    return memory


async def _measure_day(folder: Path, blocks: int) -> Day:
    async with bench(folder, DAY_FARMERS) as at:
        with progress_bar(f"{blocks} blocks") as show:
            return await play_day(at, blocks, show)
