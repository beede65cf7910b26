"""The one word that says what the Pooler is doing."""

import enum

from pooler_svc.block_book import BlockRecord, WorkState
from pooler_svc.rules.planting import PlantProgress


class Phase(enum.Enum):
    """IDLE: nothing of ours is going on. DEGRADED: something that we need does not answer."""

    IDLE = "idle"
    PLANTING = "planting"
    MINING = "mining"
    SUBMITTING = "submitting"
    HARVESTING = "harvesting"
    DEGRADED = "degraded"


def phase_of(blocks: list[BlockRecord], *, degraded: bool) -> Phase:
    """The furthest thing in progress, newest block first.

    Degraded hides everything else, since whatever is in progress is then at risk. Within a block:
    planting until the request's summary, submitting from the first work sent up, else mining.
    Harvesting only shows when no block is being worked.
    """
    if degraded:
        return Phase.DEGRADED
    for block in reversed(blocks):
        states = {farmer.work for farmer in block.farmers.values()}
        if states & {WorkState.SUBMITTING, WorkState.SUBMITTED}:
            return Phase.SUBMITTING
        if block.request.progress is PlantProgress.RUNNING:
            return Phase.PLANTING
        if WorkState.HASHING in states:
            return Phase.MINING
    return Phase.HARVESTING if any(block.open_harvests for block in blocks) else Phase.IDLE
