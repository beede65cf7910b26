"""`kalepool admin …`: what operators ask of the Backend."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kalepool_cli.calls import (
    DEFAULT_BACKEND,
    ApiKeyFileOption,
    BackendOption,
    call,
    new_request_id,
    print_message,
)
from kalepool_cli.secret_files import write_secret
from kalepool_cli.usage import EXIT_REFUSED

if TYPE_CHECKING:
    import grpc.aio

# gRPC is imported by the calls themselves: `kalepool hash` has to start fast, and has no use for it.
app = typer.Typer(help="Run the pool: poolers and reconciliation.", no_args_is_help=True)


@app.command("create-pooler")
def create_pooler(
    name: Annotated[str, typer.Argument(help="1–64 letters, digits, dots, dashes, underscores; unique.")],
    key_file: Annotated[
        Path, typer.Option(help="Where to write the pooler's API key (mode 0600); it is shown nowhere else.")
    ],
    public_key: Annotated[str, typer.Option(help="G… address that gets the pooler's share.")] = "",
    share_basis_points: Annotated[int, typer.Option(help="Its share of each reward, 0–10,000.")] = 0,
    endpoint: Annotated[str, typer.Option(help="host:port of its gRPC server.")] = "",
    backend: BackendOption = DEFAULT_BACKEND,
    api_key_file: ApiKeyFileOption = None,
) -> None:
    """Make a pooler and write its API key to a file."""
    from kalepool.v1 import admin_pb2
    from kalepool.v1.admin_pb2_grpc import AdminServiceStub

    if key_file.exists():  # asked before the call: a key that can't be written is lost
        raise typer.BadParameter(f"{key_file} exists already", param_hint="--key-file")
    request = admin_pb2.CreatePoolerRequest(
        request_id=new_request_id(),
        name=name,
        public_key=public_key,
        share_basis_points=share_basis_points,
        endpoint=endpoint,
    )
    response = call(backend, api_key_file, lambda channel: AdminServiceStub(channel).CreatePooler(request))
    write_secret(key_file, response.api_key)
    print_message(response.pooler)
    typer.echo(f"API key written to {key_file}", err=True)


@app.command("list-poolers")
def list_poolers(backend: BackendOption = DEFAULT_BACKEND, api_key_file: ApiKeyFileOption = None) -> None:
    """List the poolers."""
    from kalepool.v1 import admin_pb2
    from kalepool.v1.admin_pb2_grpc import AdminServiceStub

    request = admin_pb2.ListPoolersRequest(page_size=1000)
    print_message(call(backend, api_key_file, lambda channel: AdminServiceStub(channel).ListPoolers(request)))


@app.command()
def reconcile(
    farmer_id: Annotated[str, typer.Option(help="Only this farmer; default: all.")] = "",
    backend: BackendOption = DEFAULT_BACKEND,
    api_key_file: ApiKeyFileOption = None,
) -> None:
    """Read the chain anew and compare it with the records; exit code 1 on an unexplained difference."""
    from kalepool.v1 import admin_pb2
    from kalepool.v1.admin_pb2_grpc import AdminServiceStub

    request = admin_pb2.ReconcileRequest(farmer_id=farmer_id)

    async def run(channel: "grpc.aio.Channel") -> bool:
        reconciled = False
        async for message in AdminServiceStub(channel).Reconcile(request):
            if message.HasField("finding"):
                print_message(message.finding)
            else:
                reconciled = message.summary.reconciled
                print_message(message.summary)
        return reconciled

    if not call(backend, api_key_file, run):
        raise typer.Exit(EXIT_REFUSED)
