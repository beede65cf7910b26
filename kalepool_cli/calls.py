"""How the `farmer` and `admin` commands call the Backend: one channel, one call, JSON out."""

import asyncio
import json
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from kalepool_cli.usage import EXIT_REFUSED, usage_error

if TYPE_CHECKING:
    import grpc.aio
    from google.protobuf.message import Message

BackendOption = Annotated[
    str, typer.Option("--backend", envvar="BACKEND", help="host:port of the Backend's gRPC server.")
]
ApiKeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        envvar="API_KEY_FILE",
        help="File with the API key; without it the key is taken from the environment, API_KEY.",
    ),
]
DEFAULT_BACKEND = "127.0.0.1:3000"

T = TypeVar("T")


def new_request_id() -> str:
    """An id by which the Backend recognises the same request sent again."""
    return str(uuid.uuid4())


def call(backend: str, api_key_file: Path | None, action: "Callable[[grpc.aio.Channel], Awaitable[T]]") -> T:
    """Run one action on a channel to the Backend; a refusal is one line on stderr and exit code 1."""
    from poolkit.errors import PoolError
    from poolkit.grpc_client import open_channel

    async def run() -> T:
        async with open_channel(backend, api_key=_read_api_key(api_key_file)) as channel:
            return await action(channel)

    try:
        return asyncio.run(run())
    except PoolError as error:
        typer.echo(f"kalepool: {error}", err=True)
        raise typer.Exit(EXIT_REFUSED) from None


def print_message(message: "Message") -> None:
    """The message as JSON, field names as in the protos."""
    from google.protobuf.json_format import MessageToDict

    typer.echo(
        json.dumps(
            MessageToDict(
                message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            ),
            indent=2,
        )
    )


def _read_api_key(path: Path | None) -> str:
    """The key of the file, else of the environment; exit code 2 with one line, which never quotes it."""
    if path is None:
        key = os.environ.get("API_KEY", "")
        if not key:
            raise usage_error("no API key: give --api-key-file or set API_KEY")
    else:
        try:
            key = path.read_text().strip()
        except OSError as error:
            raise usage_error(f"cannot read the API key file {path}: {error.strerror}") from None
        except UnicodeDecodeError:
            key = ""
    if not (key.isascii() and key.isprintable() and key):
        raise usage_error(f"{path or 'API_KEY'} does not hold an API key")
    return key
