"""What poolers ask on the Plant stream: decode, check, and hand to the planter."""

from backend_svc.planting import Planter
from backend_svc.sessions import Commit, FollowUp, no_follow_up
from backend_svc.store import operations
from backend_svc.store.records import StreamSession
from kalepool.v1.backend_pb2 import CancelPlant, PlantBlock, PlantRequest
from poolkit.fields import FieldChecks

MOST_CAPACITY = 1_000
_LATEST_SECOND = 2**53


class PlantRequests:
    """Takes plant_block and cancel."""

    def __init__(self, planter: Planter) -> None:
        self._planter = planter

    async def take(self, pooler_id: str, request: PlantRequest) -> Commit:
        """Raises PoolError to refuse the request."""
        if request.WhichOneof("message") == "cancel":
            return self._take_cancel(request.cancel)
        return await self._take_plant_block(request.plant_block)

    def has_pending(self, pooler_id: str) -> bool:
        """Whether a summary is still to come."""
        return operations.has_unplanted_operation(pooler_id)

    async def _take_plant_block(self, asked: PlantBlock) -> Commit:
        with FieldChecks("plant_block.") as check:
            capacity = check.integer("capacity", asked.capacity, least=1, most=MOST_CAPACITY)
            check.integer("deadline.seconds", asked.deadline.seconds, least=0, most=_LATEST_SECOND)
        await self._planter.check_block_index(asked.block_index, "plant_block.block_index")
        deadline = asked.deadline.seconds or self._planter.default_deadline()

        def commit(session: StreamSession) -> FollowUp:
            operation = self._planter.begin(session.pooler_id, asked.block_index, capacity, deadline)
            return lambda: self._planter.start(operation.id)

        return commit

    def _take_cancel(self, asked: CancelPlant) -> Commit:
        def commit(session: StreamSession) -> FollowUp:
            operation_id = self._planter.cancel(session.pooler_id, asked.block_index)
            if operation_id is None:
                return no_follow_up
            return lambda: self._planter.stop_sending(operation_id)

        return commit
