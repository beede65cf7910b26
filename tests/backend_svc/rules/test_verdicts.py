import pytest

from backend_svc.rules.outcomes import Failure
from backend_svc.rules.verdicts import Verdict, farm_error_of, verdict_of_failure
from backend_svc.store.records import FailureKind, Fault
from kale.contract_errors import FarmError, TokenError
from kale.networks import LOCAL
from kalepool.v1.errors_pb2 import Reason
from poolkit.error_table import RULES

FARM, ASSET = LOCAL.farm_contract_id, LOCAL.asset_contract_id


def contract_failure(code: int, contract: str | None = FARM) -> Failure:
    return Failure(FailureKind.CONTRACT, f"Error(Contract, #{code})", contract=contract, code=code)


def reason_of(failure: Failure) -> str:
    return verdict_of_failure(failure, asset_contract_id=ASSET).reason_name


@pytest.mark.parametrize("error", FarmError)
def test_each_error_of_the_farm_has_its_own_reason(error: FarmError) -> None:
    assert reason_of(contract_failure(error)) == f"REASON_FARM_{error.name}"


def test_the_same_code_of_the_asset_contract_is_another_reason() -> None:
    assert reason_of(contract_failure(10, ASSET)) == "REASON_TOKEN_BALANCE"
    assert reason_of(contract_failure(10, FARM)) == "REASON_FARM_WORK_MISSING"


def test_an_error_whose_contract_is_unknown_is_the_farms() -> None:
    assert farm_error_of(contract_failure(8, None), asset_contract_id=ASSET) is FarmError.PAIL_EXISTS


def test_an_error_of_the_asset_is_not_one_of_the_farm() -> None:
    assert farm_error_of(contract_failure(8, ASSET), asset_contract_id=ASSET) is None


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure(FailureKind.HOST, "Error(Storage, ExceededLimit)"), "REASON_TRANSACTION_FAILED"),
        (Failure(FailureKind.RESULT, "txNO_ACCOUNT"), "REASON_ACCOUNT_NOT_FUNDED"),
        (Failure(FailureKind.REFUSED, "txINSUFFICIENT_FEE"), "REASON_CONGESTION"),
        (Failure(FailureKind.RESULT, "txFAILED INVOKE_HOST_FUNCTION_TRAPPED"), "REASON_TRANSACTION_FAILED"),
        (contract_failure(99), "REASON_TRANSACTION_FAILED"),
        (contract_failure(TokenError.TOO_MANY_ACCOUNT_SUBENTRIES, ASSET), "REASON_TRANSACTION_FAILED"),
    ],
)
def test_what_the_ledger_says_has_a_reason(failure: Failure, reason: str) -> None:
    assert reason_of(failure) == reason


@pytest.mark.parametrize("reason", sorted(RULES))
def test_every_reason_is_somebodys_fault(reason: Reason.ValueType) -> None:
    assert Verdict(reason, "").fault in Fault
