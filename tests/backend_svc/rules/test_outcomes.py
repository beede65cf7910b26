"""What a failed call failed with, from events, text and result codes."""

import pytest
from stellar_sdk import StrKey, xdr

from backend_svc.rules import outcomes
from backend_svc.rules.outcomes import Failure
from backend_svc.store.records import FailureKind
from tests.backend_svc.chain_fakes import error_event, result_xdr

FARM, TOKEN = b"\x01" * 32, b"\x02" * 32
FARM_ID, TOKEN_ID = StrKey.encode_contract(FARM), StrKey.encode_contract(TOKEN)
STORAGE_LIMIT = xdr.SCError(xdr.SCErrorType.SCE_STORAGE, code=xdr.SCErrorCode.SCEC_EXCEEDED_LIMIT)


def contract_error(code: int) -> xdr.SCError:
    return xdr.SCError(xdr.SCErrorType.SCE_CONTRACT, contract_code=xdr.Uint32(code))


def test_the_contract_in_which_the_error_began_is_named() -> None:
    """A plant whose burn fails: the token says 10, the farm passes it on."""
    failure = outcomes.failure_in_events(
        [
            error_event(TOKEN, contract_error(10), "resulting balance is not within the allowed range"),
            error_event(FARM, contract_error(10), "escalating Ok(ScErrorType::Contract) frame-exit to Err"),
        ]
    )
    assert failure is not None
    assert (failure.kind, failure.contract, failure.code) == (FailureKind.CONTRACT, TOKEN_ID, 10)
    assert failure.text == "Error(Contract, #10) resulting balance is not within the allowed range"


def test_an_error_that_was_caught_on_the_way_is_not_the_failure() -> None:
    failure = outcomes.failure_in_events(
        [error_event(TOKEN, contract_error(10), "caught"), error_event(FARM, contract_error(8), "exists")]
    )
    assert failure is not None
    assert (failure.contract, failure.code) == (FARM_ID, 8)


def test_an_entry_outside_of_the_footprint_is_a_trap_of_the_host() -> None:
    failure = outcomes.failure_in_events([error_event(FARM, STORAGE_LIMIT, "outside of the footprint")])
    assert failure is not None
    assert failure.is_footprint_trap
    assert (failure.kind, failure.contract, failure.code) == (FailureKind.HOST, None, None)


def test_events_without_an_error_say_nothing() -> None:
    assert outcomes.failure_in_events([]) is None


TEXT = f"""HostError: Error(Contract, #10)

Event log (newest first):
   0: [Diagnostic Event] contract:{FARM_ID}, topics:[error, Error(Contract, #10)], data:"escalating"
   1: [Diagnostic Event] contract:{TOKEN_ID}, topics:[error, Error(Contract, #10)], data:["balance", 1]
   2: [Diagnostic Event] topics:[fn_call, {FARM_ID}, plant], data:[1]
"""


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (TEXT, Failure(FailureKind.CONTRACT, "Error(Contract, #10)", TOKEN_ID, 10)),
        (
            "HostError: Error(Contract, #8)\n\nDebugInfo not available",
            Failure(FailureKind.CONTRACT, "Error(Contract, #8)", None, 8),
        ),
        (
            "HostError: Error(Storage, ExceededLimit)\n",
            Failure(FailureKind.HOST, "Error(Storage, ExceededLimit)"),
        ),
        (
            "Transaction contains more than one operation",
            Failure(FailureKind.HOST, "Transaction contains more than one operation"),
        ),
    ],
)
def test_an_error_text_is_read_like_the_events(text: str, failure: Failure) -> None:
    assert outcomes.failure_in_text(text) == failure


def test_a_result_is_read_with_its_operations_code_and_fee() -> None:
    operation = xdr.OperationResult(
        xdr.OperationResultCode.opINNER,
        tr=xdr.OperationResultTr(
            xdr.OperationType.INVOKE_HOST_FUNCTION,
            invoke_host_function_result=xdr.InvokeHostFunctionResult(
                xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED
            ),
        ),
    )
    result = result_xdr(xdr.TransactionResultCode.txFAILED)
    result.result.results = [operation]
    read = outcomes.read_result(result.to_xdr())
    assert (read.succeeded, read.fee_charged_stroops) == (False, 100)
    failure = outcomes.failure_in_result(read)
    assert failure == Failure(FailureKind.RESULT, "txFAILED INVOKE_HOST_FUNCTION_TRAPPED")


def test_the_result_inside_a_fee_bump_counts() -> None:
    inner = xdr.InnerTransactionResult(
        fee_charged=xdr.Int64(0),
        result=xdr.InnerTransactionResultResult(xdr.TransactionResultCode.txFAILED, results=[]),
        ext=xdr.InnerTransactionResultExt(0),
    )
    outer = xdr.TransactionResult(
        fee_charged=xdr.Int64(777),
        result=xdr.TransactionResultResult(
            xdr.TransactionResultCode.txFEE_BUMP_INNER_FAILED,
            inner_result_pair=xdr.InnerTransactionResultPair(xdr.Hash(b"\x00" * 32), inner),
        ),
        ext=xdr.TransactionResultExt(0),
    )
    read = outcomes.read_result(outer.to_xdr())
    assert (read.succeeded, read.code, read.fee_charged_stroops) == (False, "txFAILED", 777)


def test_a_refusal_without_a_result_says_so() -> None:
    assert outcomes.refusal_code(None) == "refused without a result"
    bad_sequence = result_xdr(xdr.TransactionResultCode.txBAD_SEQ)
    assert outcomes.refusal_code(bad_sequence.to_xdr()) == "txBAD_SEQ"
