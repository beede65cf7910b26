"""`kalepool farmer …`: what farmers, and operators for them, ask of the Backend."""

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

if TYPE_CHECKING:
    from kalepool.v1 import types_pb2

# gRPC is imported by the calls themselves: `kalepool hash` has to start fast, and has no use for it.
app = typer.Typer(help="Register farmers and look after them.", no_args_is_help=True)

FarmerId = Annotated[str, typer.Argument(help="The farmer's id (UUID).")]
StakeBasisPoints = Annotated[
    int, typer.Option(help="Share of the free KALE balance to stake each block, 1,000–10,000 basis points.")
]


@app.command()
def register(
    user_email: Annotated[str, typer.Option(help="Mail address of the user.")],
    payout_wallet: Annotated[str, typer.Option(help="G… or C… address to which the farmer is paid out.")],
    stake_basis_points: StakeBasisPoints = 10_000,
    harvest_after_blocks: Annotated[
        int, typer.Option(help="Harvest at the latest after so many blocks.")
    ] = 1,
    pooler_id: Annotated[
        str, typer.Option(help="Pooler that works for it; default: the one with room.")
    ] = "",
    backend: BackendOption = DEFAULT_BACKEND,
    api_key_file: ApiKeyFileOption = None,
) -> None:
    """Register a custodial farmer; the answer says what to fund and where."""
    from kalepool.v1 import farmer_pb2
    from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub

    request = farmer_pb2.RegisterFarmerRequest(
        request_id=new_request_id(),
        user_email=user_email,
        payout_wallet=payout_wallet,
        stake_basis_points=stake_basis_points,
        harvest_after_blocks=harvest_after_blocks,
        pooler_id=pooler_id,
    )
    print_message(
        call(backend, api_key_file, lambda channel: FarmerServiceStub(channel).RegisterFarmer(request))
    )


@app.command("confirm-funding")
def confirm_funding(
    farmer_id: FarmerId, backend: BackendOption = DEFAULT_BACKEND, api_key_file: ApiKeyFileOption = None
) -> None:
    """Look for the farmer's XLM, make its trustline and activate it."""
    from kalepool.v1 import farmer_pb2
    from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub

    request = farmer_pb2.ConfirmFundingRequest(request_id=new_request_id(), farmer_id=farmer_id)
    print_message(
        call(backend, api_key_file, lambda channel: FarmerServiceStub(channel).ConfirmFunding(request))
    )


@app.command()
def get(
    farmer_id: FarmerId, backend: BackendOption = DEFAULT_BACKEND, api_key_file: ApiKeyFileOption = None
) -> None:
    """Show one farmer with its balances."""
    from kalepool.v1 import farmer_pb2
    from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub

    request = farmer_pb2.GetFarmerRequest(farmer_id=farmer_id)
    print_message(call(backend, api_key_file, lambda channel: FarmerServiceStub(channel).GetFarmer(request)))


@app.command("list")
def list_farmers(
    pooler_id: Annotated[str, typer.Option(help="Only this pooler's farmers.")] = "",
    status: Annotated[
        str,
        typer.Option(
            help="Only farmers with this status: registered, funded, active, paused, leaving, departed."
        ),
    ] = "",
    page_size: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    page_token: Annotated[str, typer.Option(help="From the answer before.")] = "",
    backend: BackendOption = DEFAULT_BACKEND,
    api_key_file: ApiKeyFileOption = None,
) -> None:
    """List farmers in the order in which they registered."""
    from kalepool.v1 import farmer_pb2
    from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub

    request = farmer_pb2.ListFarmersRequest(
        page_size=page_size, page_token=page_token, pooler_id=pooler_id, status=_status(status)
    )
    print_message(
        call(backend, api_key_file, lambda channel: FarmerServiceStub(channel).ListFarmers(request))
    )


@app.command("update-stake")
def update_stake(
    farmer_id: FarmerId,
    stake_basis_points: StakeBasisPoints,
    backend: BackendOption = DEFAULT_BACKEND,
    api_key_file: ApiKeyFileOption = None,
) -> None:
    """Set which share of the free balance is staked, from the next plant on."""
    from kalepool.v1 import farmer_pb2
    from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub

    request = farmer_pb2.UpdateStakeRequest(
        request_id=new_request_id(), farmer_id=farmer_id, stake_basis_points=stake_basis_points
    )
    print_message(
        call(backend, api_key_file, lambda channel: FarmerServiceStub(channel).UpdateStake(request))
    )


def _status(name: str) -> "types_pb2.FarmerStatus.ValueType":
    from kalepool.v1 import types_pb2

    if not name:
        return types_pb2.FARMER_STATUS_UNSPECIFIED
    try:
        return types_pb2.FarmerStatus.Value(f"FARMER_STATUS_{name.upper()}")
    except ValueError:
        raise typer.BadParameter(f"{name!r} is not a farmer status", param_hint="--status") from None
