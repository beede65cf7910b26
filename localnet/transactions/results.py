"""Results of transactions and operations, as a node reports them."""

from typing import NamedTuple

from stellar_sdk.xdr import (
    InvokeHostFunctionResultCode,
    OperationResultCode,
    OperationType,
    TransactionResultCode,
)

from localnet.ledger import wire
from localnet.transactions.soroban_fault import SorobanFault

_WITH_OPERATIONS = (TransactionResultCode.txSUCCESS, TransactionResultCode.txFAILED)
_OFFER_ENTRY_BYTES = 76
_ACCOUNT_BYTES = 36
# What follows the success code of the kinds that report more: all of it zero, as long as nothing was done.
_EMPTY_PAYLOADS = {
    OperationType.INVOKE_HOST_FUNCTION: bytes(32),
    OperationType.ACCOUNT_MERGE: wire.int64(0),
    OperationType.INFLATION: wire.array(()),
    OperationType.CREATE_CLAIMABLE_BALANCE: wire.int32(0) + bytes(32),
    **dict.fromkeys(
        (OperationType.PATH_PAYMENT_STRICT_RECEIVE, OperationType.PATH_PAYMENT_STRICT_SEND),
        # No offers; destination, native asset and amount.
        wire.array(()) + bytes(_ACCOUNT_BYTES) + wire.int32(0) + wire.int64(0),
    ),
    **dict.fromkeys(
        (
            OperationType.MANAGE_SELL_OFFER,
            OperationType.MANAGE_BUY_OFFER,
            OperationType.CREATE_PASSIVE_SELL_OFFER,
        ),
        # No offers claimed; MANAGE_OFFER_CREATED and an offer.
        wire.array(()) + wire.int32(0) + bytes(_OFFER_ENTRY_BYTES),
    ),
}


class TransactionResult(NamedTuple):
    """What became of a transaction.

    `operations` are encoded `OperationResult`s, one an operation, only there for txSUCCESS and txFAILED.
    `bumped_hash` is the inner transaction's hash when a fee bump's inner transaction was judged: the code
    then is the inner one's, and the outer one follows from it. `fault` is why a Soroban transaction is
    refused.
    """

    code: TransactionResultCode
    fee_charged_stroops: int = 0
    operations: tuple[bytes, ...] = ()
    bumped_hash: bytes | None = None
    fault: SorobanFault | None = None

    @property
    def succeeded(self) -> bool:
        return self.code is TransactionResultCode.txSUCCESS

    def charged(self, fee_stroops: int) -> "TransactionResult":
        return self._replace(fee_charged_stroops=fee_stroops)

    def encode(self) -> bytes:
        """XDR `TransactionResult`. The inner fee of a fee bump is 0 (since protocol 25)."""
        if self.bumped_hash is None:
            return wire.int64(self.fee_charged_stroops) + self._body() + wire.ABSENT
        outer = (
            TransactionResultCode.txFEE_BUMP_INNER_SUCCESS
            if self.succeeded
            else TransactionResultCode.txFEE_BUMP_INNER_FAILED
        )
        inner = wire.int64(0) + self._body() + wire.ABSENT
        return (
            wire.int64(self.fee_charged_stroops) + wire.int32(outer) + self.bumped_hash + inner + wire.ABSENT
        )

    def _body(self) -> bytes:
        if self.code in _WITH_OPERATIONS:
            return wire.int32(self.code) + wire.array(self.operations)
        return wire.int32(self.code)


def operation_result(kind: OperationType, code: int) -> bytes:
    """An operation that was judged by its own rules: opINNER, its type, its code and nothing more."""
    return wire.int32(OperationResultCode.opINNER) + wire.int32(kind) + wire.int32(code)


def refused_operation(code: OperationResultCode) -> bytes:
    """An operation that never came to its own rules, for example for a missing signature."""
    return wire.int32(code)


def untouched_operation(kind: OperationType) -> bytes:
    """An operation that was not run because another one was refused: it stands at success."""
    return operation_result(kind, 0) + _EMPTY_PAYLOADS.get(kind, b"")


def invocation_result(success_hash: bytes) -> bytes:
    """A contract call that went through; the hash is over its return value and events."""
    return (
        operation_result(
            OperationType.INVOKE_HOST_FUNCTION,
            InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_SUCCESS,
        )
        + success_hash
    )
