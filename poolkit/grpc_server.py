"""The gRPC server of both services: options, health, reflection, interceptors, draining."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH_SERVICE
from grpc_health.v1.health import aio as health_aio  # type: ignore[attr-defined]
from grpc_reflection.v1alpha import reflection

from poolkit.interceptors import (
    Admission,
    CallGuard,
    GuardInterceptor,
    api_key_guard,
    context_guard,
    error_guard,
)
from poolkit.logs import get_logger
from poolkit.principal import ApiKeyVerifier
from poolkit.startup_error import StartupError

log = get_logger(__name__)

MOST_RECEIVED_BYTES: Final = 4 * 1024 * 1024
# How long what was cancelled may take to end.
_CANCELLED_WALL_SECONDS: Final = 2.0
DrainHook = Callable[[], Awaitable[None]]

_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # A second server on the same port must fail and not share its connections silently.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MOST_RECEIVED_BYTES),
    # A dead peer is noticed within 15 s: keepalive_timeout_ms alone leaves it at 61 s.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    # Our clients ping every 10 s; without this the server answers with GOAWAY.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


class DrainableHealth(health_aio.HealthServicer):  # type: ignore[misc]
    """The standard health service, whose watchers are let go when the server drains.

    An open Watch would hold the server's stop for its whole grace.
    """

    def __init__(self) -> None:
        super().__init__()
        self._released = asyncio.Event()

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> None:
        watching = asyncio.ensure_future(super().Watch(request, context))
        released = asyncio.ensure_future(self._released.wait())
        try:
            await asyncio.wait({watching, released}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            watching.cancel()
            released.cancel()
            await asyncio.wait({watching, released})

    def release_watchers(self) -> None:
        self._released.set()


class GrpcServer:
    """One gRPC server: add servicers, `start`, at the end `drain_and_stop`.

    Guards from outside to inside: errors, request context with access log, admission, API keys
    (where a verifier is given). `port` 0 lets the system choose.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        verifier: ApiKeyVerifier | None = None,
        open_methods: frozenset[str] = frozenset(),
        most_streams: int | None = None,
        drain_wall_seconds: float = 10.0,
    ) -> None:
        self._host = host
        self._port = port
        self._drain_wall_seconds = drain_wall_seconds
        self._admission = Admission(most_streams)
        keys = [api_key_guard(verifier, open_methods)] if verifier is not None else []
        chain: list[CallGuard] = [error_guard(), context_guard(), self._admission, *keys]
        self._server = grpc.aio.server(
            interceptors=[GuardInterceptor(guard) for guard in chain], options=list(_OPTIONS)
        )
        self.health = DrainableHealth()
        self._services: list[str] = []
        self._drain_hooks: list[DrainHook] = []

    @property
    def address(self) -> str:
        """host:port as bound (as asked for, before `start`)."""
        return f"{self._host}:{self._port}"

    def add(self, register: Callable[[Any, grpc.aio.Server], None], servicer: object, service: str) -> None:
        """Serve a servicer: its generated `add_…_to_server` and the service's full name."""
        register(servicer, self._server)
        self._services.append(service)

    def on_drain(self, hook: DrainHook) -> None:
        """Called at the start of draining, all at once: the place where a service ends its streams."""
        self._drain_hooks.append(hook)

    async def start(self) -> int:
        """Bind and serve; the bound port. Raises StartupError if the port is taken."""
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)
        names = [*self._services, HEALTH_SERVICE, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, self._server)
        try:
            bound = self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise StartupError(
                f"can not listen on {self.address}: the port is taken or not allowed; "
                "stop the other process or set another port"
            ) from error
        self._port = bound
        await self._server.start()
        await self.set_health("", serving=True)
        for service in self._services:
            await self.set_health(service, serving=True)
        return bound

    async def set_health(self, name: str, *, serving: bool) -> None:
        """The standard health answer for a name ("" stands for the whole server)."""
        status = health_pb2.HealthCheckResponse
        await self.health.set(name, status.SERVING if serving else status.NOT_SERVING)

    async def drain_and_stop(self) -> None:
        """Say NOT_SERVING, refuse new calls, let services end their streams, then stop.

        Calls still under way after `drain_wall_seconds` are cancelled; one that goes on all the same is
        left behind, with an error in the log. May be called twice.
        """
        await self.health.enter_graceful_shutdown()
        self._admission.draining = True
        deadline = asyncio.get_running_loop().time() + self._drain_wall_seconds
        await self._run_drain_hooks()
        self.health.release_watchers()
        await self._stop(max(0.0, deadline - asyncio.get_running_loop().time()))

    async def _stop(self, grace_wall_seconds: float) -> None:
        stopping = asyncio.ensure_future(self._server.stop(grace_wall_seconds))
        await asyncio.wait({stopping}, timeout=grace_wall_seconds + _CANCELLED_WALL_SECONDS)
        if stopping.done():
            stopping.result()
        else:
            log.error("calls do not end", address=self.address, streams=self._admission.streams)

    async def _run_drain_hooks(self) -> None:
        if not self._drain_hooks:
            return
        running = [asyncio.ensure_future(hook()) for hook in self._drain_hooks]
        done, late = await asyncio.wait(running, timeout=self._drain_wall_seconds)
        for task in late:
            task.cancel()
        for task in done:
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a service could not drain", exc_info=error)
        if late:
            _, deaf = await asyncio.wait(late, timeout=_CANCELLED_WALL_SECONDS)
            log.error("a service did not drain in time", late=len(late), deaf=len(deaf))

    def __repr__(self) -> str:
        return f"<GrpcServer {self.address} streams={self._admission.streams}>"
