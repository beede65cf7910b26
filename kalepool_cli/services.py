"""The commands that run a service, or a tool of the local chain; each in the foreground until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

# Each service is imported by its own command: `kalepool pooler` has no use for the Backend's libraries.
EnvFileOption = Annotated[
    Path | None,
    typer.Option(
        "--env-file", exists=True, dir_okay=False, help="Settings, one NAME=value a line; default: .env."
    ),
]


def backend(env_file: EnvFileOption = None) -> None:
    """Run the Backend: keys, database, money, every transaction.

    Settings come from the environment and from the file; the environment wins. See deploy/ for examples.
    """
    from backend_svc.main import main
    from poolkit.settings import DEFAULT_ENV_FILE

    raise typer.Exit(main(env_file or DEFAULT_ENV_FILE))


def pooler(env_file: EnvFileOption = None) -> None:
    """Run a Pooler: block clock, hashing, timing.

    Settings come from the environment and from the file; the environment wins. See deploy/ for examples.
    """
    from pooler_svc.main import main
    from poolkit.settings import DEFAULT_ENV_FILE

    raise typer.Exit(main(env_file or DEFAULT_ENV_FILE))


def localnet(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of RPC and friendbot; 0: any free one.")] = 8000,
    speed: Annotated[float, typer.Option(help="Chain seconds a second of real time.")] = 1.0,
    retention_ledgers: Annotated[
        int, typer.Option(help="Ledgers that transactions and events are kept.")
    ] = 17_280,
    nodes: Annotated[int, typer.Option(help="RPC nodes of the chain, on this port and the next ones.")] = 1,
    lag: Annotated[
        str, typer.Option(help="How many ledgers each node stays behind, separated by commas.")
    ] = "",
    network_settings: Annotated[
        str, typer.Option(help="Fees, limits and lifetimes: mainnet, testnet or a TOML file.")
    ] = "mainnet",
    protocol: Annotated[
        int | None, typer.Option(help="Protocol version to tell; default: the settings' own.")
    ] = None,
) -> None:
    """Run a local chain: a Stellar RPC server with KALE, for development and tests."""
    from localnet.main import run
    from localnet.network_settings import load_network_settings
    from localnet.settings import LocalnetSettings, parse_lag
    from poolkit.errors import StartupError
    from poolkit.lifecycle import report_startup_error

    try:
        of_network = load_network_settings(network_settings)
        if protocol is not None:
            of_network = of_network.with_protocol(protocol)
        settings = LocalnetSettings(
            host=host,
            port=port,
            speed=speed,
            retention_ledgers=retention_ledgers,
            nodes=nodes,
            lag_ledgers=parse_lag(lag),
            network_settings=of_network,
        )
    except StartupError as error:
        raise typer.Exit(report_startup_error(error)) from None
    raise typer.Exit(run(settings))


def postgres(
    data: Annotated[
        Path | None, typer.Option(help="Folder for the data; default: one of the user's, see --help.")
    ] = None,
) -> None:
    """Run a real PostgreSQL server from a Python wheel, and print its DATABASE_URL.

    The server listens on a Unix socket in its folder. As root it runs as a system user of its own, so the
    folder must lie where others may pass: the default is /var/lib/kalepool/postgres then, else
    ~/.local/share/kalepool/postgres.
    """
    from backend_svc.store import embedded

    try:
        code = embedded.run_foreground(
            data or embedded.default_folder(), lambda url: typer.echo(f"DATABASE_URL={url}")
        )
    except embedded.EmbeddedPostgresError as error:
        typer.echo(f"error: {error}", err=True)
        code = 2
    raise typer.Exit(code)


def replay(
    file: Annotated[Path, typer.Argument(help="Recorded scenarios, .jsonl or .jsonl.gz.")],
) -> None:
    """Replay recorded contract calls by the local chain's rules, and compare every result.

    The last line is `N of M calls identical`. Exit code 1: something differs; 2: not such a file.
    """
    from localnet.replay import replay as replay_file

    raise typer.Exit(replay_file(file, Console()))
