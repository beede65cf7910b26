"""FarmerService: decode, check, one call to the domain, encode."""

from typing import Any

from backend_svc.farmers import FarmerAccounts, Registration, get_farmer, get_user, no_such_farmer
from backend_svc.idempotency import AnswerOnce
from backend_svc.paging import UnreadablePageTokenError, page_start, page_token
from backend_svc.rules.stake import LEAST_STAKE_BASIS_POINTS, WHOLE_BASIS_POINTS
from backend_svc.servicers.farmer_messages import custody_mode_of, farmer_message, farmer_status_of
from backend_svc.store import farmers
from backend_svc.store.database import Database
from kalepool.v1 import farmer_pb2, farmer_pb2_grpc, types_pb2
from poolkit.errors import Unsupported
from poolkit.fields import FieldChecks
from poolkit.principal import Principal, PrincipalKind, require_principal

DEFAULT_PAGE_SIZE = 100
MOST_PAGE_SIZE = 1_000
_MOST_HARVEST_AFTER_BLOCKS = 200
_DEFAULT_STAKE_BASIS_POINTS = 10_000
_DEFAULT_HARVEST_AFTER_BLOCKS = 1


class FarmerServicer(farmer_pb2_grpc.FarmerServiceServicer):
    """Called by admins, and by a farmer for itself."""

    def __init__(self, accounts: FarmerAccounts, database: Database, once: AnswerOnce) -> None:
        self._accounts = accounts
        self._database = database
        self._once = once

    async def RegisterFarmer(  # noqa: N802
        self, request: farmer_pb2.RegisterFarmerRequest, context: Any
    ) -> farmer_pb2.RegisterFarmerResponse:
        caller = require_principal(PrincipalKind.ADMIN)
        registration = _registration(request)

        def register() -> farmer_pb2.RegisterFarmerResponse:
            view = self._accounts.register(registration)
            return farmer_pb2.RegisterFarmerResponse(farmer=farmer_message(view))

        return await self._once.answer(caller, request, farmer_pb2.RegisterFarmerResponse, register)

    async def ConfirmFunding(  # noqa: N802
        self, request: farmer_pb2.ConfirmFundingRequest, context: Any
    ) -> farmer_pb2.ConfirmFundingResponse:
        caller = _caller_for(request)
        answered = await self._once.find(caller, request, farmer_pb2.ConfirmFundingResponse)
        if answered is not None:
            return answered
        funded = await self._accounts.fund(request.farmer_id)

        def activate() -> farmer_pb2.ConfirmFundingResponse:
            farmer = self._accounts.activate(request.farmer_id)
            view = self._accounts.view(farmer, get_user(farmer), funded.account)
            return farmer_pb2.ConfirmFundingResponse(
                farmer=farmer_message(view), trustline_transaction_hash=funded.trustline_transaction_hash
            )

        return await self._once.answer(caller, request, farmer_pb2.ConfirmFundingResponse, activate)

    async def GetFarmer(  # noqa: N802
        self, request: farmer_pb2.GetFarmerRequest, context: Any
    ) -> farmer_pb2.GetFarmerResponse:
        _caller_for(request, mutates=False)
        farmer = await self._database.run(get_farmer, request.farmer_id)
        (view,) = await self._accounts.look([farmer])
        return farmer_pb2.GetFarmerResponse(farmer=farmer_message(view))

    async def ListFarmers(  # noqa: N802
        self, request: farmer_pb2.ListFarmersRequest, context: Any
    ) -> farmer_pb2.ListFarmersResponse:
        require_principal(PrincipalKind.ADMIN)
        filters = f"{request.pooler_id}/{request.status}/{request.custody_mode}/{request.user_email}"
        size, after = _checked_page(request, filters)
        found = await self._database.run(
            farmers.list_farmers,
            pooler_id=request.pooler_id or None,
            user_email=request.user_email or None,
            statuses=tuple(filter(None, [farmer_status_of(request.status)])),
            custody_mode=custody_mode_of(request.custody_mode),
            after_id=after,
            limit=size + 1,
        )
        page, more = found[:size], len(found) > size
        return farmer_pb2.ListFarmersResponse(
            farmers=[farmer_message(view) for view in await self._accounts.look(page)],
            next_page_token=page_token(page[-1].id, filters) if more else "",
        )

    async def UpdateStake(  # noqa: N802
        self, request: farmer_pb2.UpdateStakeRequest, context: Any
    ) -> farmer_pb2.UpdateStakeResponse:
        caller = _caller_for(request)
        with FieldChecks() as check:
            _check_stake(check, request.stake_basis_points)

        def update() -> farmer_pb2.UpdateStakeResponse:
            farmer = self._accounts.update_stake(request.farmer_id, request.stake_basis_points)
            view = self._accounts.view(farmer, get_user(farmer), None)
            return farmer_pb2.UpdateStakeResponse(farmer=farmer_message(view))

        return await self._once.answer(caller, request, farmer_pb2.UpdateStakeResponse, update)


