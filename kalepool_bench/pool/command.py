"""The command `kalepool bench pool`."""

import asyncio
import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer


def bench_pool(
    blocks: Annotated[int, typer.Option(min=1, max=1_000, help="Whole blocks to play; a day has 288.")] = 12,
    farmers: Annotated[int, typer.Option(min=1, max=500, help="Farmers to register and fund.")] = 10,
    zeros: Annotated[
        int,
        typer.Option(
            min=0,
            max=16,
            help="Zeros that each search must have found before the next ledger closes, within two minutes: "
            "ledgers take no time, searches do.",
        ),
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout instead of a table.")] = False,
) -> None:
    """Measure the whole pool: blocks of KALE as fast as Backend and Pooler can play them.

    Starts PostgreSQL, a local chain, Backend and Pooler, each a process. The
    bench closes the chain's ledgers at speed max: the next one as soon as the
    status of both services says that nothing is left to do in the last one.

    Exit code 0: every farmer planted, worked and harvested in every block,
    nothing was sent twice, and records, balances and chain agree to the stroop.
    1: something is missing. 2: it could not be started, or a part of it failed.
    130: interrupted.
    """
    from rich.console import Console

    from kalepool_bench.display import progress_bar
    from kalepool_bench.pool.display import print_figures
    from kalepool_bench.pool.figures import measure_pool
    from kalepool_cli.demo.scenario import Options
    from poolkit.logs import configure_logs

    folder = Path(tempfile.mkdtemp(prefix="kalepool-bench-"))
    folder.chmod(0o755)  # run by root, PostgreSQL is a user of its own and must get through
    console = Console(stderr=True)
    console.print(f"data, keys and logs: {folder}")
    configure_logs("ERROR")
    with progress_bar("blocks") as show:
        figures, code = asyncio.run(measure_pool(folder, Options(blocks, farmers), zeros, console, show))
    if figures is not None and as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    elif figures is not None:
        print_figures(figures)
    if code == 0:
        shutil.rmtree(folder)  # else somebody has to look it up
    raise typer.Exit(code)
