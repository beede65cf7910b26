"""`kalepool demo`: play KALE on this machine, end to end."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

USUAL_SPEED = 60.0
# What goes wrong lasts as long as it does on a real network, half a second for an answer that is late: at 60
# times real time that is half a minute of the chain, and blocks are missed for no other reason.
FAULTS_SPEED = 15.0


def demo(
    blocks: Annotated[int, typer.Option(min=1, max=1000, help="Whole blocks to play.")] = 3,
    farmers: Annotated[int, typer.Option(min=1, max=500, help="Farmers to register and fund.")] = 10,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=1000,
            help=f"Chain seconds a second of real time; default: {USUAL_SPEED:g}, with --faults "
            f"{FAULTS_SPEED:g}.",
        ),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="New or empty folder for database, keys and logs; default: a temporary one."),
    ] = None,
    faults: Annotated[
        str | None, typer.Option(help="What goes wrong on the local chain: see kalepool localnet --help.")
    ] = None,
    rivals: Annotated[
        str | None, typer.Option(help="Who else plays on the local chain: see kalepool localnet --help.")
    ] = None,
    allow_missed: Annotated[
        bool,
        typer.Option(
            "--allow-missed", help="Plants, works and harvests may be missed, if the records name the cause."
        ),
    ] = False,
    keep: Annotated[bool, typer.Option(help="Leave everything running at the end, until Ctrl-C.")] = False,
) -> None:
    """Start PostgreSQL, a local chain, Backend and Pooler, and let ten farmers play KALE.

    Exit code 0: every farmer planted, worked and harvested in every block, nothing was sent twice, and
    records, balances and chain agree to the stroop. 1: something is missing (with --allow-missed: or it is
    missed for a cause that nobody knows). 2: it could not be started. 130: interrupted.
    """
    # Imported here: the demo knows every part of the pool, and the other commands start without it.
    from rich.console import Console

    from kalepool_cli.demo.run import run_demo
    from kalepool_cli.demo.scenario import Options
    from poolkit.logs import configure_logs

    if json_file is not None and (json_file.is_dir() or not json_file.absolute().parent.is_dir()):
        raise typer.BadParameter(f"{json_file} can't be written: no such folder", param_hint="--json")
    localnet_options = [*_bad_day("--faults", faults), *_bad_day("--rivals", rivals)]
    folder = _data_folder(data)
    console = Console()
    console.print(f"data, keys and logs: {folder}")
    configure_logs("ERROR")  # that a node does not answer yet, or now and then, is no news here
    code = asyncio.run(
        run_demo(
            folder,
            Options(blocks, farmers, allow_missed),
            speed or (USUAL_SPEED if faults is None else FAULTS_SPEED),
            json_file,
            keep,
            console,
            localnet_options=localnet_options,
        )
    )
    if data is None and code == 0:
        shutil.rmtree(folder)  # nothing went wrong that somebody would have to look up
    raise typer.Exit(code)


def _bad_day(option: str, name: str | None) -> list[str]:
    """The option as the localnet gets it, which works in another folder; refused if it would refuse it."""
    from localnet.faults.fault_file import load_faults
    from localnet.rivals.rivals_file import load_rivals
    from poolkit.startup_error import StartupError

    if name is None:
        return []
    try:
        if option == "--faults":
            load_faults(name, nodes=1)
        else:
            load_rivals(name)
    except StartupError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
    return [option, str(Path(name).resolve()) if Path(name).is_file() else name]


def _data_folder(wanted: Path | None) -> Path:
    if wanted is None:
        folder = Path(tempfile.mkdtemp(prefix="kalepool-demo-"))
        # Run by root, PostgreSQL is a user of its own and must get through; keys are 0600.
        folder.chmod(0o755)
        return folder
    folder = wanted.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise typer.BadParameter(f"{folder} exists and is not an empty folder", param_hint="--data")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
