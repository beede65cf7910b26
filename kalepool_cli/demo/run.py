"""A demo from its first process to its exit code; every process it started ends with it."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from kalepool_cli.demo.scenario import Demo, Options
from kalepool_cli.demo.wallets import WalletError
from kalepool_cli.local_pool import LocalPool
from kalepool_cli.processes import ProcessFailed
from poolkit.errors import PoolError

EXIT_OK = 0
EXIT_MISSED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


async def run_demo(
    folder: Path,
    options: Options,
    speed: float,
    json_file: Path | None,
    keep: bool,
    console: Console,
    *,
    localnet_options: Sequence[str] = (),
) -> int:
    """Play, report, and stop every process whatever happens; the exit code."""
    pool = LocalPool(
        folder,
        speed=speed,
        backend_port=3000,
        pooler_port=3001,
        rpc_port=8000,
        localnet_options=("--retention-ledgers", str(options.retention_ledgers()), *localnet_options),
    )
    demo = Demo(pool, options, console)
    return await run_pool(pool, _play(demo, pool, json_file, keep, console), console, name="demo")


async def run_pool(pool: LocalPool, play: Coroutine[Any, Any, int], console: Console, *, name: str) -> int:
    """Run `play`, which starts processes of the pool, and stop them whatever happens; the exit code."""
    playing = asyncio.current_task()
    assert playing is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    try:
        return await play
    except asyncio.CancelledError:
        console.print("interrupted")
        return EXIT_INTERRUPTED
    except (ProcessFailed, WalletError, PoolError) as error:
        console.print(f"{name}: {error}", style="red", markup=False)
        return EXIT_USAGE
    finally:
        _ignore_further_interrupts(console)
        not_clean = await pool.stop()
        for process in not_clean:
            console.print(f"{process} did not stop cleanly; see {pool.data}/logs/{process}.log", style="red")


async def _play(demo: Demo, pool: LocalPool, json_file: Path | None, keep: bool, console: Console) -> int:
    await pool.run_watched(demo.set_up())
    report = await pool.run_watched(demo.play())
    if json_file is not None:
        json_file.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    well = report.succeeded_but_for_misses if demo.options.allow_missed else report.succeeded
    console.print(f"{'all well' if well else 'NOT all well'} after {report.seconds:.1f} s")
    if keep:
        await _keep(pool, console)
    return EXIT_OK if well else EXIT_MISSED


async def _keep(pool: LocalPool, console: Console) -> None:
    """Say where everything is, and stay until interrupted or until a process ends."""
    path = pool.write_env_file()
    console.print(
        f"still running; Ctrl-C stops it\n"
        f"  Backend     {pool.backend_address}  (admin key in {pool.admin_key_file})\n"
        f"  Pooler      {pool.pooler_address}  (key in {pool.pooler_key_file})\n"
        f"  Stellar RPC {pool.rpc_url}  (friendbot {pool.friendbot_url}?addr=G…)\n"
        f"  PostgreSQL  {pool.database_url}\n"
        f"  for a shell: . {path}",
        soft_wrap=True,
    )
    with contextlib.suppress(asyncio.CancelledError):
        await pool.watch()


def _ignore_further_interrupts(console: Console) -> None:
    """Stopping takes a few seconds and must not be cut short: a second Ctrl-C only says so."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, console.print, "already stopping …")
