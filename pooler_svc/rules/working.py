"""What to do for each planted farmer of a block: hash, send a candidate, submit, give up."""

from dataclasses import dataclass

from pooler_svc.block_book import BlockRecord, PlantedFarmer, Solution, WorkState
from pooler_svc.outcomes import Failure
from pooler_svc.rules.planting import PlantProgress
from pooler_svc.rules.timing import gap_is_positive


@dataclass(frozen=True)
class WorkMoment:
    """The facts that a decision is made at.

    `current_index` is the chain's block. `submission_at` is the submission moment of the block that is
    decided on, None while its timestamp is not known. `backend_connected`: candidates are not piled up
    for a Backend that is away; what is to be submitted is.
    """

    now: float
    latest_ledger: int
    current_index: int
    submission_at: float | None
    candidate_interval_seconds: float
    backend_connected: bool = True


@dataclass(frozen=True)
class StartHashing:
    """Have the hasher search for this farmer."""

    farmer_id: str


@dataclass(frozen=True)
class StopHashing:
    """Nothing more to find for this farmer in this block."""

    farmer_id: str


@dataclass(frozen=True)
class SendCandidate:
    """Let the Backend have this nonce, so that it can submit it should we fall silent."""

    farmer_id: str
    solution: Solution


@dataclass(frozen=True)
class SubmitNow:
    """Have the Backend submit this nonce."""

    farmer_id: str
    solution: Solution


@dataclass(frozen=True)
class GiveUp:
    """Tell the Backend that there will be no work for this farmer, and why."""

    farmer_id: str
    failure: Failure


@dataclass(frozen=True)
class FinishBlock:
    """Tell the Backend that nothing more comes for this block."""


WorkAction = StartHashing | StopHashing | SendCandidate | SubmitNow | GiveUp | FinishBlock


def decide_works(block: BlockRecord, moment: WorkMoment) -> list[WorkAction]:
    """The actions that are due now for `block`, in farmer order."""
    actions: list[WorkAction] = []
    for farmer in block.farmers.values():
        actions += _decide_farmer(block.index, farmer, moment)
    if not block.finished and _is_finished(block, moment):
        actions.append(FinishBlock())
    return actions


def next_work_time(block: BlockRecord, moment: WorkMoment) -> float | None:
    """Chain time at which `decide_works` may answer differently without anything else changing."""
    times = [
        farmer.offered_at + moment.candidate_interval_seconds
        for farmer in block.farmers.values()
        if farmer.work is WorkState.HASHING and _is_unoffered(farmer)
    ]
    if moment.submission_at is not None and block.works_in_flight:
        times.append(moment.submission_at)
    return min((time for time in times if time > moment.now), default=None)


def _decide_farmer(block_index: int, farmer: PlantedFarmer, moment: WorkMoment) -> list[WorkAction]:
    """Decide in this order.

    1. The work is out of our hands or settled: hashing ends.
    2. The chain is past the block: what was not sent can no longer be submitted by anybody.
    3. The chain is not in the block yet: wait for it.
    4. Hash; at the submission moment send the best nonce as soon as there is one, whenever that is;
       before, send improvements as candidates.
    """
    stop: list[WorkAction] = [StopHashing(farmer.farmer_id)] if farmer.hashing else []
    if farmer.work is not WorkState.HASHING:
        return stop
    if block_index < moment.current_index:
        return [*stop, GiveUp(farmer.farmer_id, _why_given_up(farmer))]
    if block_index > moment.current_index or moment.submission_at is None:
        return []
    if farmer.best is not None and _is_submission_due(farmer, moment):
        return [*stop, SubmitNow(farmer.farmer_id, farmer.best)]
    start: list[WorkAction] = [] if farmer.hashing else [StartHashing(farmer.farmer_id)]
    if farmer.best is not None and _is_candidate_due(farmer, moment):
        return [*start, SendCandidate(farmer.farmer_id, farmer.best)]
    return start


def _is_submission_due(farmer: PlantedFarmer, moment: WorkMoment) -> bool:
    return (
        moment.submission_at is not None
        and moment.now >= moment.submission_at
        and gap_is_positive(farmer.plant_ledger, moment.latest_ledger)
    )


def _is_candidate_due(farmer: PlantedFarmer, moment: WorkMoment) -> bool:
    """A first nonce always; a better one if the submission is not so near that it goes up anyway."""
    if not moment.backend_connected or not _is_unoffered(farmer) or moment.submission_at is None:
        return False
    if _offered_zeros(farmer) < 0:
        return True
    interval = moment.candidate_interval_seconds
    return farmer.offered_at + interval <= moment.now < moment.submission_at - interval


def _is_unoffered(farmer: PlantedFarmer) -> bool:
    return farmer.best is not None and farmer.best.zeros > _offered_zeros(farmer)


def _offered_zeros(farmer: PlantedFarmer) -> int:
    """Zeros of the best nonce that the Backend has or is about to get; -1: none."""
    return max(-1 if farmer.offered is None else farmer.offered.zeros, farmer.recorded_zeros)


def _is_finished(block: BlockRecord, moment: WorkMoment) -> bool:
    no_more_plants = block.request.progress is PlantProgress.DONE or block.index < moment.current_index
    return bool(block.farmers) and no_more_plants and not block.works_in_flight


def _why_given_up(farmer: PlantedFarmer) -> Failure:
    if farmer.best is None:
        return Failure("REASON_WORK_TIMEOUT", "no nonce was found before the block closed")
    return Failure("REASON_WORK_TIMEOUT", "the block closed before the nonce was sent to be submitted")
