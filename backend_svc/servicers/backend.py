"""BackendService: the three streams, and what poolers ask beside them."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.duration_pb2 import Duration

from backend_svc.block_reports import advise
from backend_svc.farm_watch import FarmWatch
from backend_svc.health import Activity, HealthMonitor
from backend_svc.idempotency import AnswerOnce
from backend_svc.paging import page_token
from backend_svc.servicers.farmer import check_page
from backend_svc.servicers.farmer_messages import assigned_farmer_message
from backend_svc.sessions import SessionStreams
from backend_svc.store import farmers
from backend_svc.store.database import Database
from kalepool.v1 import backend_pb2, backend_pb2_grpc
from kalepool.v1.errors_pb2 import Reason
from poolkit.errors import BlockNotCurrent, FieldViolation
from poolkit.fields import FieldChecks
from poolkit.principal import PrincipalKind, require_principal
from poolkit.version import VERSION

_ENTROPY_BYTES = 32
_LATEST_SECOND = 2**53

PlantStreams = SessionStreams[backend_pb2.PlantRequest, backend_pb2.PlantResponse]
WorkStreams = SessionStreams[backend_pb2.WorkRequest, backend_pb2.WorkResponse]
HarvestStreams = SessionStreams[backend_pb2.HarvestRequest, backend_pb2.HarvestResponse]


class BackendServicer(backend_pb2_grpc.BackendServiceServicer):
    """Called by poolers; GetHealth by anybody."""

    def __init__(
        self,
        *,
        plant: PlantStreams,
        work: WorkStreams,
        harvest: HarvestStreams,
        database: Database,
        once: AnswerOnce,
        farm: FarmWatch,
        health: HealthMonitor,
    ) -> None:
        self._plant = plant
        self._work = work
        self._harvest = harvest
        self._database = database
        self._once = once
        self._farm = farm
        self._health = health

    async def Plant(  # noqa: N802
        self, request_iterator: AsyncIterator[backend_pb2.PlantRequest], context: Any
    ) -> AsyncIterator[backend_pb2.PlantResponse]:
        pooler = require_principal(PrincipalKind.POOLER)
        async for response in self._plant.converse(pooler.id, request_iterator):
            yield response

    async def Work(  # noqa: N802
        self, request_iterator: AsyncIterator[backend_pb2.WorkRequest], context: Any
    ) -> AsyncIterator[backend_pb2.WorkResponse]:
        pooler = require_principal(PrincipalKind.POOLER)
        async for response in self._work.converse(pooler.id, request_iterator):
            yield response

    async def Harvest(  # noqa: N802
        self, request_iterator: AsyncIterator[backend_pb2.HarvestRequest], context: Any
    ) -> AsyncIterator[backend_pb2.HarvestResponse]:
        pooler = require_principal(PrincipalKind.POOLER)
        async for response in self._harvest.converse(pooler.id, request_iterator):
            yield response

    async def ReportBlock(  # noqa: N802
        self, request: backend_pb2.ReportBlockRequest, context: Any
    ) -> backend_pb2.ReportBlockResponse:
        pooler = require_principal(PrincipalKind.POOLER)
        with FieldChecks() as check:
            check.uuid("request_id", request.request_id)
            check.bytes_of("entropy", request.entropy, length=_ENTROPY_BYTES)
            check.integer("timestamp.seconds", request.timestamp.seconds, least=1, most=_LATEST_SECOND)
            check.u32("ledger", request.ledger, least=1)
        await self._require_current(request.block_index)

        def answer() -> backend_pb2.ReportBlockResponse:
            advice = advise(pooler.id, request.block_index)
            return backend_pb2.ReportBlockResponse(
                plant=advice.reason is None,
                farmers=[assigned_farmer_message(farmer) for farmer in advice.farmers],
                reason=Reason.REASON_UNSPECIFIED if advice.reason is None else advice.reason.reason,
            )

        return await self._once.answer(pooler, request, backend_pb2.ReportBlockResponse, answer)

    async def GetHealth(  # noqa: N802
        self, request: backend_pb2.GetHealthRequest, context: Any
    ) -> backend_pb2.GetHealthResponse:
        health = await self._health.look()
        return backend_pb2.GetHealthResponse(
            status=_status(health.all_ok, otherwise=backend_pb2.HEALTH_STATUS_DEGRADED),
            database=backend_pb2.DatabaseHealth(
                status=_status(health.database_ok), latency=_duration(health.database_latency)
            ),
            chain=backend_pb2.ChainHealth(
                status=_status(health.chain_ok),
                latest_ledger=health.latest_ledger,
                latest_ledger_age=None if health.ledger_age is None else _duration(health.ledger_age),
                endpoint=health.endpoint,
            ),
            active_farmers=health.active_farmers,
            version=VERSION,
            activity=None if health.activity is None else _activity(health.activity),
        )

    async def ListAssignedFarmers(  # noqa: N802
        self, request: backend_pb2.ListAssignedFarmersRequest, context: Any
    ) -> backend_pb2.ListAssignedFarmersResponse:
        pooler = require_principal(PrincipalKind.POOLER)
        with FieldChecks() as check:
            size, after = check_page(check, request, pooler.id)
        found = await self._database.run(
            farmers.list_farmers, pooler_id=pooler.id, after_id=after, limit=size + 1
        )
        page, more = found[:size], len(found) > size
        return backend_pb2.ListAssignedFarmersResponse(
            farmers=[assigned_farmer_message(farmer) for farmer in page],
            next_page_token=page_token(page[-1].id, pooler.id) if more else "",
        )

    async def _require_current(self, block_index: int) -> None:
        """Raises BlockNotCurrent, RpcUnavailable."""
        current = (await self._farm.farm()).farm.index
        if block_index != current:
            text = f"must be {current}, the current block (got {block_index})"
            raise BlockNotCurrent(
                f"block_index {text}", field_violations=[FieldViolation("block_index", text)]
            )


def _activity(activity: Activity) -> backend_pb2.BackendActivity:
    return backend_pb2.BackendActivity(
        transactions_in_flight=activity.pending.transactions,
        plants_pending=activity.pending.plants,
        works_pending=activity.pending.works,
        harvests_pending=activity.pending.harvests,
        queries_running=activity.queries_running,
        rpc_calls_running=activity.rpc_calls_running,
        rpc_calls_total=activity.rpc_calls_total,
        responses_total=activity.pending.responses_total,
    )


def _status(
    ok: bool,
    otherwise: backend_pb2.HealthStatus.ValueType = backend_pb2.HEALTH_STATUS_NOT_SERVING,
) -> backend_pb2.HealthStatus.ValueType:
    return backend_pb2.HEALTH_STATUS_SERVING if ok else otherwise


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
