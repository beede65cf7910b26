"""What stands around a Pooler under test: a farm whose blocks open at a word, a Backend, a quick hasher.

The chain is a real localnet; the Backend is a real gRPC server with the Backend's stream semantics,
and instead of sending transactions it does to the farm what they would.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from stellar_sdk import xdr

import miner_ext
from kale.farm import Farm
from kale.puzzle import farmer_key
from kale.storage import block_data_key, decode_farm, encode_block
from kalepool.v1 import backend_pb2, types_pb2
from kalepool.v1.backend_pb2_grpc import BackendServiceServicer, add_BackendServiceServicer_to_server
from kalepool.v1.errors_pb2 import Reason
from localnet.contracts.install import farm_entries
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import contract_data_entry, data_key_bytes, instance_key_bytes
from localnet.testing import NodeHandle
from pooler_svc.changes import Changes
from pooler_svc.hashers import HashJob, HashRates, Improvement
from poolkit.errors import Unauthenticated
from poolkit.grpc_server import GrpcServer
from poolkit.principal import Principal, PrincipalKind

API_KEY: Final = "kalepool_test_key_of_the_pooler"
_NONCES_TRIED: Final = 64


async def until(changes: Changes, condition: Callable[[], bool]) -> None:
    """Return once the condition holds; looked at after each change."""
    while True:
        version = changes.version
        if condition():
            return
        await changes.wait_beyond(version)


def entropy_of(index: int) -> bytes:
    """The entropy of the blocks that FarmHand opens."""
    return index.to_bytes(32, "big")


class FarmHand:
    """Opens blocks in a localnet's farm as a plant would."""

    def __init__(self, node: NodeHandle) -> None:
        self._node = node

    @property
    def farm(self) -> Farm:
        entry = self._node.chain.state.find(instance_key_bytes(self._node.network.farm_contract_id))
        assert entry is not None
        assert entry.data.contract_data is not None
        return decode_farm(entry.data.contract_data.val)

    @property
    def latest_ledger(self) -> int:
        return self._node.chain.latest.sequence

    @property
    def now(self) -> int:
        """Close time of the latest ledger."""
        return self._node.chain.latest.close_time

    def open_next_block(self, *, age_seconds: int = 0) -> None:
        """A stranger's plant, or one of ours: the next index stands, with new entropy."""
        index = self.farm.index + 1
        self._write(index, self.now - age_seconds)

    def age_block(self, age_seconds: int) -> None:
        """The present block was opened that long ago."""
        self._write(self.farm.index, self.now - age_seconds)

    def _write(self, index: int, timestamp: int) -> None:
        """The block's own entry, and the farm that collects, with another entropy, for the one to come."""
        contract_id, chain = self._node.network.farm_contract_id, self._node.chain
        block = replace(self.farm.block, timestamp=timestamp, entropy=entropy_of(index))
        collected = replace(block, entropy=entropy_of(index + 1))
        ledger = chain.ledger_info()
        entry = contract_data_entry(
            contract_id,
            block_data_key(index),
            xdr.ContractDataDurability.TEMPORARY,
            encode_block(block),
        )
        key = data_key_bytes(contract_id, block_data_key(index), xdr.ContractDataDurability.TEMPORARY)
        stored = StoredEntry(entry, ledger.sequence, ledger.new_live_until(temporary=True))
        farm = replace(self.farm, index=index, block=collected)
        chain.state.commit({**farm_entries(contract_id, farm, ledger), key: stored})


class QuickHasher:
    """Finds the best of a job's first nonces at once; `holding` keeps it from finding any."""

    def __init__(self) -> None:
        self.jobs: list[HashJob] = []
        self.holding = False
        self._best: dict[tuple[str, int], Improvement] = {}
        self._queue: asyncio.Queue[Improvement | None] = asyncio.Queue()

    async def start(self) -> None:
        return

    async def stop(self) -> None:
        self._queue.put_nowait(None)

    async def assign(self, job: HashJob) -> None:
        self.jobs.append(job)
        if not self.holding:
            self._find(job)

    def release(self) -> None:
        """Find nonces for all jobs so far."""
        self.holding = False
        for job in self.jobs:
            self._find(job)

    async def cancel(self, farmer_id: str, block_index: int) -> None:
        self._best.pop((farmer_id, block_index), None)

    def best(self, farmer_id: str, block_index: int) -> Improvement | None:
        return self._best.get((farmer_id, block_index))

    async def improvements(self) -> AsyncIterator[Improvement]:
        while (improvement := await self._queue.get()) is not None:
            yield improvement

    def rates(self) -> HashRates:
        return HashRates(len(self.jobs) * _NONCES_TRIED, 0.0, 0.0, 0.0)

    def _find(self, job: HashJob) -> None:
        tried = range(job.nonce_from, job.nonce_from + _NONCES_TRIED)
        solutions = [miner_ext.verify(job.block_index, job.entropy, job.farmer_key, nonce) for nonce in tried]
        best = max(solutions, key=lambda solution: solution.zeros)
        found = Improvement(
            job.farmer_id, job.block_index, best.nonce, best.zeros, best.hash, _NONCES_TRIED, 0.01
        )
        self._best[job.farmer_id, job.block_index] = found
        self._queue.put_nowait(found)


