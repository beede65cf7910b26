"""Every refusal of the pool: one root class, one table, one mapping to gRPC and back.

A refusal on the wire is a gRPC status with google.rpc.ErrorInfo (domain "kalepool", reason = the
full name of the Reason), BadRequest for fields and RetryInfo where a retry helps. The client reads
it back from these details, never from the text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import grpc
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from kalepool.v1 import errors_pb2
from kalepool.v1.errors_pb2 import Fault, Reason
from poolkit.error_table import CODE_OF_NUMBER, REASON_OF_FOREIGN_CODE, RULES, Rule

DOMAIN: Final = "kalepool"
DETAILS_KEY: Final = "grpc-status-details-bin"
# Status details travel in trailing metadata, of which peers accept 8 KiB.
MOST_FIELD_VIOLATIONS: Final = 20


@dataclass(frozen=True)
class FieldViolation:
    """One wrong field: its path from the request's root, and a sentence with limit and value."""

    field: str
    description: str


class PoolError(Exception):
    """A refusal with its reason; code, fault and retryability follow from the table.

    `metadata` is for programs and must hold no secret; `retry_after` is in wall seconds, None for
    "at once" where the reason is retryable.
    """

    def __init__(
        self,
        reason: Reason.ValueType,
        message: str,
        *,
        field_violations: Sequence[FieldViolation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field_violations = tuple(field_violations)
        self.metadata: dict[str, str] = dict(metadata or {})
        self.retry_after = retry_after

    @property
    def reason_name(self) -> str:
        name: str = Reason.Name(self.reason)
        return name

    @property
    def rule(self) -> Rule:
        return RULES[self.reason]

    @property
    def code(self) -> grpc.StatusCode:
        return self.rule.code

    @property
    def retryable(self) -> bool:
        """True if the same thing may succeed later without anybody changing anything."""
        return self.rule.retryable

    @property
    def fault(self) -> Fault.ValueType:
        return self.rule.fault

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.reason_name}, {self.message!r})"


