"""Every RPC is served, or UNIMPLEMENTED by declaration; none is brought down by any request."""

import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from kalepool.v1.errors_pb2 import Failure, Reason
from poolkit.errors import PoolError, from_failure
from poolkit.unimplemented import UNIMPLEMENTED
from tests.contracts.calls import Answer
from tests.contracts.methods import METHODS, OPEN_TO_ALL, Caller, Method
from tests.contracts.odd_requests import odd_requests
from tests.contracts.running_pool import RunningPool

pytestmark = pytest.mark.asyncio(loop_scope="session")

_SERVED = [method for method in METHODS if method.name not in UNIMPLEMENTED]
_DECLARED = [method for method in METHODS if method.name in UNIMPLEMENTED]
_SESSION_STREAMS = [method for method in _SERVED if method.client_streaming and method.server_streaming]
_GUARDED = [method for method in METHODS if method.name not in OPEN_TO_ALL]
_UNTYPED = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED}


@pytest.mark.parametrize("method", _SERVED, ids=str)
async def test_what_is_not_declared_unimplemented_is_served(pool: RunningPool, method: Method) -> None:
    answer = await pool.call(method, b"")
    assert answer.code != grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("method", _DECLARED, ids=str)
async def test_what_is_declared_unimplemented_says_so_in_our_own_words(
    pool: RunningPool, method: Method
) -> None:
    answer = await pool.call(method, b"")
    assert answer.code == grpc.StatusCode.UNIMPLEMENTED
    assert answer.refusal is not None, "the service is not even registered"
    assert answer.refusal.reason == Reason.REASON_UNSUPPORTED


@pytest.mark.parametrize("method", METHODS, ids=str)
async def test_odd_requests_are_answered_or_refused_by_type(pool: RunningPool, method: Method) -> None:
    for oddity, request in odd_requests(method.request):
        answer = await pool.call(method, request)
        _assert_answered_or_refused(answer, method, oddity)
    await _assert_alive(pool)


@pytest.mark.parametrize("method", _SESSION_STREAMS, ids=str)
async def test_odd_requests_in_an_open_session_leave_the_next_one_served(
    pool: RunningPool, method: Method
) -> None:
    for oddity, data in odd_requests(method.request):
        if not method.request.FromString(data).ListFields():
            continue
        answer = await pool.converse(method, _numbered(method.request.FromString(data)))
        _assert_answered_or_refused(answer, method, oddity)
        for response in answer.responses:
            if response.WhichOneof("message") == "refused":
                _assert_typed_failure(response.refused.failure, method, oddity)
    await _assert_alive(pool)


@pytest.mark.parametrize("method", _GUARDED, ids=str)
@pytest.mark.parametrize("key", [None, "", "wrong", "x" * 200], ids=["none", "empty", "wrong", "long"])
async def test_a_missing_or_wrong_key_is_refused(pool: RunningPool, method: Method, key: str | None) -> None:
    answer = await pool.call_with_key(method, [b""], key)
    assert answer.code == grpc.StatusCode.UNAUTHENTICATED
    assert answer.refusal is not None
    assert answer.refusal.reason == Reason.REASON_UNAUTHENTICATED


@pytest.mark.parametrize("method", [method for method in _SERVED if method.name not in OPEN_TO_ALL], ids=str)
async def test_a_key_of_another_kind_is_refused(pool: RunningPool, method: Method) -> None:
    other = Caller.POOLER if method.caller is Caller.ADMIN else Caller.ADMIN
    answer = await pool.call_with_key(method, [b""], pool.keys[other])
    assert answer.refusal is not None
    # The Pooler knows no key but its own.
    expected = Reason.REASON_UNAUTHENTICATED if method.caller is Caller.OPERATOR else Reason.REASON_FORBIDDEN
    assert answer.refusal.reason == expected


@pytest.mark.parametrize("method", [method for method in METHODS if method.name in OPEN_TO_ALL], ids=str)
async def test_what_is_open_to_all_needs_no_key(pool: RunningPool, method: Method) -> None:
    answer = await pool.call_with_key(method, [b""], None)
    assert answer.code == grpc.StatusCode.OK


def _numbered(request: Message) -> Callable[[int], Message]:
    """The request as the next one of its session."""

    def make(sequence: int) -> Message:
        numbered: Any = request
        numbered.sequence = sequence
        numbered.idempotency_key = str(uuid.uuid4())
        return request

    return make


def _assert_answered_or_refused(answer: Answer, method: Method, oddity: str) -> None:
    if answer.code == grpc.StatusCode.OK:
        return
    assert answer.code not in _UNTYPED, f"{method} with {oddity}: {answer.text}"
    assert answer.refusal is not None, (
        f"{method} with {oddity}: {answer.code} {answer.text} without ErrorInfo"
    )
    _assert_names_its_fields(answer.refusal, method, oddity)


def _assert_typed_failure(failure: Failure, method: Method, oddity: str) -> None:
    assert failure.reason not in (Reason.REASON_UNSPECIFIED, Reason.REASON_INTERNAL), (
        f"{method} with {oddity}"
    )
    assert failure.message, f"{method} with {oddity}"
    _assert_names_its_fields(from_failure(failure), method, oddity)


def _assert_names_its_fields(refusal: PoolError, method: Method, oddity: str) -> None:
    """An INVALID_FIELD names at least one field, and every field that is named is one of the request."""
    if refusal.reason == Reason.REASON_INVALID_FIELD:
        assert refusal.field_violations, f"{method} with {oddity}: {refusal.message}"
    for violation in refusal.field_violations:
        assert violation.description
        assert _is_field(method.request.DESCRIPTOR, violation.field), (
            f"{method} with {oddity}: no field {violation.field}"
        )


def _is_field(descriptor: Any, path: str) -> bool:
    head, _, rest = path.partition(".")
    name = head.partition("[")[0]
    if name in descriptor.oneofs_by_name:
        return not rest
    field = descriptor.fields_by_name.get(name)
    return field is not None and (not rest or _is_field(field.message_type, rest))


async def _assert_alive(pool: RunningPool) -> None:
    for method in METHODS:
        if method.name in ("kalepool.v1.BackendService/GetHealth", "kalepool.v1.PoolerService/GetStatus"):
            answer = await pool.call(method, b"")
            assert answer.code == grpc.StatusCode.OK, f"{method} answers {answer.code} {answer.text}"
