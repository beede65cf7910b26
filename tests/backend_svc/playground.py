"""A Backend on a localnet with a database of its own, and farmers that can play."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
from stellar_sdk import Keypair
from stellar_sdk.soroban_server_async import SorobanServerAsync

from backend_svc.server import Backend
from backend_svc.testing import admin_channel, local_settings, running_backend
from kale.constants import BLOCK_SECONDS
from kalepool.v1 import admin_pb2, backend_pb2, farmer_pb2
from kalepool.v1.admin_pb2_grpc import AdminServiceStub
from kalepool.v1.backend_pb2_grpc import BackendServiceStub
from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub
from kalepool_cli.demo.wallets import Wallet
from localnet.testing import NodeHandle, running_localnet
from poolkit.grpc_client import open_channel
from tests.backend_svc.streams import Conversation

SPEED = 60.0
PAYOUT_WALLET = Keypair.from_raw_ed25519_seed(bytes(32)).public_key
KALE_EACH_STROOPS = 1_000 * 10**7
_PATIENCE_WALL_SECONDS = 30
_POLL_WALL_SECONDS = 0.01


@dataclass
class Playground:
    """What a test holds in its hands."""

    node: NodeHandle
    backend: Backend
    admin: grpc.aio.Channel
    pooler: grpc.aio.Channel
    pooler_id: str
    pooler_key: str

    async def add_farmer(self, *, stake_basis_points: int = 5_000, kale: bool = True) -> farmer_pb2.Farmer:
        """An active farmer with XLM, a trustline and, if asked for, 1,000 KALE."""
        farmer = await self.register(stake_basis_points=stake_basis_points)
        await self.fund_with_xlm(farmer.public_key)
        stub = FarmerServiceStub(self.admin)
        confirmed = await stub.ConfirmFunding(
            farmer_pb2.ConfirmFundingRequest(request_id=new_id(), farmer_id=farmer.id)
        )
        if kale:
            await self.pay_kale([farmer.public_key])
        return confirmed.farmer

    async def register(self, *, stake_basis_points: int = 5_000) -> farmer_pb2.Farmer:
        response = await FarmerServiceStub(self.admin).RegisterFarmer(
            farmer_pb2.RegisterFarmerRequest(
                request_id=new_id(),
                user_email="ada@example.org",
                payout_wallet=PAYOUT_WALLET,
                stake_basis_points=stake_basis_points,
                pooler_id=self.pooler_id,
            )
        )
        return response.farmer

    async def fund_with_xlm(self, address: str) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.get(self.node.friendbot_url, params={"addr": address}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def pay_kale(self, addresses: list[str], stroops: int = KALE_EACH_STROOPS) -> None:
        """One signed payment from the faucet to each."""
        async with self.stranger(self.node.faucet) as faucet:
            await faucet.pay_kale(addresses, stroops)

    @asynccontextmanager
    async def stranger(self, keypair: Keypair) -> AsyncIterator[Wallet]:
        """Somebody who acts on the chain without the pool."""
        async with SorobanServerAsync(self.node.rpc_url) as server:
            yield Wallet(server, self.node.network, keypair, _POLL_WALL_SECONDS)

    async def open_next_block(self) -> None:
        """A stranger plants 0 as soon as the next block can be opened."""
        farm = (await self.backend.chain.farms.farm()).farm
        await self.backend.chain.clock.wait_until(farm.block.timestamp + BLOCK_SECONDS)
        async with self.stranger(self.node.faucet) as stranger:
            await stranger.plant_nothing()

    async def eventually(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for what a background task brings about."""
        async with asyncio.timeout(_PATIENCE_WALL_SECONDS):
            while not await condition():
                await asyncio.sleep(_POLL_WALL_SECONDS)


def new_id() -> str:
    return str(uuid.uuid4())


@asynccontextmanager
async def playground(
    folder: Path, database_url: str, *, speed: float = SPEED, runs_clock: bool = True, **settings: object
) -> AsyncIterator[Playground]:
    """Localnet, Backend, and a pooler with its key."""
    async with running_localnet(speed=speed, runs_clock=runs_clock) as node:
        chosen = local_settings(folder, rpc_url=node.rpc_url, database_url=database_url, **settings)
        async with running_backend(chosen) as backend, admin_channel(backend) as admin:
            created = await AdminServiceStub(admin).CreatePooler(
                admin_pb2.CreatePoolerRequest(request_id=new_id(), name="north")
            )
            async with open_channel(backend.server.address, created.api_key) as pooler:
                yield Playground(node, backend, admin, pooler, created.pooler.id, created.api_key)


def plant_talk(ground: Playground) -> Conversation[backend_pb2.PlantRequest, backend_pb2.PlantResponse]:
    """A Plant stream of the pooler, over gRPC."""
    stub = BackendServiceStub(ground.pooler)
    return Conversation(lambda requests: stub.Plant(requests), backend_pb2.PlantRequest)


def work_talk(ground: Playground) -> Conversation[backend_pb2.WorkRequest, backend_pb2.WorkResponse]:
    """A Work stream of the pooler, over gRPC."""
    stub = BackendServiceStub(ground.pooler)
    return Conversation(lambda requests: stub.Work(requests), backend_pb2.WorkRequest)


def harvest_talk(
    ground: Playground,
) -> Conversation[backend_pb2.HarvestRequest, backend_pb2.HarvestResponse]:
    """A Harvest stream of the pooler, over gRPC."""
    stub = BackendServiceStub(ground.pooler)
    return Conversation(lambda requests: stub.Harvest(requests), backend_pb2.HarvestRequest)
