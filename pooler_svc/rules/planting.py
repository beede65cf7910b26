"""Which block to have planted now, if any."""

import enum
from dataclasses import dataclass

from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS
from pooler_svc.rules.timing import can_be_opened, opens_at

_LAST_USEFUL_LEDGERS = 3
"""A plant, and a work one ledger later at the earliest, need this many ledgers before the block can close."""


class PlantProgress(enum.Enum):
    """How far a block's plant request is.

    UNASKED: never sent. RUNNING: sent, not answered yet. DONE: somebody is planted, and nobody failed
    for a reason that may pass. INCOMPLETE: asking again may help soon: somebody failed for such a
    reason, or no farmer was active, or the request was refused. FAILED: nobody is planted, for reasons
    that farmers have to change; where nobody else opens the block it has to be tried again some time.
    """

    UNASKED = "unasked"
    RUNNING = "running"
    DONE = "done"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


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

    `block_*` describe the chain's current block; `active_farmers` is None while it is not known;
    `connected_since` is the chain time since which the Backend can hear us, None while it can't.
    """

    block_index: int
    block_timestamp: int
    latest_close_time: int
    now: float
    farm_paused: bool
    draining: bool
    active_farmers: int | None
    works_in_flight: bool
    connected_since: float | None
    hold_seconds: float
    retry_seconds: float
    request_for_current: PlantRequest
    request_for_next: PlantRequest


@dataclass(frozen=True)
class PlantDecision:
    """`plant_index`: the block to ask for now. `wake_at`: when the answer may change by itself.

    That the block can be closed is a ledger's news and no reason to wake up by time.
    """

    plant_index: int | None = None
    wake_at: float | None = None


def decide_plant(situation: PlantSituation) -> PlantDecision:
    """Decide in this order.

    1. Draining, the farm paused, no farmer active: nothing is planted. Nor while the Backend is away:
       a request that waited would overtake, on a stream of its own, the works that waited with it.
    2. The current block can be closed: open the next one, but hold back while our own works for the
       current block are in flight, since the first plant makes them worthless; `hold_seconds` at most
       from the moment at which both the block can be closed and the works can get through.
    3. The current block was opened by somebody else (or before we started) and a work after our plant
       can still get into it: plant there.
    """
    if situation.draining or situation.farm_paused or situation.active_farmers == 0:
        return PlantDecision()
    if situation.connected_since is None:
        return PlantDecision()
    boundary = opens_at(situation.block_timestamp)
    if can_be_opened(situation.block_timestamp, situation.latest_close_time):
        hold_until = max(boundary, situation.connected_since) + situation.hold_seconds
        if situation.works_in_flight and situation.now < hold_until:
            return PlantDecision(wake_at=hold_until)
        return _ask(situation, situation.block_index + 1, situation.request_for_next)
    if situation.now < boundary - _LAST_USEFUL_LEDGERS * LEDGER_SECONDS:
        return _ask(situation, situation.block_index, situation.request_for_current)
    return PlantDecision()


def plant_deadline(situation: PlantSituation, plant_index: int) -> float:
    """Chain time after which a plant into `plant_index` is of no use, as no work could follow it."""
    boundary = opens_at(situation.block_timestamp)
    if plant_index > situation.block_index:
        boundary = opens_at(max(situation.latest_close_time, boundary))
    return boundary - _LAST_USEFUL_LEDGERS * LEDGER_SECONDS


def _ask(situation: PlantSituation, index: int, request: PlantRequest) -> PlantDecision:
    if request.progress is PlantProgress.UNASKED:
        return PlantDecision(plant_index=index)
    if request.progress in (PlantProgress.RUNNING, PlantProgress.DONE):
        return PlantDecision()
    pause = situation.retry_seconds if request.progress is PlantProgress.INCOMPLETE else BLOCK_SECONDS
    again_at = request.asked_at + pause
    return PlantDecision(plant_index=index) if situation.now >= again_at else PlantDecision(wake_at=again_at)


def progress_after(*, requested: int, planted: int, retryable_failures: bool) -> PlantProgress:
    """What a request's summary says about asking again."""
    if retryable_failures or requested == 0:
        return PlantProgress.INCOMPLETE
    return PlantProgress.DONE if planted else PlantProgress.FAILED
