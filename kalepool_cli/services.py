"""The commands that run a service, or a tool of the local chain; each in the foreground until Ctrl-C."""

from pathlib import Path
from typing import Annotated

import typer

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
    from rich.console import Console

    from localnet.replay import replay as replay_file

    raise typer.Exit(replay_file(file, Console()))
