import pytest

from backend_svc.rules.outcomes import Failure
from backend_svc.rules.recovery import NextStep, after_harvest, after_plant, after_work
from backend_svc.store.records import FailureKind
from kale.contract_errors import FarmError, TokenError
from kale.networks import LOCAL

ASSET = LOCAL.asset_contract_id
TRAP = Failure(FailureKind.HOST, "Error(Storage, ExceededLimit) outside of the footprint")


def farm(error: FarmError) -> Failure:
    text = f"Error(Contract, #{error})"
    return Failure(FailureKind.CONTRACT, text, contract=LOCAL.farm_contract_id, code=error)


def token(error: TokenError) -> Failure:
    return Failure(FailureKind.CONTRACT, f"Error(Contract, #{error})", contract=ASSET, code=error)


def result(text: str) -> Failure:
    return Failure(FailureKind.RESULT, text)


AGAIN, LOOK, GIVE_UP = NextStep.TRY_AGAIN, NextStep.LOOK, NextStep.GIVE_UP


@pytest.mark.parametrize(
    ("failure", "step"),
    [
        (None, AGAIN),
        (TRAP, AGAIN),
        (result("txBAD_SEQ"), AGAIN),
        (result("txFAILED INVOKE_HOST_FUNCTION_TRAPPED"), AGAIN),
        (token(TokenError.BALANCE), AGAIN),
        (farm(FarmError.PAIL_EXISTS), LOOK),
        (farm(FarmError.FARM_PAUSED), AGAIN),
        (token(TokenError.TRUSTLINE_MISSING), GIVE_UP),
        (result("txNO_ACCOUNT"), GIVE_UP),
        (result("txINSUFFICIENT_BALANCE"), GIVE_UP),
    ],
)
def test_after_a_plant(failure: Failure | None, step: NextStep) -> None:
    assert after_plant(failure, asset_contract_id=ASSET) is step


@pytest.mark.parametrize(
    ("failure", "step"),
    [
        (None, AGAIN),
        (TRAP, AGAIN),
        (farm(FarmError.GAP_COUNT_TOO_LOW), AGAIN),
        (farm(FarmError.ZERO_COUNT_TOO_LOW), LOOK),
        (farm(FarmError.PAIL_MISSING), LOOK),
        (farm(FarmError.BLOCK_MISSING), LOOK),
        (farm(FarmError.HASH_INVALID), LOOK),
        (farm(FarmError.HOMESTEAD_MISSING), GIVE_UP),
        (result("txINSUFFICIENT_BALANCE"), GIVE_UP),
    ],
)
def test_after_a_work(failure: Failure | None, step: NextStep) -> None:
    assert after_work(failure, asset_contract_id=ASSET) is step


@pytest.mark.parametrize(
    ("failure", "step"),
    [
        (None, AGAIN),
        (farm(FarmError.HARVEST_NOT_READY), AGAIN),
        (farm(FarmError.PAIL_MISSING), LOOK),
        (farm(FarmError.BLOCK_MISSING), LOOK),
        (farm(FarmError.WORK_MISSING), GIVE_UP),
        (token(TokenError.BALANCE), GIVE_UP),
    ],
)
def test_after_a_harvest(failure: Failure | None, step: NextStep) -> None:
    assert after_harvest(failure, asset_contract_id=ASSET) is step
