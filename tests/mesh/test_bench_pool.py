"""The whole pool at speed max: the bench closes a ledger whenever Backend and Pooler are at rest."""

import asyncio
import json
import shutil
import signal
from pathlib import Path

import psutil

from kalepool_cli.demo.run import EXIT_INTERRUPTED, EXIT_OK
from kalepool_cli.processes import kalepool_command
from tests.processes import has_ended

BLOCKS, FARMERS = 2, 3
PATIENCE_WALL_SECONDS = 200
LEDGERS_A_BLOCK = 60


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *kalepool_command("bench", "pool", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_blocks_are_played_whole_at_speed_max_and_reconcile() -> None:
    process = await start("--blocks", str(BLOCKS), "--farmers", str(FARMERS), "--json")
    async with asyncio.timeout(PATIENCE_WALL_SECONDS):
        said, told = await process.communicate()
    assert process.returncode == EXIT_OK, told.decode()
    figures = json.loads(said)
    assert (figures["blocks"], figures["farmers"]) == (BLOCKS, FARMERS)
    for step in ("plants", "works", "harvests"):
        assert (figures[f"{step}_ok"], figures[f"{step}_failed"]) == (BLOCKS * FARMERS, 0)
    assert figures["reconciled"]
    assert figures["sent_once"]
    assert figures["misses"] == []
    assert figures["mean_zeros"] >= 3
    assert figures["ledgers"] > (BLOCKS - 1) * LEDGERS_A_BLOCK
    assert set(figures["cpu_seconds"]) == {"backend", "pooler", "hasher", "localnet"}
    assert figures["seconds_a_block"] > 0


async def test_an_interrupt_ends_the_bench_and_all_of_its_processes() -> None:
    process = await start("--blocks", "1000", "--farmers", "2")
    assert process.stderr is not None
    folder: Path | None = None
    async with asyncio.timeout(PATIENCE_WALL_SECONDS):
        async for line in process.stderr:
            if line.startswith(b"data, keys and logs: "):
                folder = Path(line.decode().split()[-1])
            if line.startswith(b"starting the Pooler"):
                break
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        _, told = await process.communicate()
    assert process.returncode == EXIT_INTERRUPTED, told.decode()
    assert b"interrupted" in told
    assert len(started) >= 3
    assert all(has_ended(child.pid) for child in started)
    assert folder is not None
    assert (folder / "logs" / "backend.log").exists()
    shutil.rmtree(folder)
