"""A pooler played by hand: its own key, its own farmers, and every request as a test wants it."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from stellar_sdk import Keypair

from kale.puzzle import farmer_key
from kalepool.v1 import backend_pb2, farmer_pb2, pooler_pb2
from kalepool.v1.errors_pb2 import Failure, Reason
from kalepool.v1.types_pb2 import Block
from kalepool_cli.demo.wallets import ask_friendbot
from miner_ext import Search, Solution
from tests.contracts.calls import Answer, call, converse
from tests.contracts.methods import Server, method
from tests.contracts.running_pool import RunningPool

_POLL_WALL_SECONDS = 0.05
_MANY_HASHES = 200_000


@dataclass(frozen=True)
class Player:
    """One pooler and its farmers."""

    pool: RunningPool
    key: str
    pooler_id: str
    farmers: tuple[farmer_pb2.Farmer, ...]

    @classmethod
    async def join(cls, pool: RunningPool, *, farmers: int = 1) -> "Player":
        """A new pooler with active farmers that have no KALE: they stake 0."""
        created = await pool.create_pooler()
        registered = [await register_farmer(pool, created.pooler.id) for _ in range(farmers)]
        await ask_friendbot(pool.local.friendbot_url, [farmer.public_key for farmer in registered])
        active = [await confirm_funding(pool, farmer.id) for farmer in registered]
        return cls(pool, created.api_key, created.pooler.id, tuple(active))

    @property
    def farmer(self) -> farmer_pb2.Farmer:
        return self.farmers[0]

    async def call(self, name: str, *requests: Message | bytes) -> Answer:
        return await call(self.pool.channels[Server.BACKEND], method(name), requests, key=self.key)

    async def converse(self, name: str, **content: Message) -> tuple[Any, ...]:
        """One request in the session of a stream, and everything that is told until it is done."""
        answer = await converse(
            self.pool.channels[Server.BACKEND], method(name), _request_of(name, content), key=self.key
        )
        if answer.refusal is not None:
            raise answer.refusal
        return answer.responses

    async def plant(self, index: int, *, deadline: int | None = None) -> list[Any]:
        """The outcomes, and what was refused; `deadline` in unix seconds of the chain."""
        request = backend_pb2.PlantBlock(block_index=index, capacity=100)
        if deadline is not None:
            request.deadline.CopyFrom(Timestamp(seconds=deadline))
        return list(await self.converse("BackendService/Plant", plant_block=request))

    async def plant_new_block(self) -> Block:
        """Open the next block with all farmers in it."""
        await next_block_can_be_opened(self.pool)
        index = (await current_block(self.pool)).block.index + 1
        while failed := failures(await self.plant(index)):
            # A transaction's five ledgers are short at this speed: asked again, the Backend takes it up anew.
            assert {failure.reason for failure in failed} == {Reason.REASON_TRANSACTION_EXPIRED}, failed
        return await block_with_index(self.pool, index)

    def solve(self, block: Block, *, hashes: int = _MANY_HASHES, zeros: int | None = None) -> Solution:
        """The first farmer's best nonce among so many, or the first nonce with so many zeros."""
        tried = hashes if zeros is None else 2**63
        key = farmer_key(self.farmer.public_key)
        progress = Search(block.index, block.entropy, key, 0, tried, target_zeros=zeros).run()
        assert progress.best is not None
        return progress.best

    async def work(self, result: backend_pb2.WorkResult) -> list[Any]:
        """Everything told about the first farmer's work."""
        result.farmer_id = self.farmer.id
        return list(await self.converse("BackendService/Work", work_result=result))

    async def harvest(self, index: int) -> list[Any]:
        request = backend_pb2.HarvestBlocks(block_indexes=[index])
        return list(await self.converse("BackendService/Harvest", harvest_blocks=request))


def found(block_index: int, solution: Solution) -> backend_pb2.WorkResult:
    """A work to be submitted at once."""
    return backend_pb2.WorkResult(
        block_index=block_index,
        status=backend_pb2.WORK_STATUS_FOUND,
        nonce=solution.nonce,
        hash=solution.hash,
        zeros=solution.zeros,
        attempts=1,
        hashes=_MANY_HASHES,
        disposition=backend_pb2.WORK_DISPOSITION_SUBMIT_NOW,
    )


def failures(told: list[Any]) -> list[Failure]:
    """Every failure in what a stream told, wherever it stands."""
    parts = [getattr(response, response.WhichOneof("message")) for response in told]
    return [value for part in parts for _, value in part.ListFields() if isinstance(value, Failure)]


async def register_farmer(pool: RunningPool, pooler_id: str) -> farmer_pb2.Farmer:
    request = farmer_pb2.RegisterFarmerRequest(
        request_id=str(uuid.uuid4()),
        user_email="farmer@example.org",
        pooler_id=pooler_id,
        payout_wallet=Keypair.random().public_key,
    )
    response = (await pool.call(method("FarmerService/RegisterFarmer"), request)).only()
    assert isinstance(response, farmer_pb2.RegisterFarmerResponse)
    return response.farmer


async def confirm_funding(pool: RunningPool, farmer_id: str) -> farmer_pb2.Farmer:
    request = farmer_pb2.ConfirmFundingRequest(request_id=str(uuid.uuid4()), farmer_id=farmer_id)
    response = (await pool.call(method("FarmerService/ConfirmFunding"), request)).only()
    assert isinstance(response, farmer_pb2.ConfirmFundingResponse)
    return response.farmer


async def current_block(pool: RunningPool) -> pooler_pb2.BlockView:
    """As the running Pooler sees it."""
    response = (await pool.call(method("PoolerService/GetBlock"), b"")).only()
    assert isinstance(response, pooler_pb2.GetBlockResponse)
    return response.view


async def next_block_can_be_opened(pool: RunningPool) -> pooler_pb2.BlockView:
    view = await current_block(pool)
    while not view.next_block_can_be_opened:
        await asyncio.sleep(_POLL_WALL_SECONDS)
        view = await current_block(pool)
    return view


async def block_with_index(pool: RunningPool, index: int) -> Block:
    """Once the running Pooler has seen it."""
    view = await current_block(pool)
    while view.block.index < index:
        await asyncio.sleep(_POLL_WALL_SECONDS)
        view = await current_block(pool)
    assert view.block.index == index, "somebody opened one more block meanwhile"
    return view.block


def _request_of(name: str, content: dict[str, Message]) -> Callable[[int], Message]:
    def make(sequence: int) -> Message:
        return method(name).request(sequence=sequence, idempotency_key=str(uuid.uuid4()), **content)

    return make
