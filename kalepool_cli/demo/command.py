"""`kalepool demo`: play KALE on this machine, end to end."""

import asyncio
import contextlib
import json
import signal
import tempfile
from pathlib import Path
from typing import Annotated

import typer
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


def demo(
    blocks: Annotated[int, typer.Option(min=1, max=1000, help="Whole blocks to play.")] = 3,
    farmers: Annotated[int, typer.Option(min=1, max=500, help="Farmers to register and fund.")] = 10,
    speed: Annotated[float, typer.Option(min=0.1, max=60, help="Chain seconds a second of real time.")] = 60,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="New or empty folder for database, keys and logs; default: a temporary one."),
    ] = None,
    keep: Annotated[bool, typer.Option(help="Leave everything running at the end, until Ctrl-C.")] = False,
) -> None:
    """Start PostgreSQL, a local chain, Backend and Pooler, and let ten farmers play KALE.

    Exit code 0: every farmer planted, worked and harvested in every block, and records, balances and
    chain agree to the stroop. 1: something is missing. 2: it could not be started. 130: interrupted.
    """
    folder = _data_folder(data)
    console = Console()
    console.print(f"data, keys and logs: {folder}")
    raise typer.Exit(asyncio.run(_run(folder, Options(blocks, farmers), speed, json_file, keep, console)))


def _data_folder(wanted: Path | None) -> Path:
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="kalepool-demo-"))
    folder = wanted.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise typer.BadParameter(f"{folder} exists and is not an empty folder", param_hint="--data")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def _run(
    folder: Path, options: Options, speed: float, json_file: Path | None, keep: bool, console: Console
) -> int:
    """Play, report, and stop every process whatever happens; the exit code."""
    playing = asyncio.current_task()
    assert playing is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, playing.cancel)
    pool = LocalPool(folder, speed=speed, backend_port=3000, pooler_port=3001, rpc_port=8000)
    try:
        return await _play(Demo(pool, options, console), pool, json_file, keep, console)
    except asyncio.CancelledError:
        console.print("interrupted")
        return EXIT_INTERRUPTED
    except (ProcessFailed, WalletError, PoolError) as error:
        console.print(f"demo: {error}", style="red", markup=False)
        return EXIT_USAGE
    finally:
        _ignore_further_interrupts(console)
        not_clean = await pool.stop()
        for name in not_clean:
            console.print(f"{name} did not stop cleanly; see {folder}/logs/{name}.log", style="red")


async def _play(demo: Demo, pool: LocalPool, json_file: Path | None, keep: bool, console: Console) -> int:
    await demo.set_up()
    report = await pool.run_watched(demo.play())
    if json_file is not None:
        json_file.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    console.print(f"{'all well' if report.succeeded else 'NOT all well'} after {report.seconds:.1f} s")
    if keep:
        await _keep(pool, console)
    return EXIT_OK if report.succeeded else EXIT_MISSED


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