class FakeSession:
    """What the Backend keeps of one session: it outlives connections and servers."""

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.requests: list[Any] = []
        self.responses: list[Any] = []
        self.keys: set[str] = set()
        self.connections = 0
        self.changes = Changes()

    def tell(self, response: Any) -> None:
        self.responses.append(response)
        self.changes.announce()


class _OneKey:
    async def verify(self, key: str) -> Principal:
        if key != API_KEY:
            raise Unauthenticated("not the pooler's key")
        return Principal(PrincipalKind.POOLER, "00000000-0000-0000-0000-000000000001")


class FakeBackend(BackendServiceServicer):
    """Plants, works and harvests at once and for good, and remembers what it was asked.

    `confirming` False leaves works submitted until `confirm_works`; `cut_after_outcomes` ends the
    Plant stream once, after so many outcomes.
    """

    def __init__(self, farm: FarmHand, addresses: dict[str, str]) -> None:
        self.farm = farm
        self.addresses = addresses
        self.active = True
        self.confirming = True
        self.planting = True
        self.cut_after_outcomes: int | None = None
        self.plant = FakeSession("10000000-0000-0000-0000-000000000001")
        self.work = FakeSession("10000000-0000-0000-0000-000000000002")
        self.harvest = FakeSession("10000000-0000-0000-0000-000000000003")
        self.changes = Changes()
        self.plant_asked: list[int] = []
        self.planted: dict[tuple[int, str], int] = {}
        self.candidates: list[backend_pb2.WorkResult] = []
        self.submitted: list[backend_pb2.WorkResult] = []
        self.given_up: list[backend_pb2.WorkResult] = []
        self.confirmed: set[tuple[int, str]] = set()
        self.finished: list[int] = []
        self.harvested: set[tuple[int, str]] = set()

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Serve; the address. Leaving breaks all streams; serving again goes on where it was."""
        server = GrpcServer("127.0.0.1", port, verifier=_OneKey(), drain_wall_seconds=0.05)
        server.add(add_BackendServiceServicer_to_server, self, "kalepool.v1.BackendService")
        await server.start()
        try:
            yield server.address
        finally:
            await server.drain_and_stop()

    async def GetHealth(self, request: Any, context: Any) -> backend_pb2.GetHealthResponse:  # noqa: N802
        return backend_pb2.GetHealthResponse(version="fake")

    async def ListAssignedFarmers(  # noqa: N802
        self, request: Any, context: Any
    ) -> backend_pb2.ListAssignedFarmersResponse:
        status = types_pb2.FARMER_STATUS_ACTIVE if self.active else types_pb2.FARMER_STATUS_FUNDED
        return backend_pb2.ListAssignedFarmersResponse(
            farmers=[
                types_pb2.AssignedFarmer(id=farmer_id, public_key=address, status=status)
                for farmer_id, address in self.addresses.items()
            ]
        )

    async def Plant(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        async for response in self._converse(self.plant, requests, backend_pb2.PlantResponse, self._on_plant):
            yield response
            outcomes = sum(each.HasField("outcome") for each in self.plant.responses[: response.sequence])
            if self.cut_after_outcomes is not None and outcomes >= self.cut_after_outcomes:
                self.cut_after_outcomes = None
                return

    async def Work(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        async for response in self._converse(self.work, requests, backend_pb2.WorkResponse, self._on_work):
            yield response

    async def Harvest(self, requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        async for response in self._converse(
            self.harvest, requests, backend_pb2.HarvestResponse, self._on_harvest
        ):
            yield response

    def confirm_works(self) -> None:
        """Every work that was submitted is in a ledger now."""
        self.confirming = True
        for result in self.submitted:
            self._confirm(result)

    async def _converse(
        self, session: FakeSession, requests: Any, response_type: Any, take: Callable[[Any], None]
    ) -> AsyncIterator[Any]:
        opening = (await anext(requests)).open
        session.connections += 1
        mine, told, acknowledged = session.connections, opening.last_sequence_seen, len(session.requests)
        yield response_type(
            acknowledged_sequence=acknowledged,
            opened=types_pb2.SessionOpened(
                session_id=session.id,
                last_request_sequence=len(session.requests),
                last_response_sequence=len(session.responses),
            ),
        )
        reader = asyncio.create_task(self._read(session, requests, take))
        try:
            while True:
                version = session.changes.version
                ending = reader.done() or session.connections != mine
                while told < len(session.responses):
                    told, acknowledged = told + 1, len(session.requests)
                    yield _durable(session.responses[told - 1], told, acknowledged)
                if acknowledged < len(session.requests):
                    acknowledged = len(session.requests)
                    yield response_type(
                        acknowledged_sequence=acknowledged, acknowledged=types_pb2.SessionAcknowledged()
                    )
                if ending:
                    return
                await session.changes.wait_beyond(version)
        finally:
            reader.cancel()
            await asyncio.wait({reader})

    async def _read(self, session: FakeSession, requests: Any, take: Callable[[Any], None]) -> None:
        async for request in requests:
            if request.HasField("goodbye"):
                break
            if request.sequence <= len(session.requests):
                continue
            assert request.sequence == len(session.requests) + 1, "a gap in the sequence of requests"
            session.requests.append(request)
            if request.idempotency_key not in session.keys:
                session.keys.add(request.idempotency_key)
                take(request)
            session.changes.announce()
            self.changes.announce()
        session.changes.announce()

    def _on_plant(self, request: backend_pb2.PlantRequest) -> None:
        index = request.plant_block.block_index
        self.plant_asked.append(index)
        if not self.planting:
            failure = _failure(Reason.REASON_RPC_UNAVAILABLE, retryable=True)
            refused = types_pb2.RequestRefused(request_sequence=request.sequence, failure=failure)
            self.plant.tell(backend_pb2.PlantResponse(refused=refused))
            return
        if index == self.farm.farm.index + 1:
            self.farm.open_next_block()
        for farmer_id, address in self.addresses.items():
            assert (index, farmer_id) not in self.planted, "planted twice"
            self.planted[index, farmer_id] = self.farm.latest_ledger
            planted = backend_pb2.Planted(
                block_index=index, public_key=address, stake_stroops=7, plant_ledger=self.farm.latest_ledger
            )
            outcome = backend_pb2.PlantOutcome(block_index=index, farmer_id=farmer_id, planted=planted)
            self.plant.tell(backend_pb2.PlantResponse(outcome=outcome))
        count = len(self.addresses)
        summary = backend_pb2.PlantSummary(
            block_index=index, requested=count, planted=count, total_staked_stroops=7 * count
        )
        self.plant.tell(backend_pb2.PlantResponse(summary=summary))

    def _on_work(self, request: backend_pb2.WorkRequest) -> None:
        if request.HasField("block_finished"):
            self.finished.append(request.block_finished.block_index)
            return
        result = request.work_result
        if result.status == backend_pb2.WORK_STATUS_FAILED:
            self.given_up.append(result)
            self._receipt(result, backend_pb2.WORK_STATE_FAILED, failure=_failure(result.failure_reason))
            return
        self._check(result)
        self._receipt(result, backend_pb2.WORK_STATE_RECORDED)
        if result.disposition == backend_pb2.WORK_DISPOSITION_CANDIDATE:
            self.candidates.append(result)
            return
        self.submitted.append(result)
        self._receipt(result, backend_pb2.WORK_STATE_SUBMITTED)
        if self.confirming:
            self._confirm(result)

    def _check(self, result: backend_pb2.WorkResult) -> None:
        """The Backend's own look at the hash, over the farm's entropy."""
        index = result.block_index
        assert index == self.farm.farm.index, "a work for another block than the current one"
        key = farmer_key(self.addresses[result.farmer_id])
        solution = miner_ext.verify(index, entropy_of(index), key, result.nonce)
        assert (solution.hash, solution.zeros) == (result.hash, result.zeros)

    def _confirm(self, result: backend_pb2.WorkResult) -> None:
        key = (result.block_index, result.farmer_id)
        if key not in self.confirmed:
            self.confirmed.add(key)
            gap = self.farm.latest_ledger - self.planted[key]
            assert gap >= 1, "the contract asks for a gap of at least 1"
            self._receipt(result, backend_pb2.WORK_STATE_CONFIRMED, gap=gap)
        self.changes.announce()

    def _receipt(self, result: backend_pb2.WorkResult, state: Any, **more: Any) -> None:
        receipt = backend_pb2.WorkReceipt(
            block_index=result.block_index,
            farmer_id=result.farmer_id,
            state=state,
            nonce=result.nonce,
            zeros=result.zeros,
            **more,
        )
        self.work.tell(backend_pb2.WorkResponse(receipt=receipt))

    def _on_harvest(self, request: backend_pb2.HarvestRequest) -> None:
        asked = set(request.harvest_blocks.block_indexes)
        due = {
            (index, farmer_id)
            for index, farmer_id in self.confirmed - self.harvested
            if index < self.farm.farm.index and (not asked or index in asked)
        }
        for index, farmer_id in sorted(due):
            harvested = backend_pb2.Harvested(reward_stroops=5, stake_returned_stroops=7)
            outcome = backend_pb2.HarvestOutcome(block_index=index, farmer_id=farmer_id, harvested=harvested)
            self.harvest.tell(backend_pb2.HarvestResponse(outcome=outcome))
        self.harvested |= due
        totals = backend_pb2.HarvestTotals(request_sequence=request.sequence, harvested=len(due))
        self.harvest.tell(backend_pb2.HarvestResponse(totals=totals))


def _durable(stored: Any, sequence: int, acknowledged: int) -> Any:
    response = type(stored)()
    response.CopyFrom(stored)
    response.sequence, response.acknowledged_sequence = sequence, acknowledged
    return response


def _failure(reason: Any, *, retryable: bool = False) -> Any:
    from kalepool.v1.errors_pb2 import Failure

    return Failure(reason=reason, message="as the test wants it", retryable=retryable)
