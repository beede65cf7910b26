"""The figures for people."""

from rich.console import Console

from kalepool_bench.display import plain_table
from kalepool_bench.pool.figures import PoolFigures


def print_figures(figures: PoolFigures) -> None:
    console = Console()
    steps = plain_table("step", "done", "missed")
    steps.add_row("plant", f"{figures.plants_ok:,}", f"{figures.plants_failed:,}")
    steps.add_row("work", f"{figures.works_ok:,}", f"{figures.works_failed:,}")
    steps.add_row("harvest", f"{figures.harvests_ok:,}", f"{figures.harvests_failed:,}")
    console.print(steps)
    costs = plain_table("process", "CPU s", "CPU s a block")
    cpu = figures.cpu_seconds
    rows = (
        ("Backend", cpu.backend),
        ("Pooler", cpu.pooler),
        ("hasher", cpu.hasher),
        ("localnet", cpu.localnet),
    )
    for name, seconds in rows:
        costs.add_row(name, f"{seconds:.1f}", f"{seconds / figures.blocks:.2f}")
    console.print(costs)
    console.print(
        f"{figures.blocks} blocks of {figures.farmers} farmers, {figures.ledgers:,} ledgers: "
        f"{figures.seconds:.0f} s, {figures.seconds_a_block:.2f} s a block",
        highlight=False,
    )
    verdict = "agree to the stroop" if figures.reconciled else "DIFFER"
    console.print(f"records, balances and chain {verdict}", highlight=False)
