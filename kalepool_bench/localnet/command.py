"""The command `kalepool bench localnet`."""

import asyncio
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from kalepool_cli.usage import EXIT_REFUSED, usage_error


def bench_localnet(
    accounts: Annotated[
        list[int] | None,
        typer.Option(min=1, max=1_000_000, help="Farmers of the chain; may be given several times."),
    ] = None,
    plants: Annotated[
        int, typer.Option(min=1, max=100_000, help="Round trips, each of another farmer.")
    ] = 1_000,
    transactions: Annotated[
        int, typer.Option(min=0, max=10_000_000, help="After so many the memory is read.")
    ] = 100_000,
    blocks: Annotated[
        int, typer.Option(min=0, max=100_000, help="Blocks that 20 farmers play; a day has 288.")
    ] = 288,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout instead of a table.")] = False,
) -> None:
    """Measure what the local chain costs: CPU a plant and a read, its start, its memory, a day of KALE.

    Each part starts a localnet of its own, whose ledgers the bench closes.
    CPU is that of the localnet's process. Default: 1,000 and 100,000 accounts.
    """
    chosen = tuple(dict.fromkeys(accounts or (1_000, 100_000)))
    if plants > min(chosen):
        raise usage_error(f"--plants must be at most --accounts, {min(chosen)} (got {plants})")
    from kalepool_bench.localnet.display import print_figures
    from kalepool_bench.localnet.figures import measure_all
    from kalepool_bench.localnet.thin_client import BenchFailed
    from kalepool_cli.processes import ProcessFailed
    from localnet.driver import DriverError

    with tempfile.TemporaryDirectory(prefix="kalepool-bench-") as folder:
        try:
            figures = asyncio.run(measure_all(Path(folder), chosen, plants, transactions, blocks))
        except (BenchFailed, DriverError, ProcessFailed) as error:
            typer.echo(f"kalepool: {error}", err=True)
            raise typer.Exit(EXIT_REFUSED) from None
    if as_json:
        typer.echo(json.dumps(asdict(figures), indent=2))
    else:
        print_figures(figures)
