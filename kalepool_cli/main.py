"""The `kalepool` command: starts each service, and calls the Backend for farmers and operators."""

import typer

from kalepool_bench.command import app as bench
from kalepool_cli import admin, farmer, hashing, localnet, services
from kalepool_cli.demo.command import demo
from poolkit.version import VERSION

app = typer.Typer(
    name="kalepool",
    help="A mining pool for KALE: services, calls and tools.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(services.backend)
app.command()(services.pooler)
app.command()(services.postgres)
app.command()(services.replay)
app.command()(demo)
# Else -5 would be an option that nobody knows, and not a number below the least.
app.command("hash", context_settings={"ignore_unknown_options": True})(hashing.hash_nonces)
app.add_typer(farmer.app, name="farmer")
app.add_typer(admin.app, name="admin")
app.add_typer(bench, name="bench")
app.add_typer(localnet.app, name="localnet")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(VERSION)


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