def check_page(check: FieldChecks, request: Any, filters: str) -> tuple[int, str]:
    """The page's size, and the key after which it starts."""
    size = check.page_size("page_size", request.page_size, default=DEFAULT_PAGE_SIZE, most=MOST_PAGE_SIZE)
    try:
        return size, page_start(request.page_token, filters)
    except UnreadablePageTokenError as error:
        check.require(False, "page_token", str(error), request.page_token)
        return size, ""


def _checked_page(request: farmer_pb2.ListFarmersRequest, filters: str) -> tuple[int, str]:
    with FieldChecks() as check:
        size, after = check_page(check, request, filters)
        if request.pooler_id:
            check.uuid("pooler_id", request.pooler_id)
        if request.user_email:
            check.email("user_email", request.user_email)
        if request.status:
            check.enum("status", request.status, types_pb2.FarmerStatus)
        if request.custody_mode:
            check.enum("custody_mode", request.custody_mode, types_pb2.CustodyMode)
    return size, after


def _caller_for(request: Any, *, mutates: bool = True) -> Principal:
    """An admin, or the farmer that the request is about. Raises InvalidField, Forbidden, NotFound."""
    caller = require_principal(PrincipalKind.ADMIN, PrincipalKind.FARMER)
    with FieldChecks() as check:
        check.uuid("farmer_id", request.farmer_id)
        if mutates:
            check.uuid("request_id", request.request_id)
    if caller.kind is PrincipalKind.FARMER and caller.id != request.farmer_id.lower():
        raise no_such_farmer(request.farmer_id)
    return caller


def _check_stake(check: FieldChecks, stake_basis_points: int) -> None:
    check.basis_points(
        "stake_basis_points", stake_basis_points, least=LEAST_STAKE_BASIS_POINTS, most=WHOLE_BASIS_POINTS
    )


def _registration(request: farmer_pb2.RegisterFarmerRequest) -> Registration:
    """Raises InvalidField; Unsupported for what this version does not serve yet."""
    asked_stake = request.HasField("stake_basis_points")
    asked_blocks = request.HasField("harvest_after_blocks")
    stake = request.stake_basis_points if asked_stake else _DEFAULT_STAKE_BASIS_POINTS
    blocks = request.harvest_after_blocks if asked_blocks else _DEFAULT_HARVEST_AFTER_BLOCKS
    with FieldChecks() as check:
        check.uuid("request_id", request.request_id)
        email = check.email("user_email", request.user_email)
        if request.pooler_id:
            check.uuid("pooler_id", request.pooler_id)
        if request.custody_mode:
            check.enum("custody_mode", request.custody_mode, types_pb2.CustodyMode)
        if request.funding_mode:
            check.enum("funding_mode", request.funding_mode, types_pb2.FundingMode)
        check.address("payout_wallet", request.payout_wallet)
        _check_stake(check, stake)
        check.integer("harvest_after_blocks", blocks, least=1, most=_MOST_HARVEST_AFTER_BLOCKS)
        custodial = request.custody_mode != types_pb2.CUSTODY_MODE_SELF
        if custodial:
            check.require(
                not request.public_key,
                "public_key",
                "must be empty: the Backend makes it",
                request.public_key,
            )
    if not custodial:
        raise Unsupported("custody_mode self is not served by this version")
    if request.funding_mode not in (types_pb2.FUNDING_MODE_UNSPECIFIED, types_pb2.FUNDING_MODE_MANUAL):
        raise Unsupported("only funding_mode manual is served by this version")
    return Registration(email, request.pooler_id.lower() or None, request.payout_wallet, stake, blocks)