class NamedError(PoolError):
    """A PoolError whose class fixes the reason; made with the message alone."""

    REASON: ClassVar[Reason.ValueType]

    def __init__(
        self,
        message: str,
        *,
        field_violations: Sequence[FieldViolation] = (),
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(
            self.REASON,
            message,
            field_violations=field_violations,
            metadata=metadata,
            retry_after=retry_after,
        )


class RpcUnavailable(NamedError):
    """No Stellar RPC endpoint answers, or all of them answer nonsense or lag behind."""

    REASON = Reason.REASON_RPC_UNAVAILABLE


class BackendUnavailable(NamedError):
    """The gRPC peer can't be reached."""

    REASON = Reason.REASON_BACKEND_UNAVAILABLE


class BackendTimeout(NamedError):
    """The gRPC peer didn't finish before the deadline."""

    REASON = Reason.REASON_BACKEND_TIMEOUT


class DatabaseUnavailable(NamedError):
    """The Backend's database can't be reached."""

    REASON = Reason.REASON_DATABASE_UNAVAILABLE


class InternalFault(NamedError):
    """A fault of ours; the text says nothing about the inside."""

    REASON = Reason.REASON_INTERNAL


class Unauthenticated(NamedError):
    """No API key, or one that isn't valid."""

    REASON = Reason.REASON_UNAUTHENTICATED


class Forbidden(NamedError):
    """A valid key, but not for this call or object."""

    REASON = Reason.REASON_FORBIDDEN


class RateLimited(NamedError):
    """Too many calls with this key."""

    REASON = Reason.REASON_RATE_LIMITED


class InvalidField(NamedError):
    """Fields that are missing, malformed or outside their limits; see poolkit.fields."""

    REASON = Reason.REASON_INVALID_FIELD


class NotFound(NamedError):
    """No object with this id, or not one that the caller may see."""

    REASON = Reason.REASON_NOT_FOUND


class RequestIdConflict(NamedError):
    """A request_id or idempotency_key that was used before with other content."""

    REASON = Reason.REASON_REQUEST_ID_CONFLICT


class Unsupported(NamedError):
    """Declared but not served by this version."""

    REASON = Reason.REASON_UNSUPPORTED


class ShuttingDown(NamedError):
    """The service is draining."""

    REASON = Reason.REASON_SHUTTING_DOWN


class AlreadyExists(NamedError):
    """An object with this unique property exists already."""

    REASON = Reason.REASON_ALREADY_EXISTS


class WrongStatus(NamedError):
    """The object's status doesn't allow the call."""

    REASON = Reason.REASON_WRONG_STATUS


class CapacityExceeded(NamedError):
    """More elements, farmers or streams than the capacity allows."""

    REASON = Reason.REASON_CAPACITY_EXCEEDED


class BlockNotCurrent(NamedError):
    """The block index isn't the current one, nor the next at a time when it can be opened."""

    REASON = Reason.REASON_BLOCK_NOT_CURRENT


class StreamOutOfOrder(NamedError):
    """The stream's first message isn't open, or a later one is."""

    REASON = Reason.REASON_STREAM_OUT_OF_ORDER


class StreamSequenceGap(NamedError):
    """A stream message's sequence isn't the one after the last committed one."""

    REASON = Reason.REASON_STREAM_SEQUENCE_GAP


class StreamSuperseded(NamedError):
    """A newer connection took this session over; this one must not reconnect by itself."""

    REASON = Reason.REASON_STREAM_SUPERSEDED


class StreamSessionUnknown(NamedError):
    """The session doesn't exist, or belongs to somebody or something else."""

    REASON = Reason.REASON_STREAM_SESSION_UNKNOWN


_REASON_OF_NAME: Final = {Reason.Name(reason): reason for reason in RULES}
_CLASS_OF_REASON: Final[dict[int, type[NamedError]]] = {
    cls.REASON: cls for cls in NamedError.__subclasses__()
}


def pool_error(
    reason: Reason.ValueType,
    message: str,
    *,
    field_violations: Sequence[FieldViolation] = (),
    metadata: Mapping[str, str] | None = None,
    retry_after: float | None = None,
) -> PoolError:
    """The error of this reason, of its own class where it has one."""
    named = _CLASS_OF_REASON.get(reason)
    if named is not None:
        return named(message, field_violations=field_violations, metadata=metadata, retry_after=retry_after)
    return PoolError(
        reason, message, field_violations=field_violations, metadata=metadata, retry_after=retry_after
    )


def to_rpc_status(error: PoolError) -> status_pb2.Status:
    """The google.rpc.Status of a refusal: ErrorInfo always, BadRequest and RetryInfo where they apply."""
    info = error_details_pb2.ErrorInfo(
        domain=DOMAIN,
        reason=error.reason_name,
        metadata={**error.metadata, "fault": Fault.Name(error.fault)},
    )
    details: list[message.Message] = [info]
    if error.field_violations:
        details.append(_bad_request(error.field_violations[:MOST_FIELD_VIOLATIONS]))
    if error.retryable:
        details.append(error_details_pb2.RetryInfo(retry_delay=_duration(error.retry_after or 0.0)))
    code: int = error.code.value[0]
    return status_pb2.Status(code=code, message=error.message, details=[_packed(d) for d in details])


def from_rpc_status(status: status_pb2.Status) -> PoolError:
    """The refusal that a status stands for; one without our details is judged by its code."""
    reason = REASON_OF_FOREIGN_CODE[CODE_OF_NUMBER.get(status.code, grpc.StatusCode.UNKNOWN)]
    metadata: dict[str, str] = {}
    violations: list[FieldViolation] = []
    retry_after: float | None = None
    info, bad_request, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    for detail in status.details:
        if detail.Unpack(info) and info.domain == DOMAIN:
            reason = _REASON_OF_NAME.get(info.reason, reason)
            metadata = {key: value for key, value in info.metadata.items() if key != "fault"}
        elif detail.Unpack(bad_request):
            violations += [FieldViolation(v.field, v.description) for v in bad_request.field_violations]
        elif detail.Unpack(retry):
            retry_after = (retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9) or None
    return pool_error(
        reason, status.message, field_violations=violations, metadata=metadata, retry_after=retry_after
    )


def from_rpc_error(error: grpc.aio.AioRpcError) -> PoolError:
    """The refusal behind a failed call, read from its status details."""
    for key, value in _pairs(error.trailing_metadata()):
        if key == DETAILS_KEY and isinstance(value, bytes):
            status = status_pb2.Status()
            try:
                status.ParseFromString(value)
            except message.DecodeError:
                break
            return from_rpc_status(status)
    number: int = error.code().value[0]
    return from_rpc_status(status_pb2.Status(code=number, message=error.details() or ""))


def _pairs(metadata: Any) -> list[tuple[str, str | bytes]]:
    """Key and value pairs; the stubs type aio's Metadata as a plain mapping, which it isn't."""
    return list(metadata or ())


def to_failure(error: PoolError) -> errors_pb2.Failure:
    """The same refusal as one element of a stream."""
    failure = errors_pb2.Failure(
        reason=error.reason,
        message=error.message,
        fault=error.fault,
        retryable=error.retryable,
        field_violations=[
            errors_pb2.FieldViolation(field=v.field, description=v.description)
            for v in error.field_violations
        ],
    )
    if error.retryable and error.retry_after is not None:
        failure.retry_after.CopyFrom(_duration(error.retry_after))
    return failure


def from_failure(failure: errors_pb2.Failure) -> PoolError:
    """The refusal that a failed element of a stream stands for."""
    known = failure.reason in RULES
    return pool_error(
        failure.reason if known else Reason.REASON_UNSPECIFIED,
        failure.message,
        field_violations=[FieldViolation(v.field, v.description) for v in failure.field_violations],
        retry_after=failure.retry_after.ToNanoseconds() / 1e9 if failure.HasField("retry_after") else None,
    )


def _bad_request(violations: Sequence[FieldViolation]) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.description)
            for v in violations
        ]
    )


def _duration(seconds: float) -> duration_pb2.Duration:
    duration = duration_pb2.Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def _packed(detail: message.Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
