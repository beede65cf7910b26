"""AdminService: decode, check, one call to the domain, encode."""

import re
from collections.abc import AsyncIterator
from typing import Any

from backend_svc.farmers import get_farmer
from backend_svc.idempotency import AnswerOnce
from backend_svc.paging import page_token
from backend_svc.poolers import NewPooler, PoolerView, create_pooler, with_farmers
from backend_svc.reconcile import Reconciler
from backend_svc.servicers.farmer import check_page
from backend_svc.servicers.farmer_messages import pooler_message, pooler_status_of
from backend_svc.servicers.reconcile_messages import finding_messages, summary_message
from backend_svc.store import poolers, reports
from backend_svc.store.database import Database
from kalepool.v1 import admin_pb2, admin_pb2_grpc
from poolkit.fields import FieldChecks
from poolkit.principal import PrincipalKind, require_principal

_MOST_CAPACITY = 1_000
_LONGEST_ENDPOINT = 255
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class AdminServicer(admin_pb2_grpc.AdminServiceServicer):
    """Called by operators."""

    def __init__(
        self,
        *,
        database: Database,
        once: AnswerOnce,
        reconciler: Reconciler,
        key_length: int,
        default_capacity: int,
    ) -> None:
        self._database = database
        self._once = once
        self._reconciler = reconciler
        self._key_length = key_length
        self._default_capacity = default_capacity

    async def CreatePooler(  # noqa: N802
        self, request: admin_pb2.CreatePoolerRequest, context: Any
    ) -> admin_pb2.CreatePoolerResponse:
        caller = require_principal(PrincipalKind.ADMIN)
        new = self._new_pooler(request)

        def create() -> admin_pb2.CreatePoolerResponse:
            pooler, key = create_pooler(new, key_length=self._key_length)
            return admin_pb2.CreatePoolerResponse(
                pooler=pooler_message(PoolerView(pooler, farmers=0)), api_key=key
            )

        return await self._once.answer(
            caller, request, admin_pb2.CreatePoolerResponse, create, remembered=_without_key
        )

    async def ListPoolers(  # noqa: N802
        self, request: admin_pb2.ListPoolersRequest, context: Any
    ) -> admin_pb2.ListPoolersResponse:
        require_principal(PrincipalKind.ADMIN)
        filters = str(request.status)
        with FieldChecks() as check:
            size, after = check_page(check, request, filters)
            if request.status:
                check.enum("status", request.status, admin_pb2.PoolerStatus)

        def find() -> list[PoolerView]:
            status = pooler_status_of(request.status)
            return with_farmers(poolers.list_poolers(status=status, after_id=after, limit=size + 1))

        found = await self._database.run(find)
        page, more = found[:size], len(found) > size
        return admin_pb2.ListPoolersResponse(
            poolers=[pooler_message(view) for view in page],
            next_page_token=page_token(page[-1].pooler.id, filters) if more else "",
        )

    async def Reconcile(  # noqa: N802
        self, request: admin_pb2.ReconcileRequest, context: Any
    ) -> AsyncIterator[admin_pb2.ReconcileResponse]:
        require_principal(PrincipalKind.ADMIN)
        if request.farmer_id:
            with FieldChecks() as check:
                check.uuid("farmer_id", request.farmer_id)
            await self._database.run(get_farmer, request.farmer_id)
        result = await self._reconciler.reconcile(request.farmer_id.lower() or None)
        totals = await self._database.run(reports.totals, request.farmer_id.lower() or None)
        findings = finding_messages(result)
        for number, finding in enumerate(findings, start=1):
            yield admin_pb2.ReconcileResponse(sequence=number, finding=finding)
        summary = summary_message(result, totals, len(findings))
        yield admin_pb2.ReconcileResponse(sequence=len(findings) + 1, summary=summary)

    def _new_pooler(self, request: admin_pb2.CreatePoolerRequest) -> NewPooler:
        """Raises InvalidField."""
        capacity = request.capacity if request.HasField("capacity") else self._default_capacity
        with FieldChecks() as check:
            check.uuid("request_id", request.request_id)
            named = _NAME.fullmatch(request.name) is not None
            check.require(
                named,
                "name",
                "must have 1 to 64 characters: letters, digits, dot, dash, underscore",
                request.name,
            )
            check.basis_points("share_basis_points", request.share_basis_points)
            if request.public_key or request.share_basis_points:
                check.account("public_key", request.public_key)
            check.text("endpoint", request.endpoint, least=0, most=_LONGEST_ENDPOINT)
            check.integer("capacity", capacity, least=1, most=_MOST_CAPACITY)
        return NewPooler(
            request.name,
            request.public_key or None,
            request.share_basis_points,
            request.endpoint.strip(),
            capacity,
        )


def _without_key(answer: admin_pb2.CreatePoolerResponse) -> admin_pb2.CreatePoolerResponse:
    return admin_pb2.CreatePoolerResponse(pooler=answer.pooler)
