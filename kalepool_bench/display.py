"""What people see: tables on stdout, and how far it is on stderr, if that is a terminal."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kalepool_bench.hash_rate import HashRate, speed_ups
from kalepool_bench.responsiveness import Responsiveness
from kalepool_bench.soak import SoakResult

_REFRESH_WALL_SECONDS: Final = 0.25
_UNDISTURBED_CPU_SHARE: Final = 0.95


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float], None]]:
    """Tell the function that this yields which part is done, from 0 to 1.

    It draws in the thread that calls it and never by itself: no thread of ours runs beside a measurement.
    """
    console = Console(stderr=True)
    bar = Progress(console=console, auto_refresh=False, transient=True, disable=not console.is_terminal)
    drawn = -_REFRESH_WALL_SECONDS
    with bar:
        task = bar.add_task(title, total=1.0)

        def show(part: float) -> None:
            nonlocal drawn
            now = time.monotonic()
            if now - drawn >= _REFRESH_WALL_SECONDS:
                drawn = now
                bar.update(task, completed=part, refresh=True)

        yield show


def warn_of_others(cpu_shares: Iterable[float | None]) -> None:
    """On stderr, when the searches did not get the CPUs that they asked for."""
    least = min((share for share in cpu_shares if share is not None), default=1.0)
    if least < _UNDISTURBED_CPU_SHARE:
        typer.echo(
            f"kalepool: others are busy on this machine: searches got {least:.0%} of the CPU time of their"
            " threads, so figures with several threads are too low",
            err=True,
        )


def print_hash_rates(rates: Sequence[HashRate]) -> None:
    table = plain_table("isa", "threads", "MH/s", "MH/s a core", "yardstick M/s", "ratio")
    for rate in rates:
        figures = (rate.mhs, rate.mhs_per_core, rate.yardstick_mperms, rate.ratio)
        table.add_row(rate.isa, str(rate.threads), *(f"{figure:.2f}" for figure in figures))
    console = Console()
    console.print(table)
    if faster := speed_ups(rates):
        said = ", ".join(f"{isa} {factor:.2f}" for isa, factor in faster.items())
        console.print(f"2 threads, times as fast as 1: {said}", highlight=False)


def print_responsiveness(results: Sequence[Responsiveness]) -> None:
    table = plain_table(
        "isa", "threads", "stops", "p50 ms", "p99 ms", "max ms", "Python beside it", "2 threads / 1"
    )
    for result in results:
        two_threads = "-" if result.two_threads is None else f"{result.two_threads:.2f}"
        for stop in result.stop_latency:
            latencies = (f"{each:.2f}" for each in (stop.p50_ms, stop.p99_ms, stop.max_ms))
            ratios = (f"{result.python_progress:.2f}", two_threads) if stop.threads == 1 else ("", "")
            table.add_row(result.isa, str(stop.threads), str(stop.samples), *latencies, *ratios)
    Console().print(table)


def print_soak(result: SoakResult) -> None:
    table = plain_table("after searches", "RSS MiB", "threads")
    for holding in (result.first, result.last):
        table.add_row(f"{holding.searches:,}", f"{holding.rss_bytes / 2**20:.2f}", str(holding.threads))
    table.add_row(
        "growth %",
        f"{result.rss_growth_percent:+.2f}",
        f"{result.threads_growth_percent:+.2f}",
        end_section=True,
    )
    console = Console()
    console.print(table)
    verdict = "nothing grew" if result.passed else "something grew or is missing"
    console.print(f"{verdict}, in {result.seconds:.0f} s", highlight=False)


def plain_table(first: str, *headings: str) -> Table:
    """The first column is text, the others are figures."""
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column(first)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table
