"""What a pooler is told when it reports a block: whether to plant, and whom."""

from dataclasses import dataclass

from backend_svc.rules.verdicts import Verdict
from backend_svc.store import farmers, plantings, poolers
from backend_svc.store.records import Farmer, PlantingStatus
from kalepool.v1.errors_pb2 import Reason


@dataclass(frozen=True)
class PlantAdvice:
    """The farmers to plant, in planting order; none: `reason` says why."""

    farmers: tuple[Farmer, ...]
    reason: Verdict | None


def advise(pooler_id: str, block_index: int) -> PlantAdvice:
    """Inside Database.run: the pooler's active farmers that have no pail in this block."""
    pooler = poolers.find_pooler(pooler_id)
    active = farmers.active_farmers(pooler_id, pooler.capacity if pooler is not None else 0)
    if not active:
        return PlantAdvice((), Verdict(Reason.REASON_FARMER_NOT_ACTIVE, "no farmer of this pooler is active"))
    due = tuple(farmer for farmer in active if not _is_in_hand(farmer.id, block_index))
    if not due:
        return PlantAdvice((), Verdict(Reason.REASON_FARM_PAIL_EXISTS, "every farmer has its pail"))
    return PlantAdvice(due, None)


def _is_in_hand(farmer_id: str, block_index: int) -> bool:
    planting = plantings.find_planting(farmer_id, block_index)
    return planting is not None and planting.status is not PlantingStatus.FAILED
