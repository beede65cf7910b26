"""`kalepool hash`: our search as a program for others, by both command lines that are in use for KALE."""

import json
from typing import Annotated

import typer

from kalepool_cli.usage import EXIT_REFUSED, usage_error

_SIGNAL_EXIT = 128

Text = str | None


def _option(name: str, metavar: str, text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar=metavar, help=text)
    return option


def hash_nonces(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BLOCK HASH_BASE64 NONCE DIFFICULTY ADDRESS]",
            help="The block's index, its entropy, the first nonce, the zeros wanted, the farmer's G address.",
        ),
    ] = None,
    farmer_hex: Annotated[Text, _option("--farmer-hex", "HEX", "The farmer's key, 64 hex digits.")] = None,
    index: Annotated[Text, _option("--index", "N", "The block's index, 0–4,294,967,295.")] = None,
    entropy_hex: Annotated[
        Text, _option("--entropy-hex", "HEX", "The block's entropy, 64 hex digits.")
    ] = None,
    nonce_count: Annotated[Text, _option("--nonce-count", "N", "Nonces to search, at least 1.")] = None,
    nonce_from: Annotated[Text, _option("--nonce-from", "N", "The first of them; default: 0.")] = None,
    threads: Annotated[Text, _option("--threads", "N", "Threads; default: one a CPU.")] = None,
    max_threads: Annotated[Text, _option("--max-threads", "N", "Threads; default: one a CPU.")] = None,
    batch_size: Annotated[
        Text, _option("--batch-size", "N", "For GPU miners' sake, as all below: it changes nothing here.")
    ] = None,
    device: Annotated[Text, _option("--device", "N", "Changes nothing.")] = None,
    platform: Annotated[Text, _option("--platform", "N", "Changes nothing.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Changes nothing.")] = False,
) -> None:
    """Search for a nonce on the CPU, in either of two ways.

    The best nonce of a range, printed as [440, "0063…"]:

        kalepool hash --farmer-hex HEX --index 37 --entropy-hex HEX --nonce-count 10000000

    A nonce with at least so many zeros, printed as {"hash": "0063…", "nonce": 440}:

        kalepool hash 37 AAAAAAn66y/43JP7M02rwTmONZoWOmu1OPYz/bmzJ8o= 20495217909 8
        GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE --max-threads 4

    Exit code 1: no nonce is left that has the zeros. 2: asked wrongly. 130 or 143: ended by a signal.
    """
    # Imported here: the other commands have no use for the C extension.
    from kalepool_cli.hash_arguments import RangeRequest, WrongArgument, parse_request
    from kalepool_cli.hash_search import SearchEnded, ThreadsRefused, search
    from miner_ext import kernel_name

    options = {
        "--farmer-hex": farmer_hex,
        "--index": index,
        "--entropy-hex": entropy_hex,
        "--nonce-count": nonce_count,
        "--nonce-from": nonce_from,
        "--threads": threads,
        "--max-threads": max_threads,
        "--batch-size": batch_size,
        "--device": device,
        "--platform": platform,
        "--verbose": "" if verbose else None,
    }
    try:
        kernel_name()
    except ValueError as error:  # of KALE_MINER_ISA
        raise usage_error(str(error)) from None
    try:
        request = parse_request(words or [], options)
        found = search(request)
    except WrongArgument as error:
        raise usage_error(str(error)) from None
    except SearchEnded as ended:
        raise typer.Exit(_SIGNAL_EXIT + ended.signal) from None
    except ThreadsRefused as error:
        typer.echo(f"kalepool: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from None
    if found is None:
        typer.echo("kalepool: no nonce is left that has the zeros", err=True)
        raise typer.Exit(EXIT_REFUSED)
    if isinstance(request, RangeRequest):
        typer.echo(json.dumps([found.nonce, found.hash.hex()]))
    else:
        typer.echo(json.dumps({"hash": found.hash.hex(), "nonce": found.nonce}, indent=2))
