"""A running pool as the contract tests call it: by method, whichever server has it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import grpc
from google.protobuf.message import Message

from kalepool_cli.local_pool import LocalPool
from tests.contracts.calls import Answer, call, converse
from tests.contracts.methods import Caller, Method, Server


@dataclass(frozen=True)
class RunningPool:
    """Channels to both servers, and the keys of everybody who calls them."""

    local: LocalPool
    channels: dict[Server, grpc.aio.Channel]
    keys: dict[Caller, str]

    @classmethod
    @asynccontextmanager
    async def connected(cls, local: LocalPool) -> AsyncIterator["RunningPool"]:
        pooler_key = local.pooler_key_file.read_text().strip()
        keys = {
            Caller.ADMIN: local.admin_key_file.read_text().strip(),
            Caller.POOLER: pooler_key,
            Caller.OPERATOR: pooler_key,
        }
        async with (
            grpc.aio.insecure_channel(local.backend_address) as backend,
            grpc.aio.insecure_channel(local.pooler_address) as pooler,
        ):
            yield cls(local, {Server.BACKEND: backend, Server.POOLER: pooler}, keys)

    async def call(self, method: Method, *requests: Message | bytes) -> Answer:
        """With the key that the method asks for."""
        return await self.call_with_key(method, requests, self.keys[method.caller])

    async def call_with_key(
        self, method: Method, requests: Sequence[Message | bytes], key: str | None
    ) -> Answer:
        return await call(self.channels[method.server], method, requests, key=key)

    async def converse(self, method: Method, next_request: Callable[[int], Message]) -> Answer:
        """On the pooler's own session of a stream; `next_request` makes the request of a sequence."""
        return await converse(
            self.channels[method.server], method, next_request, key=self.keys[method.caller]
        )
