"""A Backend on a localnet with a database of its own, and farmers that can play."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from stellar_sdk import InvokeHostFunction, Keypair, TransactionBuilder, xdr
from stellar_sdk.soroban_rpc import GetTransactionStatus
from stellar_sdk.soroban_server_async import SorobanServerAsync

import miner_ext
from backend_svc.server import Backend
from backend_svc.store.database import in_transaction
from backend_svc.testing import admin_channel, local_settings, running_backend
from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS
from kale.farm import Farm
from kale.puzzle import farmer_key
from kalepool.v1 import admin_pb2, backend_pb2, farmer_pb2
from kalepool.v1.admin_pb2_grpc import AdminServiceStub
from kalepool.v1.backend_pb2_grpc import BackendServiceStub
from kalepool.v1.farmer_pb2_grpc import FarmerServiceStub
from kalepool_cli.demo.wallets import Wallet
from localnet.testing import NodeHandle, running_localnet
from poolkit.grpc_client import open_channel
from poolkit.stellar_rpc import StellarRpc
from tests.backend_svc.streams import Conversation

# A ledger lasts 1/6 s, a block 10 s: a busy machine does not miss it, and tests skip what they wait for.
SPEED = 30.0
PAYOUT_WALLET = Keypair.from_raw_ed25519_seed(bytes(32)).public_key
KALE_EACH_STROOPS = 1_000 * 10**7
_PATIENCE_WALL_SECONDS = 120
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
        async with StellarRpc([self.node.rpc_url]) as rpc:
            yield Wallet(rpc, self.node.network, keypair, _POLL_WALL_SECONDS)

    async def current_block(self) -> Farm:
        return (await self.backend.chain.farms.farm()).farm

    async def skip_to(self, seconds_before_the_end: int) -> Farm:
        """Close ledgers at once until the current block has so much left and the Backend saw it."""
        farm = await self.current_block()
        moment = farm.block.timestamp + BLOCK_SECONDS - seconds_before_the_end
        while (latest := self.node.chain.latest.close_time) < moment:
            self.node.close_ledgers(max(1, (moment - latest) // LEDGER_SECONDS))
        await self.backend.chain.clock.wait_until(moment)
        return farm

    async def open_next_block(self) -> int:
        """A stranger plants 0 as soon as the next block can be opened; its index."""
        farm = await self.skip_to(0)
        async with self.stranger(self.node.faucet) as stranger:
            await stranger.plant_nothing()
        await self.backend.chain.clock.wait_for_next_ledger()
        return farm.index + 1

    async def send(self, function: xdr.HostFunction) -> None:
        """A stranger calls a contract, in a ledger after whatever was done before."""
        await self.backend.chain.clock.wait_for_next_ledger()
        network = self.node.network
        async with SorobanServerAsync(self.node.rpc_url) as server:
            account = await server.load_account(self.node.faucet.public_key)
            builder = TransactionBuilder(account, network.passphrase, base_fee=1_000).add_time_bounds(0, 0)
            builder.append_operation(InvokeHostFunction(function))
            envelope = await server.prepare_transaction(builder.build())
            envelope.sign(self.node.faucet)
            sent = await server.send_transaction(envelope)
            while True:
                answer = await server.get_transaction(sent.hash)
                if answer.status != GetTransactionStatus.NOT_FOUND:
                    break
                await asyncio.sleep(_POLL_WALL_SECONDS)
        assert answer.status == GetTransactionStatus.SUCCESS, answer

    async def plant_all(self, *, capacity: int = 50) -> backend_pb2.PlantSummary:
        """Open the next block and plant the pooler's farmers in it."""
        farm = await self.skip_to(0)
        talk = plant_talk(self)
        await talk.open()
        talk.ask(plant_block=self.plant_request(farm.index + 1, capacity=capacity))
        summary: backend_pb2.PlantSummary = (await talk.until("summary"))[-1].summary
        await talk.break_off()
        return summary

    def plant_request(
        self, block_index: int, *, capacity: int = 50, seconds: int = 250
    ) -> backend_pb2.PlantBlock:
        """Plant this block within so many chain seconds."""
        deadline = Timestamp(seconds=self.backend.chain.clock.get_head().close_time + seconds)
        return backend_pb2.PlantBlock(block_index=block_index, capacity=capacity, deadline=deadline)

    async def found(
        self,
        farmer: farmer_pb2.Farmer,
        *,
        submit: bool = True,
        nonces: int = 2_000,
        zeros: int | None = None,
    ) -> backend_pb2.WorkResult:
        """The best of some nonces for this farmer in the current block, or the first with so many zeros."""
        index = (await self.current_block()).index
        block = await self.backend.chain.farms.get_block(index)
        tried = nonces if zeros is None else 2**63
        key = farmer_key(farmer.public_key)
        result = miner_ext.Search(index, block.block.entropy, key, 0, tried, target_zeros=zeros).run()
        best = result.best
        assert best is not None
        return backend_pb2.WorkResult(
            block_index=index,
            farmer_id=farmer.id,
            status=backend_pb2.WORK_STATUS_FOUND,
            nonce=best.nonce,
            hash=best.hash,
            zeros=best.zeros,
            attempts=1,
            hashes=result.hashes,
            disposition=(
                backend_pb2.WORK_DISPOSITION_SUBMIT_NOW if submit else backend_pb2.WORK_DISPOSITION_CANDIDATE
            ),
        )

    async def work_all(self, farmers: list[farmer_pb2.Farmer]) -> None:
        """Work each farmer in the current block."""
        talk = work_talk(self)
        await talk.open()
        for farmer in farmers:
            talk.ask(work_result=await self.found(farmer))
        await talk.until("summary")
        await talk.break_off()

    async def reconcile(self) -> tuple[list[admin_pb2.ReconcileFinding], admin_pb2.ReconcileSummary]:
        stub = AdminServiceStub(self.admin)
        messages = [message async for message in stub.Reconcile(admin_pb2.ReconcileRequest())]
        return [message.finding for message in messages[:-1]], messages[-1].summary

    async def count(self, sql: str, *parameters: object) -> int:
        """The single number that a query answers."""

        def ask() -> int:
            return int(in_transaction().execute_sql(sql, parameters).fetchone()[0])

        return await self.backend.database.run(ask)

    async def wait_until_sent(self, purpose: str) -> None:
        """Until a transaction for this is on its way."""

        async def is_sent() -> bool:
            sql = "SELECT count(*) FROM transactions WHERE purpose = %s AND status = 'submitted'"
            return await self.count(sql, purpose) > 0

        await self.eventually(is_sent)

    async def stand_still_in_the_next_ledger(self) -> None:
        """A work may be sent in the ledger after its plant's, and then none closes."""
        await self.backend.chain.clock.wait_for_next_ledger()
        self.node.clock.pause()

    async def cut_off_with_one_sent(self, purpose: str) -> None:
        """The Backend's tasks end with a transaction for this on its way: the chain stands still already."""
        assert self.node.clock.is_paused
        await self.wait_until_sent(purpose)
        await self.backend.tasks.finish(0)

    async def eventually(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Wait for what a background task brings about."""
        async with asyncio.timeout(_PATIENCE_WALL_SECONDS):
            while not await condition():
                await asyncio.sleep(_POLL_WALL_SECONDS)


def new_id() -> str:
    return str(uuid.uuid4())


@asynccontextmanager
async def playground(
    folder: Path, database_url: str, *, speed: float = SPEED, nodes: int = 1, **settings: object
) -> AsyncIterator[Playground]:
    """Localnet, Backend, and a pooler with its key."""
    async with running_localnet(speed=speed, nodes=nodes) as node:
        rpc_url = ",".join(each.rpc_url for each in node.rpc_nodes)
        chosen = local_settings(folder, rpc_url=rpc_url, database_url=database_url, **settings)
        async with running_backend(chosen) as backend, admin_channel(backend) as admin:
            created = await AdminServiceStub(admin).CreatePooler(
                admin_pb2.CreatePoolerRequest(request_id=new_id(), name="north")
            )
            async with open_channel(backend.server.address, created.api_key) as pooler:
                yield Playground(node, backend, admin, pooler, created.pooler.id, created.api_key)


@asynccontextmanager
async def second_life(ground: Playground) -> AsyncIterator[Playground]:
    """The next Backend on the same chain and database, after the first was cut off."""
    settings = ground.backend.settings
    async with (
        running_backend(settings) as backend,
        admin_channel(backend) as admin,
        open_channel(backend.server.address, ground.pooler_key) as pooler,
    ):
        yield Playground(ground.node, backend, admin, pooler, ground.pooler_id, ground.pooler_key)


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
