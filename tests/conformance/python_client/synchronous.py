"""The synchronous client behind the asynchronous one's face: one text of the scenarios serves both."""

from collections.abc import Awaitable, Callable
from typing import Any

from stellar_sdk import SorobanServer


class AwaitedServer:
    """Every method of SorobanServer, to be awaited; it blocks, as that client does."""

    def __init__(self, server: SorobanServer) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._server, name)

        async def call(*args: object, **kwargs: object) -> object:
            return method(*args, **kwargs)

        return call
