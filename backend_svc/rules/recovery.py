"""What to do after a transaction came to nothing, by class of cause. Pure.

Nothing is called a failure before the chain was looked at: an error may mean
that what we wanted is done already, by an earlier transaction or by a stranger.
"""

from enum import Enum

from backend_svc.rules.outcomes import Failure
from backend_svc.rules.verdicts import farm_error_of
from backend_svc.store.records import FailureKind
from kale.contract_errors import FarmError, TokenError


class NextStep(Enum):
    """TRY_AGAIN in the next ledger; LOOK at the pail, which says what became of it; GIVE_UP."""

    TRY_AGAIN = "try again"
    LOOK = "look"
    GIVE_UP = "give up"


# The account's numbers or the queue moved under us: the same intent goes through in another envelope.
_PASSING_CODES = frozenset(
    {"txBAD_SEQ", "txTOO_LATE", "txTOO_EARLY", "txINSUFFICIENT_FEE", "txINTERNAL_ERROR", "txSOROBAN_INVALID"}
)


def after_plant(failure: Failure | None, *, asset_contract_id: str) -> NextStep:
    """After a plant. `failure` None: the transaction is dead, no ledger took it.

    4 FarmPaused: the owner may let it go on. 8 PailExists: planted already, or
    simulated on the old side of the boundary. A trap: the block turned over between simulation and ledger, or
    the balance did; both are read anew.
    """
    match farm_error_of(failure, asset_contract_id=asset_contract_id):
        case FarmError.PAIL_EXISTS:
            return NextStep.LOOK
        case FarmError.FARM_PAUSED:
            return NextStep.TRY_AGAIN
        case None:
            return _unless_passing(failure, {TokenError.BALANCE})
        case _:
            return NextStep.GIVE_UP


def after_work(failure: Failure | None, *, asset_contract_id: str) -> NextStep:
    """After a work.

    7 ZeroCountTooLow: somebody worked the pail. 9, 11, 13: the block has
    turned over, or the pail is gone. 15 GapCountTooLow: still the ledger of the plant.
    """
    match farm_error_of(failure, asset_contract_id=asset_contract_id):
        case (
            FarmError.ZERO_COUNT_TOO_LOW
            | FarmError.PAIL_MISSING
            | FarmError.BLOCK_MISSING
            | FarmError.HASH_INVALID
        ):
            return NextStep.LOOK
        case FarmError.GAP_COUNT_TOO_LOW:
            return NextStep.TRY_AGAIN
        case None:
            return _unless_passing(failure, set())
        case _:
            return NextStep.GIVE_UP


def after_harvest(failure: Failure | None, *, asset_contract_id: str) -> NextStep:
    """After a harvest.

    9 PailMissing, 11 BlockMissing: harvested by somebody, or expired. 14
    HarvestNotReady: the node is still in the ledger before.
    """
    match farm_error_of(failure, asset_contract_id=asset_contract_id):
        case FarmError.PAIL_MISSING | FarmError.BLOCK_MISSING:
            return NextStep.LOOK
        case FarmError.HARVEST_NOT_READY:
            return NextStep.TRY_AGAIN
        case None:
            return _unless_passing(failure, set())
        case _:
            return NextStep.GIVE_UP


def _unless_passing(failure: Failure | None, passing_token_errors: set[TokenError]) -> NextStep:
    """Dead, trapped or out of step: again. What the ledger or the asset refuses for good: not."""
    if failure is None or failure.kind is FailureKind.HOST:
        return NextStep.TRY_AGAIN
    if failure.kind is FailureKind.CONTRACT:
        return NextStep.TRY_AGAIN if failure.code in passing_token_errors else NextStep.GIVE_UP
    code = failure.text.split(" ", 1)[0]
    passing = code in _PASSING_CODES or failure.text.endswith("TRAPPED")
    return NextStep.TRY_AGAIN if passing else NextStep.GIVE_UP
