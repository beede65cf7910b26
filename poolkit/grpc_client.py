"""The gRPC client of our services: a channel with keepalive and API key, errors as PoolError.

A wrapper around the channel and not a set of grpc.aio interceptors: those replace streaming calls
by queues and tasks of their own, which lose a stream's exact end.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc

from poolkit.errors import from_rpc_error

_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    # A dead peer is noticed within 15 s: keepalive_timeout_ms alone leaves it at 61 s.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    # gRPC's own pauses between connection attempts grow to two minutes; a restarted peer is back sooner.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Despite its name: how long a connection attempt may take, until the peer has sent its first frame.
    ("grpc.min_reconnect_backoff_ms", 10_000),
    # Channels of one process must not share a connection: each breaks, and drains, for itself.
    ("grpc.use_local_subchannel_pool", 1),
)


def open_channel(target: str, api_key: str | None = None) -> grpc.aio.Channel:
    """A channel to `host:port` for the generated stubs; close it, or use it as `async with`.

    Every call carries `authorization: Bearer KEY`; every failure of a call is raised as the
    PoolError that its status stands for (from awaiting, iterating, reading and writing alike).
    """
    metadata = (("authorization", f"Bearer {api_key}"),) if api_key else ()
    return _PoolChannel(grpc.aio.insecure_channel(target, options=list(_OPTIONS)), metadata)


@contextmanager
def _mapped_errors() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


class _PoolCall:
    """A call under way: the same methods as grpc.aio's, with mapped errors."""

    def __init__(self, call: Any) -> None:
        self._call = call

    def __await__(self) -> Any:
        with _mapped_errors():
            return (yield from self._call.__await__())

    async def __aiter__(self) -> AsyncIterator[Any]:
        with _mapped_errors():
            async for response in self._call:
                yield response

    async def read(self) -> Any:
        """The next response, or grpc.aio.EOF after the last one of a stream that ended well."""
        with _mapped_errors():
            return await self._call.read()

    async def write(self, request: Any) -> None:
        with _mapped_errors():
            await self._call.write(request)

    async def done_writing(self) -> None:
        with _mapped_errors():
            await self._call.done_writing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)


class _PoolMultiCallable:
    """Starts calls of one method, with the channel's metadata before the call's own."""

    def __init__(self, inner: Any, metadata: tuple[tuple[str, str], ...]) -> None:
        self._inner = inner
        self._metadata = metadata

    def __call__(self, *args: Any, metadata: Any = None, **kwargs: Any) -> _PoolCall:
        merged = (*self._metadata, *(metadata or ()))
        return _PoolCall(self._inner(*args, metadata=merged, **kwargs))


class _PoolChannel(grpc.aio.Channel):
    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._channel = channel
        self._metadata = metadata

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        return _PoolMultiCallable(self._channel.unary_unary(*args, **kwargs), self._metadata)

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        return _PoolMultiCallable(self._channel.unary_stream(*args, **kwargs), self._metadata)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        return _PoolMultiCallable(self._channel.stream_unary(*args, **kwargs), self._metadata)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        return _PoolMultiCallable(self._channel.stream_stream(*args, **kwargs), self._metadata)

    async def close(self, grace: float | None = None) -> None:
        await self._channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._channel.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._channel.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._channel.channel_ready()

    async def __aenter__(self) -> "grpc.aio.Channel":
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()
