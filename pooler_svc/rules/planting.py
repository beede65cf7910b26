"""Which block to have planted now, if any."""

import enum
from dataclasses import dataclass

from kale.constants import LEDGER_SECONDS
from pooler_svc.rules.timing import can_be_opened, opens_at

_LAST_USEFUL_LEDGERS = 3
"""A plant, and a work one ledger later at the earliest, need this many ledgers before the block can close."""


class PlantProgress(enum.Enum):
    """How far a block's plant request is.

    UNASKED: never sent. RUNNING: sent, no summary yet. DONE: the summary came and somebody is planted.
    FRUITLESS: the summary came and nobody is planted (no farmer was active yet, or the network was
    away), so that asking again may help, and is needed where nobody else opens the block.
    """

    UNASKED = "unasked"
    RUNNING = "running"
    DONE = "done"
    FRUITLESS = "fruitless"


@dataclass(frozen=True)
class PlantRequest:
    """What is known of one block's plant request: `asked_at` (chain time) and `attempt` of the last one."""

    progress: PlantProgress = PlantProgress.UNASKED
    asked_at: float = 0.0
    attempt: int = 0


UNASKED = PlantRequest()


@dataclass(frozen=True)
class PlantSituation:
    """Everything the decision depends on.

    `block_*` describe the chain's current block; `active_farmers` is None while it is not known.
    """

    block_index: int
    block_timestamp: int
    latest_close_time: int
    now: float
    farm_paused: bool
    draining: bool
    active_farmers: int | None
    works_in_flight: bool
    hold_seconds: float
    retry_seconds: float
    request_for_current: PlantRequest
    request_for_next: PlantRequest


@dataclass(frozen=True)
class PlantDecision:
    """`plant_index`: the block to ask for now. `wake_at`: when the answer may change by itself."""

    plant_index: int | None = None
    wake_at: float | None = None


def decide_plant(situation: PlantSituation) -> PlantDecision:
    """Decide in this order.

    1. Draining, the farm paused, or no farmer active: nothing is planted.
    2. The current block can be closed: open the next one, but hold back while our own works for the
       current block are in flight, since the first plant makes them worthless; `hold_seconds` at most.
    3. The current block was opened by somebody else (or before we started) and a work after our plant
       can still get into it: plant there.
    """
    if situation.draining or situation.farm_paused or situation.active_farmers == 0:
        return PlantDecision()
    boundary = opens_at(situation.block_timestamp)
    if can_be_opened(situation.block_timestamp, situation.latest_close_time):
        hold_until = boundary + situation.hold_seconds
        if situation.works_in_flight and situation.now < hold_until:
            return PlantDecision(wake_at=hold_until)
        return _ask(situation, situation.block_index + 1, situation.request_for_next)
    if situation.now < boundary - _LAST_USEFUL_LEDGERS * LEDGER_SECONDS:
        return _ask(situation, situation.block_index, situation.request_for_current)
    return PlantDecision(wake_at=boundary)


def plant_deadline(situation: PlantSituation, plant_index: int) -> float:
    """Chain time after which a plant into `plant_index` is of no use, as no work could follow it."""
    boundary = opens_at(situation.block_timestamp)
    if plant_index > situation.block_index:
        boundary = opens_at(max(situation.latest_close_time, boundary))
    return boundary - _LAST_USEFUL_LEDGERS * LEDGER_SECONDS


def _ask(situation: PlantSituation, index: int, request: PlantRequest) -> PlantDecision:
    if request.progress is PlantProgress.UNASKED:
        return PlantDecision(plant_index=index)
    if request.progress is PlantProgress.FRUITLESS:
        again_at = request.asked_at + situation.retry_seconds
        if situation.now >= again_at:
            return PlantDecision(plant_index=index)
        return PlantDecision(wake_at=again_at)
    return PlantDecision()
