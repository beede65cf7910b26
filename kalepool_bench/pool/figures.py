"""All figures of one run: a pool is set up, plays, and is stopped."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from kalepool_bench.pool.driven_play import CpuSeconds, DrivenPlay, Run, Show
from kalepool_bench.pool.rest import NoRest
from kalepool_cli.demo.misses import Miss
from kalepool_cli.demo.report import DemoReport
from kalepool_cli.demo.run import EXIT_MISSED, EXIT_OK, run_pool
from kalepool_cli.demo.scenario import Demo, Options
from kalepool_cli.local_pool import LocalPool
from kalepool_cli.processes import ProcessFailed
from localnet.driver import DriverError

#: Until the bench takes the ticket, and once it has returned it.
_SET_UP_SPEED: Final = 60.0


@dataclass(frozen=True)
class PoolFigures:
    """What `--json` shows; steps are farmers × blocks, seconds those in which the bench drove the chain."""

    blocks: int
    farmers: int
    ledgers: int
    plants_ok: int
    plants_failed: int
    works_ok: int
    works_failed: int
    harvests_ok: int
    harvests_failed: int
    misses: tuple[Miss, ...]
    mean_zeros: float | None
    hashes: int
    seconds: float
    seconds_a_block: float
    cpu_seconds: CpuSeconds
    reconciled: bool
    sent_once: bool


async def measure_pool(
    folder: Path, options: Options, least_zeros: int, console: Console, show: Show
) -> tuple[PoolFigures | None, int]:
    """The figures, if it was played to its end, and the exit code. Every process has ended then."""
    pool = LocalPool(
        folder,
        speed=_SET_UP_SPEED,
        localnet_options=("--retention-ledgers", str(options.retention_ledgers())),
    )
    # A line a call is too much for the bench, which calls all the time.
    quiet = {"LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING")}
    pool.backend_settings.update(quiet)
    pool.pooler_settings.update(quiet)
    demo = Demo(pool, options, console)
    play = DrivenPlay(demo, pool, least_zeros, show)
    figures: PoolFigures | None = None

    async def measure() -> int:
        nonlocal figures
        await pool.run_watched(demo.set_up())
        try:
            report = await pool.run_watched(demo.play_by(play.play_blocks, show_tables=False))
        except (DriverError, NoRest) as error:
            raise ProcessFailed(str(error)) from error
        assert play.run is not None
        figures = _figures(report, play.run)
        return EXIT_OK if report.succeeded else EXIT_MISSED

    code = await run_pool(pool, measure(), console, name="bench")
    return figures, code


def _figures(report: DemoReport, run: Run) -> PoolFigures:
    return PoolFigures(
        blocks=report.blocks,
        farmers=report.farmers,
        ledgers=run.ledgers,
        plants_ok=report.plants_ok,
        plants_failed=report.plants_failed,
        works_ok=report.works_ok,
        works_failed=report.works_failed,
        harvests_ok=report.harvests_ok,
        harvests_failed=report.harvests_failed,
        misses=report.misses,
        mean_zeros=report.mean_zeros,
        hashes=report.hashes,
        seconds=round(run.seconds, 3),
        seconds_a_block=round(run.seconds / report.blocks, 3),
        cpu_seconds=run.cpu_seconds,
        reconciled=report.reconciled,
        sent_once=report.sent_once,
    )
