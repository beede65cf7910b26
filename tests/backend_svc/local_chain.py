"""The Backend's core on a real localnet: engine, custody, events, reconciler; and farmers to act for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import aiohttp
from stellar_sdk import Asset, ChangeTrust, InvokeHostFunction, Operation, Payment, scval, xdr

from backend_svc import envelopes, ledger_book
from backend_svc.chain_events import ChainEvents
from backend_svc.custody import Custody, MasterKey
from backend_svc.reconcile import Reconciler
from backend_svc.store import farmers, harvests, operations, plantings, works
from backend_svc.store.database import Database
from backend_svc.store.records import Farmer, Harvest, Planting, Pooler, Purpose, Work
from backend_svc.transactions import Intent, OutcomeStatus, TransactionEngine, TransactionOutcome
from kale import calls, puzzle
from kale.keccak import keccak256
from localnet.testing import NodeHandle, running_localnet
from poolkit.chain_clock import ChainClock, LedgerFollower
from poolkit.farm_reader import FarmReader
from poolkit.rpc_answers import SendOutcome, SendStatus, TransactionStatus
from poolkit.stellar_rpc import StellarRpc
from tests.backend_svc.people import some_farmer, some_id, some_pooler

LEDGERS_A_BLOCK = 60


@dataclass(frozen=True)
class LocalChain:
    """Everything between the database and the local network."""

    node: NodeHandle
    database: Database
    rpc: StellarRpc
    clock: ChainClock
    farm: FarmReader
    custody: Custody
    engine: TransactionEngine
    events: ChainEvents
    reconciler: Reconciler
    pooler: Pooler

    async def new_farmer(self, kale_stroops: int = 0) -> Farmer:
        """A farmer with XLM and a trustline, and KALE from the faucet."""
        farmer = await self.register()
        async with (
            aiohttp.ClientSession() as http,
            http.get(self.node.friendbot_url, params={"addr": farmer.public_key}) as answer,
        ):
            assert answer.status == 200, await answer.text()
        asset = Asset(self.node.network.asset_code, self.node.network.asset_issuer)
        trusted = await self.execute(farmer, Purpose.TRUSTLINE, farmer.id, ChangeTrust(asset))
        assert trusted.confirmed, trusted
        if kale_stroops:
            await self.pay(farmer.public_key, kale_stroops)
        return farmer

    async def register(self) -> Farmer:
        """A farmer whose account is not on the chain."""

        def add() -> Farmer:
            farmer_id = some_id()
            key = self.custody.new_key(farmer_id)
            farmer = some_farmer(self.pooler, public_key=key.public_key, farmer_id=farmer_id)
            farmers.add_sealed_key(key.sealed)
            return farmer

        return await self.database.run(add)

    async def pay(self, address: str, stroops: int) -> None:
        """A signed payment of KALE from the faucet, in a ledger when this returns."""
        asset = Asset(self.node.network.asset_code, self.node.network.asset_issuer)
        amount = Decimal(stroops).scaleb(-7)
        await self.send_by_faucet(Payment(address, asset, amount))

    async def send_by_faucet(self, operation: Operation) -> None:
        """A transaction that our database knows nothing of; in a ledger when this returns."""
        faucet = self.node.faucet
        account = await self.farm.get_account(faucet.public_key)
        envelope = envelopes.unsigned(
            faucet.public_key,
            account.sequence + 1,
            operation,
            passphrase=self.node.network.passphrase,
            inclusion_fee_stroops=1_000,
            max_ledger=account.ledger + 100,
        )
        if isinstance(operation, InvokeHostFunction):
            trial = await self.rpc.simulate(envelope.to_xdr())
            assert trial.transaction_data_xdr is not None, trial.error
            envelope = envelopes.with_resources(
                envelope,
                transaction_data_xdr=trial.transaction_data_xdr,
                min_resource_fee_stroops=trial.min_resource_fee_stroops,
                auth_xdr=trial.auth_xdr,
                also_read_write=(),
            )
        envelope.sign(faucet)
        sent = await self.rpc.send(envelope.to_xdr())
        assert sent.status is SendStatus.PENDING, sent
        while (found := await self.rpc.transaction(sent.hash)).ledger is None:
            await self.node.wait_for_ledgers(1)
        assert found.status is TransactionStatus.SUCCESS, found

    async def execute(
        self, farmer: Farmer, purpose: Purpose, reference_id: str, operation: Operation
    ) -> TransactionOutcome:
        """Anew, as the Backend does, where a busy machine was too late for the ledgers of the validity."""
        intent = Intent(
            purpose=purpose,
            reference_id=reference_id,
            farmer_id=farmer.id,
            source_account=farmer.public_key,
            operation=operation,
        )
        while True:
            outcome = await self.engine.execute(intent)
            is_too_late = outcome.failure is not None and outcome.failure.text == "txTOO_LATE"
            if outcome.status is not OutcomeStatus.DEAD and not is_too_late:
                return outcome

    async def call(
        self, farmer: Farmer, purpose: Purpose, reference_id: str, function: xdr.HostFunction
    ) -> TransactionOutcome:
        return await self.execute(farmer, purpose, reference_id, InvokeHostFunction(function))

    async def open_next_block(self) -> int:
        """A stranger plants 0 in a new block as soon as one can be opened; its index."""
        self.node.close_ledgers(LEDGERS_A_BLOCK)
        stranger = await self.new_farmer()
        outcome = await self.call(
            stranger, Purpose.PLANT, some_id(), calls.plant(self.contract, stranger.public_key, 0)
        )
        assert outcome.confirmed, outcome
        return (await self.farm.farm()).farm.index

    async def plant(self, farmer: Farmer, stake_stroops: int) -> Planting:
        """Plant into the current block, recorded and booked as the Backend does."""
        index = (await self.farm.farm()).farm.index
        begun = await self.database.run(self._begin, farmer, index)
        outcome = await self.call(
            farmer, Purpose.PLANT, begun.id, calls.plant(self.contract, farmer.public_key, stake_stroops)
        )
        assert outcome.confirmed, outcome

        def record() -> Planting:
            assert outcome.hash is not None
            assert outcome.ledger is not None
            planted = plantings.record_planted(
                begun.id,
                block_index=index,
                stake_stroops=stake_stroops,
                plant_ledger=outcome.ledger,
                transaction_id=outcome.transaction_id,
            )
            ledger_book.book_planted(planted, outcome.hash, outcome.ledger)
            return planted

        return await self.database.run(record)

    async def work(self, farmer: Farmer, planting: Planting, *, zeros: int = 1) -> Work:
        """Find a nonce of this many zeros and submit it."""
        nonce, hash = await self.nonce_for(farmer, planting.block_index, zeros=zeros)
        noted = await self.database.run(
            works.record_nonce,
            planting,
            nonce=nonce,
            hash=hash,
            zeros=zeros,
            attempts=1,
            hashes=nonce + 1,
            work_seconds=0.1,
        )
        # The trial run is at the latest ledger, and a gap of 0 is refused.
        assert planting.plant_ledger is not None
        await self.clock.wait_for_ledger(planting.plant_ledger + 1)
        outcome = await self.call(
            farmer, Purpose.WORK, noted.id, calls.work(self.contract, farmer.public_key, hash, nonce)
        )
        assert outcome.confirmed, outcome
        assert outcome.return_value is not None
        gap = scval.from_uint32(outcome.return_value)

        def record() -> Work:
            harvests.open_harvest(planting)
            return works.record_confirmed(
                noted.id,
                gap=gap,
                zeros=puzzle.leading_zeros(hash),
                work_ledger=outcome.ledger,
                transaction_id=outcome.transaction_id,
            )

        return await self.database.run(record)

    async def harvest(self, farmer: Farmer, planting: Planting) -> Harvest:
        """Harvest a worked pail, recorded and booked."""
        due = await self.database.run(harvests.open_harvest, planting)
        outcome = await self.call(
            farmer,
            Purpose.HARVEST,
            due.id,
            calls.harvest(self.contract, farmer.public_key, planting.block_index),
        )
        assert outcome.confirmed, outcome
        assert outcome.return_value is not None
        reward = scval.from_int128(outcome.return_value)

        def record() -> Harvest:
            assert outcome.hash is not None
            assert outcome.ledger is not None
            done = harvests.record_harvested(
                due.id,
                reward_stroops=reward,
                harvest_ledger=outcome.ledger,
                transaction_id=outcome.transaction_id,
            )
            ledger_book.book_harvested(done, outcome.hash, outcome.ledger)
            return done

        return await self.database.run(record)

    async def nonce_for(self, farmer: Farmer, block_index: int, *, zeros: int) -> tuple[int, bytes]:
        """A nonce with exactly this many zeros, and its hash."""
        block = (await self.farm.get_block(block_index)).block
        return _search(block_index, block.entropy, farmer.public_key, zeros)

    def engine_sending_after(self, first: Callable[[], Awaitable[None]]) -> TransactionEngine:
        """An engine between whose storing and sending something else happens."""
        return TransactionEngine(
            database=self.database,
            chain=self.rpc,
            submitter=LateSubmitter(self.rpc, first),
            signer=self.custody,
            clock=self.clock,
            passphrase=self.node.network.passphrase,
        )

    @property
    def contract(self) -> str:
        return self.node.network.farm_contract_id

    def _begin(self, farmer: Farmer, index: int) -> Planting:
        operation = operations.open_operation(index, self.pooler.id, capacity=50, deadline=None)
        begun = plantings.begin_planting(operation.id, farmer.id, index)
        assert begun is not None
        return begun


class LateSubmitter:
    """Sends to the node, but something else happens first."""

    def __init__(self, rpc: StellarRpc, first: Callable[[], Awaitable[None]]) -> None:
        self._rpc = rpc
        self._first = first

    async def send(self, envelope_xdr: str) -> SendOutcome:
        await self._first()
        return await self._rpc.send(envelope_xdr)


@asynccontextmanager
async def running_local_chain(
    database: Database, *, speed: float = 60.0, lag_ledgers: tuple[int, ...] = (0,)
) -> AsyncIterator[LocalChain]:
    """A localnet in this process, with the Backend's core on it; a node for each of the lags."""
    async with (
        running_localnet(speed=speed, nodes=len(lag_ledgers), lag_ledgers=lag_ledgers) as node,
        StellarRpc([each.rpc_url for each in node.rpc_nodes]) as rpc,
    ):
        clock = ChainClock(initial_pace=speed)
        following = asyncio.create_task(LedgerFollower(rpc, clock).run_forever())
        custody = Custody([MasterKey(b"k" * 32)], database)
        farm = FarmReader(rpc, node.network)
        engine = TransactionEngine(
            database=database,
            chain=rpc,
            submitter=rpc,
            signer=custody,
            clock=clock,
            passphrase=node.network.passphrase,
        )
        events = ChainEvents(
            database=database, source=rpc, clock=clock, asset_contract_id=node.network.asset_contract_id
        )
        await events.catch_up()
        try:
            yield LocalChain(
                node=node,
                database=database,
                rpc=rpc,
                clock=clock,
                farm=farm,
                custody=custody,
                engine=engine,
                events=events,
                reconciler=Reconciler(database=database, farm=farm, events=events, clock=clock),
                pooler=await database.run(some_pooler),
            )
        finally:
            following.cancel()


def _search(index: int, entropy: bytes, farmer: str, zeros: int) -> tuple[int, bytes]:
    key = puzzle.farmer_key(farmer)
    nonce = 0
    while True:
        hash = keccak256(puzzle.message(index, entropy, key, nonce))
        if puzzle.leading_zeros(hash) == zeros:
            return nonce, hash
        nonce += 1
