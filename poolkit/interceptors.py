"""What surrounds every handler of our gRPC servers: errors, context, admission, API keys.

Each of them is a `CallGuard`: an async context manager around one call. Handlers of all four kinds,
written as coroutines or as async generators, are adapted to it in one place (`GuardInterceptor`).
"""

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import grpc
import structlog

from poolkit.errors import (
    DETAILS_KEY,
    CapacityExceeded,
    InternalFault,
    PoolError,
    ShuttingDown,
    Unsupported,
    to_rpc_status,
)
from poolkit.logs import get_logger
from poolkit.principal import AUTHORIZATION, ApiKeyVerifier, no_valid_key, set_current_principal

log = get_logger(__name__)

HEALTH_METHODS: Final = frozenset({"grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"})
REFLECTION_METHODS: Final = frozenset(
    {
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    }
)
INFRASTRUCTURE_METHODS: Final = HEALTH_METHODS | REFLECTION_METHODS
_BEARER = "bearer "

# The types of grpc.aio's handlers differ by kind of call; here they all are "something to call".
Behavior = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Call:
    """One call under way: its method as "package.Service/Method" and gRPC's context."""

    method: str
    context: grpc.aio.ServicerContext[Any, Any]
    is_streaming: bool

    def metadata(self, key: str) -> str | None:
        """The first value of a metadata key, None without one."""
        pairs: Any = self.context.invocation_metadata() or ()
        return next((value for name, value in pairs if name == key and isinstance(value, str)), None)


class CallGuard(Protocol):
    """Surrounds a call: runs before and after the handler, may refuse by raising a PoolError."""

    def __call__(self, call: Call) -> AbstractAsyncContextManager[None]: ...


class GuardInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in its stubs only
    """Puts one guard around every handler of a server."""

    def __init__(self, guard: CallGuard) -> None:
        self._guard = guard

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        # gRPC itself answers UNIMPLEMENTED for a method that no servicer has.
        if handler is None:
            return None
        method = str(handler_call_details.method).lstrip("/")
        return _guarded(handler, method, self._guard)


def _guarded(handler: Any, method: str, guard: CallGuard) -> Any:
    streaming = handler.request_streaming or handler.response_streaming
    wire = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.response_streaming:
        inner = handler.stream_stream if handler.request_streaming else handler.unary_stream
        behavior = _stream_behavior(inner, method, guard)
        make = (
            grpc.stream_stream_rpc_method_handler
            if handler.request_streaming
            else grpc.unary_stream_rpc_method_handler
        )
        return make(behavior, **wire)
    inner = handler.stream_unary if handler.request_streaming else handler.unary_unary
    behavior = _unary_behavior(inner, method, guard, streaming)
    make = (
        grpc.stream_unary_rpc_method_handler
        if handler.request_streaming
        else grpc.unary_unary_rpc_method_handler
    )
    return make(behavior, **wire)


def _unary_behavior(inner: Behavior, method: str, guard: CallGuard, streaming: bool) -> Behavior:
    async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        async with guard(Call(method, context, streaming)):
            return await _checked(inner, method)(request, context)

    return call


def _stream_behavior(inner: Behavior, method: str, guard: CallGuard) -> Behavior:
    # Written with context.write and not as a generator: a generator that gRPC drops in mid-stream
    # would be finished by the garbage collector, in another task and at any time.
    async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        async with guard(Call(method, context, is_streaming=True)):
            running = _checked(inner, method)(request, context)
            if not hasattr(running, "__aiter__"):
                await running
                return
            async with aclosing(running) as responses:
                async for response in responses:
                    await context.write(response)

    return call


def _checked(inner: Behavior, method: str) -> Behavior:
    """The handler; in place of a generated stub's, one that refuses as the error table says."""
    function = getattr(inner, "__func__", inner)
    if not getattr(function, "__module__", "").endswith("_pb2_grpc"):
        return inner
    raise Unsupported(f"{method} is not served by this version")


