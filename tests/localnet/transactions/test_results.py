"""Encoded results are what the SDK decodes."""

import pytest
from stellar_sdk.xdr import OperationResult, OperationResultCode, OperationType, TransactionResult
from stellar_sdk.xdr.transaction_result_code import TransactionResultCode

from localnet.transactions import results


@pytest.mark.parametrize("kind", OperationType)
def test_an_untouched_operation_of_any_kind_can_be_decoded(kind: OperationType) -> None:
    refused = results.refused_operation(OperationResultCode.opBAD_AUTH)
    operations = (results.untouched_operation(kind), refused)
    encoded = results.TransactionResult(TransactionResultCode.txFAILED, 7, operations).encode()
    decoded = TransactionResult.from_xdr_bytes(encoded)
    assert decoded.to_xdr_bytes() == encoded
    assert decoded.result.results is not None
    untouched: OperationResult = decoded.result.results[0]
    assert untouched.tr is not None
    assert untouched.tr.type is kind
