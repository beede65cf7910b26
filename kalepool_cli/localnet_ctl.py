"""`kalepool localnet ctl …`: asks the admin endpoint of a local chain that runs, and prints its answer."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from kalepool_cli.usage import EXIT_REFUSED, usage_error

DEFAULT_ADMIN: Final = "http://127.0.0.1:8001"
_ANSWER_WALL_SECONDS: Final = 600.0

AdminOption = Annotated[
    str, typer.Option("--admin", envvar="LOCALNET_ADMIN", help="URL of the localnet's admin endpoint.")
]

app = typer.Typer(help="Control a local chain that runs: its clock and what it does.", no_args_is_help=True)
faults = typer.Typer(help="Let things go wrong, by rules.", no_args_is_help=True)
app.add_typer(faults, name="faults")
rivals = typer.Typer(help="Let other farmers play.", no_args_is_help=True)
app.add_typer(rivals, name="rivals")


@app.command()
def status(admin: AdminOption = DEFAULT_ADMIN) -> None:
    """Show ledger, clock, block, accounts, queue and memory."""
    show(ask(admin, "/status"))


@app.command()
def nodes(admin: AdminOption = DEFAULT_ADMIN) -> None:
    """Show each RPC node: its ledgers and how far it is behind."""
    show(ask(admin, "/nodes"))


@app.command()
def speed(
    speed: Annotated[str, typer.Argument(help="Chain seconds a second of real time, or max.")],
    admin: AdminOption = DEFAULT_ADMIN,
) -> None:
    """Let chain time run at another speed; max needs a driver that holds the ticket."""
    show(ask(admin, "/clock/speed", {"speed": _number_or_text(speed)}))


@app.command()
def pause(admin: AdminOption = DEFAULT_ADMIN) -> None:
    """Stop the clock: no ledger closes until it is resumed, but by step and jump."""
    show(ask(admin, "/clock/pause"))


@app.command()
def resume(admin: AdminOption = DEFAULT_ADMIN) -> None:
    """Let the clock run on."""
    show(ask(admin, "/clock/resume"))


@app.command()
def step(
    ledgers: Annotated[int, typer.Argument(help="How many ledgers.")] = 1,
    admin: AdminOption = DEFAULT_ADMIN,
) -> None:
    """Close ledgers at once, whether the clock is paused or not."""
    show(ask(admin, "/clock/step", {"ledgers": ledgers}))


@app.command()
def jump(
    before: Annotated[int, typer.Option(help="Chain seconds before that moment; negative: after it.")] = 0,
    admin: AdminOption = DEFAULT_ADMIN,
) -> None:
    """Close ledgers at once until the next one can open the next KALE block."""
    show(ask(admin, "/clock/jump", {"before_seconds": before}))


@app.command("save-entries")
def save_entries(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="JSON Lines, for `kalepool localnet --fork`.")],
    admin: AdminOption = DEFAULT_ADMIN,
) -> None:
    """Write all ledger entries to a file that another local chain can begin with."""
    saved = ask(admin, "/entries")
    lines = "".join(json.dumps(line) + "\n" for line in (saved["ledger"], *saved["entries"]))
    unfinished = file.with_name(file.name + ".unfinished")
    try:
        unfinished.write_text(lines)
        unfinished.replace(file)
    except OSError as error:
        raise usage_error(f"cannot write {file}: {error.strerror}") from None
    show({"file": str(file), "sequence": saved["ledger"]["latestLedger"], "entries": len(saved["entries"])})


@app.command()
def load(
    classic: Annotated[float | None, typer.Option(help="Share of the classic operations.")] = None,
    soroban: Annotated[float | None, typer.Option(help="Share of the Soroban resources.")] = None,
    bid: Annotated[int | None, typer.Option(help="The median bid, stroops an operation.")] = None,
    spread: Annotated[float | None, typer.Option(help="Standard deviation of the bids' logarithm.")] = None,
    admin: AdminOption = DEFAULT_ADMIN,
) -> None:
    """Change what strangers ask of each ledger, 1 being all of it; without options only show it."""
    given = {"classic": classic, "soroban": soroban, "median_bid_stroops": bid, "bid_spread": spread}
    show(ask(admin, "/load", {name: value for name, value in given.items() if value is not None}))


@faults.command("list")
def list_faults(admin: AdminOption = DEFAULT_ADMIN) -> None:
    """Show the rules and how often each has struck."""
    show(ask(admin, "/faults/list"))


@faults.command("add")
def add_faults(
    file: Annotated[str, typer.Argument(help="one_percent or a TOML file, see docs/localnet-faults.md.")],
    admin: AdminOption = DEFAULT_ADMIN,
) -> None:
    """Add the rules of a file to those that are there."""
    from localnet.faults.fault_file import read_fault_text
    from poolkit.startup_error import StartupError

    try:
        text = read_fault_text(file)
    except StartupError as error:
        raise usage_error(str(error)) from None
    show(ask(admin, "/faults/add", {"text": text, "source": file}))


@faults.command("remove")
def remove_fault(
    number: Annotated[int, typer.Argument(help="The rule's number, as list shows it.")],
    admin: AdminOption = DEFAULT_ADMIN,
) -> None:
    """Take one rule away."""
    show(ask(admin, "/faults/remove", {"number": number}))


@faults.command("clear")
def clear_faults(admin: AdminOption = DEFAULT_ADMIN) -> None:
    """Take all rules away, and show them with their strikes."""
    show(ask(admin, "/faults/clear"))


@rivals.command("list")
def list_rivals(admin: AdminOption = DEFAULT_ADMIN) -> None:
    """Show who plays, and how many transactions of each succeeded, failed and were refused."""
    show(ask(admin, "/rivals/list"))


@rivals.command("add")
def add_rivals(
    file: Annotated[
        str, typer.Argument(help="mainnet_like, meddler or a TOML file, see docs/localnet-rivals.md.")
    ],
    admin: AdminOption = DEFAULT_ADMIN,
) -> None:
    """Let the rivals of a file play as well."""
    from localnet.rivals.rivals_file import read_rivals_text
    from poolkit.startup_error import StartupError

    try:
        text = read_rivals_text(file)
    except StartupError as error:
        raise usage_error(str(error)) from None
    show(ask(admin, "/rivals/add", {"text": text, "source": file}))


@rivals.command("clear")
def clear_rivals(admin: AdminOption = DEFAULT_ADMIN) -> None:
    """No rival acts any more; what they have planted stays. Shows those that there were."""
    show(ask(admin, "/rivals/clear"))


def ask(admin: str, path: str, fields: Mapping[str, Any] | None = None) -> Any:
    """What the endpoint answers; a refusal is one line on stderr and exit code 1."""
    if not admin.startswith("http://"):
        raise usage_error(f"--admin is '{admin}', must be a http:// URL")
    request = urllib.request.Request(
        admin.rstrip("/") + path,
        data=json.dumps(fields or {}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_ANSWER_WALL_SECONDS) as response:
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        raise _refused(_reason(error)) from None
    except (OSError, ValueError) as error:
        raise _refused(f"no answer from the admin endpoint {admin}: {error}") from None
    if "jsonrpc" in answer:
        raise _refused(f"{admin} is the RPC of a chain, and not its admin endpoint")
    return answer


def show(answer: Any) -> None:
    typer.echo(json.dumps(answer, indent=2))


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{error.url} answers {error.code} {error.reason}: is this an admin endpoint?"


def _refused(text: str) -> typer.Exit:
    typer.echo(f"kalepool: {text}", err=True)
    return typer.Exit(EXIT_REFUSED)


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