def error_guard() -> CallGuard:
    """Outermost: every refusal leaves as its status, everything uncaught as REASON_INTERNAL.

    The client then sees an id, the log under that id the whole trace. Cancellation passes.
    """

    @asynccontextmanager
    async def guard(call: Call) -> AsyncIterator[None]:
        try:
            yield
        except (asyncio.CancelledError, grpc.aio.AbortError):
            raise
        except PoolError as error:
            await _abort(call, error)
        except Exception as error:  # noqa: BLE001 - the one place that maps the unexpected
            await _abort(call, _internal(call, error))

    return guard


def _internal(call: Call, error: Exception) -> PoolError:
    error_id = uuid.uuid4().hex
    if call.context.done():
        log.info("call ended under its handler", method=call.method, error=repr(error))
    else:
        log.error("unexpected error", method=call.method, request=error_id, exc_info=error)
    return InternalFault(
        f"internal error; the operator finds it in the log under {error_id}", metadata={"request": error_id}
    )


async def _abort(call: Call, error: PoolError) -> None:
    status = to_rpc_status(error)
    await call.context.abort(error.code, error.message, ((DETAILS_KEY, status.SerializeToString()),))


def context_guard() -> CallGuard:
    """Binds method, peer and request id to every log line of a call, and writes its access line."""

    @asynccontextmanager
    async def guard(call: Call) -> AsyncIterator[None]:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(
            method=call.method,
            peer=call.context.peer(),
            request=call.metadata("x-request-id") or secrets.token_hex(8),
        )
        started = time.monotonic()
        result = "CANCELLED"
        try:
            yield
            result = "OK"
        except PoolError as error:
            result = error.reason_name
            raise
        except grpc.aio.AbortError:
            result = "ABORTED"
            raise
        except Exception as error:
            # Whatever a handler raises, its access line names it; the error guard around this one answers it.
            result = type(error).__name__
            raise
        finally:
            write = log.debug if call.method in INFRASTRUCTURE_METHODS else log.info
            write("call", result=result, wall_seconds=round(time.monotonic() - started, 4))

    return guard


class Admission:
    """Refuses calls while draining, and streams beyond a limit; health and reflection always pass."""

    def __init__(self, most_streams: int | None = None) -> None:
        self._most_streams = most_streams
        self._streams = 0
        self.draining = False

    @property
    def streams(self) -> int:
        """Streaming calls under way."""
        return self._streams

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[None]:
        if call.method in INFRASTRUCTURE_METHODS:
            yield
            return
        if self.draining:
            raise ShuttingDown("the service is shutting down; come back, or go to another replica")
        if not call.is_streaming:
            yield
            return
        if self._most_streams is not None and self._streams >= self._most_streams:
            raise CapacityExceeded(
                f"at most {self._most_streams} streams at a time (there are {self._streams})"
            )
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1


def api_key_guard(verifier: ApiKeyVerifier, open_methods: frozenset[str]) -> CallGuard:
    """Asks for `authorization: Bearer KEY` on every method but health, reflection and `open_methods`."""
    open_to_all = INFRASTRUCTURE_METHODS | open_methods

    @asynccontextmanager
    async def guard(call: Call) -> AsyncIterator[None]:
        set_current_principal(None)
        if call.method not in open_to_all:
            principal = await verifier.verify(_bearer_key(call))
            set_current_principal(principal)
            structlog.contextvars.bind_contextvars(principal=f"{principal.kind.value}:{principal.id}")
        yield

    return guard


def _bearer_key(call: Call) -> str:
    header = call.metadata(AUTHORIZATION)
    if header is None:
        raise no_valid_key("this call needs an API key: send metadata 'authorization: Bearer KEY'")
    if not header.lower().startswith(_BEARER) or not header[len(_BEARER) :].strip():
        raise no_valid_key("metadata 'authorization' must have the form 'Bearer KEY'")
    return header[len(_BEARER) :].strip()
