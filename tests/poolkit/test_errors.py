"""Every reason has its row, every row makes the way over gRPC and back."""

import re
from pathlib import Path

import grpc
import pytest

from kalepool.v1.errors_pb2 import Fault, Reason
from poolkit.error_table import RULES
from poolkit.errors import (
    DETAILS_KEY,
    DOMAIN,
    BackendUnavailable,
    FieldViolation,
    InvalidField,
    NamedError,
    PoolError,
    RpcUnavailable,
    StreamSuperseded,
    from_failure,
    from_rpc_error,
    from_rpc_status,
    pool_error,
    to_failure,
    to_rpc_status,
)

REASONS = sorted(RULES)
PROTO = Path(__file__).parents[2] / "proto" / "kalepool" / "v1" / "errors.proto"


def over_the_wire(error: PoolError) -> PoolError:
    metadata = grpc.aio.Metadata((DETAILS_KEY, to_rpc_status(error).SerializeToString()))
    return from_rpc_error(
        grpc.aio.AioRpcError(error.code, grpc.aio.Metadata(), metadata, error.message, None)
    )


def test_every_reason_of_the_proto_has_a_row() -> None:
    assert set(Reason.values()) == set(RULES)


def test_every_fault_is_the_one_in_the_brackets_of_the_proto() -> None:
    comment_and_name = re.compile(r"// \[(\w+)\][^\n]*(?:\n  //[^\n]*)*\n  (REASON_\w+) = ")
    documented = {name: fault for fault, name in comment_and_name.findall(PROTO.read_text(encoding="utf-8"))}
    by_table = {
        Reason.Name(reason): Fault.Name(rule.fault).removeprefix("FAULT_").lower()
        for reason, rule in RULES.items()
        if reason != Reason.REASON_UNSPECIFIED
    }
    assert documented == by_table


@pytest.mark.parametrize("reason", REASONS, ids=Reason.Name)
def test_every_row_survives_the_wire(reason: Reason.ValueType) -> None:
    violations = (FieldViolation("stake_basis_points", "must be at most 10,000 (got 10,001)"),)
    error = pool_error(
        reason, "no: because", field_violations=violations, metadata={"status": "active"}, retry_after=2.5
    )
    back = over_the_wire(error)
    assert type(back) is type(error)
    assert (back.reason, back.code, back.fault, back.message) == (
        error.reason,
        error.code,
        error.fault,
        error.message,
    )
    assert back.field_violations == violations
    assert back.metadata == {"status": "active"}
    assert back.retry_after == (2.5 if error.retryable else None)


@pytest.mark.parametrize("reason", REASONS, ids=Reason.Name)
def test_every_row_survives_as_an_element_of_a_stream(reason: Reason.ValueType) -> None:
    error = pool_error(
        reason, "no", field_violations=(FieldViolation("nonce", "is wrong"),), retry_after=0.25
    )
    failure = to_failure(error)
    back = from_failure(failure)
    assert (failure.fault, failure.retryable) == (error.fault, error.retryable)
    assert (type(back), back.reason, back.message) == (type(error), error.reason, error.message)
    assert back.field_violations == error.field_violations
    assert back.retry_after == (0.25 if error.retryable else None)


def test_every_named_error_has_a_reason_of_its_own() -> None:
    reasons = [cls.REASON for cls in NamedError.__subclasses__()]
    assert len(reasons) == len(set(reasons))


def test_a_status_carries_domain_full_name_and_fault() -> None:
    status = to_rpc_status(RpcUnavailable("down", retry_after=1.0))
    assert [detail.TypeName() for detail in status.details] == [
        "google.rpc.ErrorInfo",
        "google.rpc.RetryInfo",
    ]
    text = status.details[0].value
    assert DOMAIN.encode() in text
    assert b"REASON_RPC_UNAVAILABLE" in text
    assert b"FAULT_NETWORK" in text


def test_a_status_of_too_many_violations_stays_below_the_metadata_limit() -> None:
    violations = [
        FieldViolation(f"farmer_ids[{i}]", "must be a UUID (got 'x')" + "y" * 100) for i in range(500)
    ]
    status = to_rpc_status(InvalidField("500 fields", field_violations=violations))
    assert len(status.SerializeToString()) < 8 * 1024


@pytest.mark.parametrize("code", list(grpc.StatusCode), ids=lambda code: code.name)
def test_a_status_without_our_details_is_judged_by_its_code(code: grpc.StatusCode) -> None:
    error = from_rpc_error(
        grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), "from a proxy", None)
    )
    assert error.message == "from a proxy"
    assert error.reason in RULES


def test_an_unreachable_peer_is_retryable() -> None:
    error = from_rpc_error(
        grpc.aio.AioRpcError(
            grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "refused", None
        )
    )
    assert isinstance(error, BackendUnavailable)
    assert error.retryable


def test_an_unknown_reason_of_a_newer_server_is_judged_by_its_code() -> None:
    status = to_rpc_status(StreamSuperseded("newer"))
    for detail in status.details:
        detail.value = detail.value.replace(b"REASON_STREAM_SUPERSEDED", b"REASON_STREAM_SUPERSEDEX")
    status.code = grpc.StatusCode.NOT_FOUND.value[0]
    assert from_rpc_status(status).reason == Reason.REASON_NOT_FOUND


def test_broken_details_are_judged_by_the_code() -> None:
    metadata = grpc.aio.Metadata((DETAILS_KEY, b"\xff\xff\xff"))
    error = from_rpc_error(
        grpc.aio.AioRpcError(grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata(), metadata, "gone", None)
    )
    assert error.reason == Reason.REASON_NOT_FOUND


def test_details_of_another_domain_say_nothing_about_our_reasons() -> None:
    status = to_rpc_status(StreamSuperseded("newer"))
    status.details[0].value = status.details[0].value.replace(b"kalepool", b"otherone")
    assert from_rpc_status(status).reason == Reason.REASON_INTERNAL
