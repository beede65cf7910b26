"""Exit codes of the commands that call or compute, and how they say that they were typed wrongly."""

from typing import Final

import typer

EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2


def usage_error(text: str) -> typer.Exit:
    """To be raised: one line on stderr and exit code 2."""
    typer.echo(f"kalepool: {text}", err=True)
    return typer.Exit(EXIT_USAGE)
