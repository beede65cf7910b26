"""What poolers ask on the Harvest stream: decode, check, and hand to the harvester."""

from backend_svc.harvesting import Harvester
from backend_svc.sessions import Commit, FollowUp
from backend_svc.store import harvest_requests
from backend_svc.store.records import Harvest, StreamSession
from kalepool.v1.backend_pb2 import HarvestRequest
from poolkit.fields import FieldChecks

_MOST_BLOCKS = 300
_MOST_FARMERS = 1_000


class HarvestRequests:
    """Takes harvest_blocks."""

    def __init__(self, harvester: Harvester) -> None:
        self._harvester = harvester

    async def take(self, pooler_id: str, request: HarvestRequest) -> Commit:
        """Raises PoolError to refuse the request."""
        asked = request.harvest_blocks
        with FieldChecks("harvest_blocks.") as check:
            check.elements("block_indexes", asked.block_indexes, most=_MOST_BLOCKS)
            check.elements("farmer_ids", asked.farmer_ids, most=_MOST_FARMERS)
            farmer_ids = [
                check.uuid(f"farmer_ids[{number}]", farmer_id)
                for number, farmer_id in enumerate(asked.farmer_ids[:_MOST_FARMERS])
            ]
        current_index = await self._harvester.current_index()
        claim_wall_seconds = self._harvester.claim_wall_seconds()

        def commit(session: StreamSession) -> FollowUp:
            claimed = self._harvester.take_request(
                session,
                request.sequence,
                block_indexes=tuple(dict.fromkeys(asked.block_indexes)),
                farmer_ids=tuple(dict.fromkeys(farmer_ids)),
                current_index=current_index,
                claim_wall_seconds=claim_wall_seconds,
            )
            return lambda: self._start(claimed)

        return commit

    def has_pending(self, pooler_id: str) -> bool:
        """Whether the totals of a request are still to come."""
        return bool(harvest_requests.untold_requests(pooler_id))

    def _start(self, claimed: list[Harvest]) -> None:
        for harvest in claimed:
            self._harvester.start(harvest)
