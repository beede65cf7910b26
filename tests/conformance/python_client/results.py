"""What a transaction's result, meta and values say, in plain JSON."""

from typing import Any

from stellar_sdk import scval, xdr


def describe_result(result: xdr.TransactionResult) -> dict[str, Any]:
    """Result code, fee, and the operations' codes or the inner transaction of a fee bump."""
    described: dict[str, Any] = {
        "code": result.result.code.name,
        "feeCharged": result.fee_charged.int64,
    }
    pair = result.result.inner_result_pair
    if pair is not None:
        inner = pair.result
        described["innerHash"] = pair.transaction_hash.hash.hex()
        described["innerCode"] = inner.result.code.name
        described["innerFeeCharged"] = inner.fee_charged.int64
    operations = pair.result.result.results if pair is not None else result.result.results
    if operations is not None:
        described["operations"] = [_operation_code(operation) for operation in operations]
    return described


def _operation_code(operation: xdr.OperationResult) -> str:
    if operation.tr is None:
        return operation.code.name
    (inner,) = (value for name, value in vars(operation.tr).items() if name != "type" and value is not None)
    code: str = inner.code.name
    return code


def describe_meta(meta: xdr.TransactionMeta) -> dict[str, Any]:
    """Version, operations with changes, names of the events by operation, and the stages of fee events."""
    assert meta.v4 is not None
    soroban = meta.v4.soroban_meta
    return {
        "metaVersion": meta.v,
        "changedOperations": sum(
            bool(operation.changes.ledger_entry_changes) for operation in meta.v4.operations
        ),
        "eventNames": [[event_name(event) for event in operation.events] for operation in meta.v4.operations],
        "feeStages": [event.stage.value for event in meta.v4.events],
        "hasReturnValue": soroban is not None and soroban.return_value is not None,
    }


def event_name(event: xdr.ContractEvent) -> str:
    assert event.body.v0 is not None
    return scval.from_symbol(event.body.v0.topics[0])


def plain(value: xdr.SCVal) -> Any:
    """A value in JSON: numbers as text, addresses as strkey, bytes as hex."""
    return _plain(scval.to_native(value))


def _plain(native: Any) -> Any:
    if isinstance(native, bool) or native is None:
        return native
    if isinstance(native, int):
        return str(native)
    if isinstance(native, bytes):
        return native.hex()
    if isinstance(native, list):
        return [_plain(item) for item in native]
    if isinstance(native, dict):
        return {str(_plain(key)): _plain(item) for key, item in native.items()}
    return native.address if hasattr(native, "address") else str(native)
