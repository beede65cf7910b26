"""The figures for people."""

from rich.console import Console

from kalepool_bench.display import plain_table
from kalepool_bench.localnet.figures import LocalnetFigures


def print_figures(figures: LocalnetFigures) -> None:
    console = Console()
    costs = plain_table("each", "accounts", "count", "CPU ms", "wall ms")
    for cost in figures.costs:
        milliseconds = (f"{each:.3f}" for each in (cost.cpu_ms, cost.wall_ms))
        costs.add_row(cost.name, f"{cost.accounts:,}", f"{cost.count:,}", *milliseconds)
    console.print(costs)
    memory = plain_table("after", "count", "RSS MiB", "bytes each")
    for row in figures.memory:
        memory.add_row(row.name, f"{row.count:,}", f"{row.rss_mb:.1f}", f"{row.bytes_each:,.0f}")
    console.print(memory)
    console.print(f"start to first answer: {figures.start_seconds:.2f} s (median)", highlight=False)
    if figures.day is not None:
        day = figures.day
        console.print(
            f"{day.blocks} blocks of {day.farmers} farmers, {day.ledgers:,} ledgers and {day.transactions:,} "
            f"transactions: {day.seconds:.0f} s, {day.cpu_seconds:.0f} s CPU of the localnet",
            highlight=False,
        )
