"""`kalepool bench …`: measure this machine.

What measures is imported by the command itself: the others start without the C extension.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer

from kalepool_bench.choices import (
    BadChoice,
    choose_isas,
    choose_searches,
    choose_seconds,
    choose_threads,
)
from kalepool_bench.localnet.command import bench_localnet
from kalepool_bench.pool.command import bench_pool
from kalepool_cli.usage import EXIT_REFUSED, usage_error

app = typer.Typer(
    help="Measure the search for nonces, the local chain and the whole pool on this machine.",
    no_args_is_help=True,
)
app.command("localnet")(bench_localnet)
app.command("pool")(bench_pool)

IsaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--isa", metavar="NAME", help="Instruction set, or several with commas; default: every usable one."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON on stdout instead of a table.")]


@app.command("hash")
def hash_rate(
    isa: IsaOption = None,
    threads: Annotated[
        list[str] | None,
        typer.Option(
            "--threads",
            metavar="N",
            help="Threads, or several counts with commas; default: 1, 2, 4 … CPUs.",
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="For each isa and count of threads, 0.1–600.")] = 3.0,
    as_json: JsonOption = False,
) -> None:
    """Measure hashes a second, beside hashlib.sha3_256 on one core.

    Slices of 0.1 s in turn: between all searches the yardstick, with no
    search beside it. Each search is compared with the yardstick just before
    and after it. All figures are medians; the first round is not counted.
    """
    with _one_line_errors():
        cases = [(name, count) for name in _choose_isas(isa) for count in choose_threads(threads, _cpus())]
        choose_seconds(seconds)
    from kalepool_bench.display import print_hash_rates, progress_bar, warn_of_others
    from kalepool_bench.hash_rate import measure_hash_rates

    with progress_bar("hashing") as show:
        measured = measure_hash_rates(cases, seconds, show)
    warn_of_others([measured.cpu_share])
    if as_json:
        _print_json([asdict(rate) for rate in measured.rates])
    else:
        print_hash_rates(measured.rates)


@app.command("search")
def search(
    isa: IsaOption = None,
    seconds: Annotated[float, typer.Option(help="For each figure of each isa, 0.1–600.")] = 3.0,
    as_json: JsonOption = False,
) -> None:
    """Measure how a search behaves: how soon it stops, what it leaves to Python, what a second thread brings.

    Stops come at random moments of a search without end; a latency is from
    the call until the search has returned. The ratios are medians of slices
    of 0.1 s, each compared with those just before and after it.
    """
    with _one_line_errors():
        names = _choose_isas(isa)
        choose_seconds(seconds)
    from kalepool_bench.display import print_responsiveness, progress_bar, warn_of_others
    from kalepool_bench.responsiveness import measure_responsiveness

    results = []
    for name in names:
        with progress_bar(name) as show:
            results.append(measure_responsiveness(name, _cpus(), seconds, show))
    warn_of_others(result.cpu_share for result in results)
    if as_json:
        _print_json([asdict(result) for result in results])
    else:
        print_responsiveness(results)


@app.command("soak")
def soak(
    searches: Annotated[int, typer.Option(help="At least 2,000.")] = 100_000,
    as_json: JsonOption = False,
) -> None:
    """Search many times, with stops, restarts and changes of weight, and see that nothing grows.

    Memory (RSS) and threads are read after 1,000 searches and at the end.
    Exit code 1: memory grew by more than 1%, the number of threads is
    another, or a search went wrong.
    """
    with _one_line_errors():
        choose_searches(searches)
        names = _choose_isas(None)
    from kalepool_bench import soak as soaking
    from kalepool_bench.display import print_soak, progress_bar
    from kalepool_bench.soak_searches import SoakFailed

    try:
        with progress_bar("searching") as show:
            result = soaking.soak(names, searches, show)
    except SoakFailed as error:
        typer.echo(f"kalepool: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    if as_json:
        _print_json(result.as_json())
    else:
        print_soak(result)
    raise typer.Exit(0 if result.passed else EXIT_REFUSED)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except BadChoice as error:
        raise usage_error(str(error)) from None


def _choose_isas(texts: list[str] | None) -> tuple[str, ...]:
    from miner_ext import isas, kernel_name

    try:
        kernel_name()
    except ValueError as error:  # KALE_MINER_ISA names one that this machine does not have
        raise BadChoice(str(error)) from None
    return choose_isas(texts, isas())


def _cpus() -> int:
    from miner_ext.scheduling import usable_cpus

    return len(usable_cpus())


def _print_json(content: Any) -> None:
    typer.echo(json.dumps(content, indent=2))
