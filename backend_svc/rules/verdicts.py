"""Why something failed, in the reasons of errors.proto: once attributed, it stays attributed.

Both contracts number their errors from 1, so the contract belongs to the code;
where the chain does not say whose it was, it is the farm's.
"""

from dataclasses import dataclass
from typing import Final, Self

from backend_svc.rules.outcomes import Failure
from backend_svc.store.records import FailureKind, Fault
from kale.contract_errors import FarmError, TokenError
from kalepool.v1.errors_pb2 import Fault as ProtoFault
from kalepool.v1.errors_pb2 import Reason
from poolkit.error_table import RULES
from poolkit.errors import FieldViolation, PoolError

_FAULTS: Final = {
    ProtoFault.FAULT_FARMER: Fault.FARMER,
    ProtoFault.FAULT_BACKEND: Fault.BACKEND,
    ProtoFault.FAULT_POOLER: Fault.POOLER,
    ProtoFault.FAULT_NETWORK: Fault.NETWORK,
    ProtoFault.FAULT_OUTSIDER: Fault.OUTSIDER,
    # The caller of the streams is the pooler.
    ProtoFault.FAULT_CALLER: Fault.POOLER,
}

_REASONS_BY_NAME: Final = dict(Reason.items())

_REASON_OF_RESULT_CODE: Final = {
    "txNO_ACCOUNT": Reason.REASON_ACCOUNT_NOT_FUNDED,
    "txINSUFFICIENT_BALANCE": Reason.REASON_INSUFFICIENT_BALANCE,
    "txINSUFFICIENT_FEE": Reason.REASON_CONGESTION,
    "txTOO_LATE": Reason.REASON_TRANSACTION_EXPIRED,
    "txBAD_AUTH": Reason.REASON_SIGNING_FAILED,
}


@dataclass(frozen=True)
class Verdict:
    """A failure with its one reason. `message` is for people and holds no secret."""

    reason: Reason.ValueType
    message: str
    field_violations: tuple[FieldViolation, ...] = ()

    @classmethod
    def on_field(cls, reason: Reason.ValueType, field: str, text: str) -> Self:
        """The request is at fault: `field` is its path, `text` the limit and the value."""
        return cls(reason, f"{field} {text}", (FieldViolation(field, text),))

    @property
    def reason_name(self) -> str:
        return Reason.Name(self.reason)

    @property
    def fault(self) -> Fault:
        return _FAULTS.get(RULES[self.reason].fault, Fault.BACKEND)

    @property
    def retryable(self) -> bool:
        return RULES[self.reason].retryable


def verdict_of_error(error: PoolError) -> Verdict:
    """The same refusal as a verdict."""
    return Verdict(error.reason, error.message, error.field_violations)


def verdict_of_failure(failure: Failure, *, asset_contract_id: str) -> Verdict:
    """The verdict on a call that came to nothing on the chain, or would have."""
    return Verdict(_reason(failure, asset_contract_id), failure.text)


def farm_error_of(failure: Failure | None, *, asset_contract_id: str) -> FarmError | None:
    """The farm contract's error, if that is why the call failed."""
    if failure is None or failure.kind is not FailureKind.CONTRACT or failure.contract == asset_contract_id:
        return None
    return FarmError(failure.code) if failure.code in set(FarmError) else None


def _reason(failure: Failure, asset_contract_id: str) -> Reason.ValueType:
    if failure.kind is FailureKind.CONTRACT:
        return _contract_reason(failure, asset_contract_id)
    if failure.kind is FailureKind.HOST:
        return Reason.REASON_TRANSACTION_FAILED
    code = failure.text.split(" ", 1)[0]
    return _REASON_OF_RESULT_CODE.get(code, Reason.REASON_TRANSACTION_FAILED)


def _contract_reason(failure: Failure, asset_contract_id: str) -> Reason.ValueType:
    token = failure.contract == asset_contract_id
    try:
        error = TokenError(failure.code or 0) if token else FarmError(failure.code or 0)
    except ValueError:
        return Reason.REASON_TRANSACTION_FAILED
    # Two errors of the asset contract have no reason of their own: no KALE call can meet them.
    name = f"REASON_{'TOKEN' if token else 'FARM'}_{error.name}"
    return _REASONS_BY_NAME.get(name, Reason.REASON_TRANSACTION_FAILED)
