"""A running pool as the contract tests call it: by method, whichever server has it."""

import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf.message import Message

from kalepool.v1.admin_pb2 import CreatePoolerRequest, CreatePoolerResponse
from kalepool_cli.local_pool import LocalPool
from tests.contracts.calls import Answer, call, converse
from tests.contracts.methods import Caller, Method, Server, method

_SPEED = 60


@dataclass(frozen=True)
class RunningPool:
    """Channels to both servers, and the keys of everybody who calls them."""

    local: LocalPool
    channels: dict[Server, grpc.aio.Channel]
    keys: dict[Caller, str]

    @classmethod
    @asynccontextmanager
    async def connected(cls, local: LocalPool) -> AsyncIterator["RunningPool"]:
        admin_key = local.admin_key_file.read_text().strip()
        operator_key = local.pooler_key_file.read_text().strip()
        async with (
            grpc.aio.insecure_channel(local.backend_address) as backend,
            grpc.aio.insecure_channel(local.pooler_address) as pooler,
        ):
            channels = {Server.BACKEND: backend, Server.POOLER: pooler}
            pool = cls(local, channels, {Caller.ADMIN: admin_key, Caller.OPERATOR: operator_key})
            # The pooler that runs has streams of its own, which a test must not take over.
            pool.keys[Caller.POOLER] = (await pool.create_pooler()).api_key
            yield pool

    async def create_pooler(self, *, capacity: int = 100) -> CreatePoolerResponse:
        """One more pooler, for a test to be."""
        request = CreatePoolerRequest(
            request_id=str(uuid.uuid4()), name=f"pooler-{uuid.uuid4()}", capacity=capacity
        )
        answer = await self.call(method("AdminService/CreatePooler"), request)
        created = answer.only()
        assert isinstance(created, CreatePoolerResponse)
        return created

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


@asynccontextmanager
async def running_pool() -> AsyncIterator[RunningPool]:
    """PostgreSQL, localnet, Backend and a Pooler without farmers, each a process, at high speed."""
    data = Path(tempfile.mkdtemp(prefix="kalepool-contracts-"))
    data.chmod(0o755)  # run by root, PostgreSQL is a user of its own and must get through
    local = LocalPool(data, speed=_SPEED)
    try:
        await local.start_chain_and_database()
        await local.start_backend()
        await local.create_pooler()
        await local.start_pooler()
        async with RunningPool.connected(local) as pool:
            yield pool
    finally:
        not_clean = await local.stop()
    assert not not_clean, f"not stopped cleanly: {', '.join(not_clean)}; logs in {data}"
    shutil.rmtree(data)
