"""The composition root: builds the Pooler's parts in the order of their dependence, and runs them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import grpc

import miner_ext
from kalepool.v1.miner_pb2 import DESCRIPTOR as MINER_DESCRIPTOR
from kalepool.v1.miner_pb2_grpc import MinerServiceServicer, add_MinerServiceServicer_to_server
from kalepool.v1.pooler_pb2 import DESCRIPTOR
from kalepool.v1.pooler_pb2_grpc import add_PoolerServiceServicer_to_server
from pooler_svc.backend_link import BackendLink
from pooler_svc.block_book import BlockBook, Solution
from pooler_svc.block_monitor import BlockMonitor
from pooler_svc.changes import Changes
from pooler_svc.farmer_roster import FarmerRoster
from pooler_svc.harvest_controller import HarvestController
from pooler_svc.hashers import Hasher
from pooler_svc.machine_load import MachineLoadGauge
from pooler_svc.operator_keys import OperatorKeys
from pooler_svc.outcome_recorder import OutcomeRecorder
from pooler_svc.plant_coordinator import PlantCoordinator, PlantPolicy
from pooler_svc.preflight import pooler_checks
from pooler_svc.recent_errors import RecentErrors
from pooler_svc.servicers.pooler import PoolerServicer
from pooler_svc.settings import PoolerSettings
from pooler_svc.status import StatusBoard
from pooler_svc.watching import Watches
from pooler_svc.work_manager import WorkManager, WorkPolicy
from poolkit.banner import banner
from poolkit.chain_clock import ChainClock, LedgerFollower
from poolkit.errors import RpcUnavailable
from poolkit.farm_reader import FarmReader
from poolkit.grpc_client import open_channel
from poolkit.grpc_server import GrpcServer
from poolkit.preflight import run_preflight
from poolkit.stellar_rpc import StellarRpc
from poolkit.supervisor import Supervisor

_SERVICE = DESCRIPTOR.services_by_name["PoolerService"].full_name
_MINER_SERVICE = MINER_DESCRIPTOR.services_by_name["MinerService"].full_name


@dataclass(frozen=True)
class Pooler:
    """The parts of one Pooler, built and not yet started."""

    settings: PoolerSettings
    rpc: StellarRpc
    farms: FarmReader
    hasher: Hasher
    clock: ChainClock
    changes: Changes
    book: BlockBook
    link: BackendLink
    monitor: BlockMonitor
    roster: FarmerRoster
    coordinator: PlantCoordinator
    works: WorkManager
    harvests: HarvestController
    board: StatusBoard
    watches: Watches
    server: GrpcServer


@asynccontextmanager
async def serve_pooler(settings: PoolerSettings, hasher: Hasher) -> AsyncIterator[Pooler]:
    """Run a Pooler within the block; leaving it drains and stops everything in reverse order.

    Order of the end: no new calls and watches let go, goodbye on the streams, long tasks, hasher,
    connections. Raises StartupError if a pre-flight check fails.
    """
    async with AsyncExitStack() as stack:
        rpc = await stack.enter_async_context(
            StellarRpc(settings.rpc_urls, call_wall_seconds=settings.rpc_call_wall_seconds)
        )
        channel = await stack.enter_async_context(open_channel(settings.backend_address, settings.api_key()))
        pooler = build_pooler(settings, rpc, channel, hasher)
        stack.push_async_callback(hasher.stop)
        await run_preflight(pooler_checks(settings, rpc, pooler.farms, pooler.link, hasher))
        supervisor = await stack.enter_async_context(Supervisor())
        start_tasks(pooler, supervisor)
        stack.push_async_callback(pooler.link.close)
        stack.push_async_callback(pooler.server.drain_and_stop)
        await pooler.server.start()
        yield pooler


def build_pooler(
    settings: PoolerSettings, rpc: StellarRpc, channel: grpc.aio.Channel, hasher: Hasher
) -> Pooler:
    """Each part with what it needs, in the order of dependence."""
    clock, changes, book, errors = ChainClock(), Changes(), BlockBook(), RecentErrors()
    rpc.on_failure(partial(_note_rpc_failure, errors, changes))
    farms = FarmReader(rpc, settings.network)
    monitor = BlockMonitor(farms, clock, changes, errors, settings.block_poll_interval_seconds)
    recorder = OutcomeRecorder(book, changes, errors)
    link = BackendLink(
        settings.backend_address, channel, recorder, call_wall_seconds=settings.backend_call_wall_seconds
    )
    roster = FarmerRoster(link, clock, changes, errors, settings.farmers_refresh_seconds)
    coordinator = PlantCoordinator(link, monitor, roster, book, clock, changes, _plant_policy(settings))
    works = WorkManager(link, hasher, verify_nonce, monitor, book, clock, changes, _work_policy(settings))
    harvests = HarvestController(link, monitor, book, clock, changes, settings.harvest_interval_seconds)
    board = StatusBoard(
        network=settings.network,
        monitor=monitor,
        coordinator=coordinator,
        roster=roster,
        book=book,
        clock=clock,
        changes=changes,
        hasher=hasher,
        link=link,
        endpoints=rpc,
        errors=errors,
        load=MachineLoadGauge(),
    )
    watches = Watches(changes)
    # What isn't served yet stays as generated and is refused by the server.
    servicer = PoolerServicer(board, coordinator, watches)  # type: ignore[abstract]
    return Pooler(
        settings=settings,
        rpc=rpc,
        farms=farms,
        hasher=hasher,
        clock=clock,
        changes=changes,
        book=book,
        link=link,
        monitor=monitor,
        roster=roster,
        coordinator=coordinator,
        works=works,
        harvests=harvests,
        board=board,
        watches=watches,
        server=_build_server(settings, servicer, watches),
    )


def start_tasks(pooler: Pooler, supervisor: Supervisor) -> None:
    """Everything that runs for as long as the Pooler does."""
    follower = LedgerFollower(pooler.rpc, pooler.clock)
    supervisor.start("ledger follower", follower.run_forever)
    supervisor.start("block monitor", pooler.monitor.watch_forever)
    supervisor.start("ledger ticks", pooler.monitor.tick_forever)
    supervisor.start("farmer roster", pooler.roster.refresh_forever)
    pooler.link.start(supervisor)
    supervisor.start("plant coordinator", pooler.coordinator.coordinate_forever)
    supervisor.start("improvements", pooler.works.gather_forever)
    supervisor.start("work manager", pooler.works.manage_forever)
    supervisor.start("harvest controller", pooler.harvests.control_forever)


def describe(pooler: Pooler) -> str:
    """The banner of a Pooler that serves."""
    return banner(
        "Pooler",
        {
            "listening on": pooler.server.address,
            "Backend": pooler.settings.backend_address,
            "network": pooler.settings.network.name,
            "farm contract": pooler.settings.network.farm_contract_id,
            "Stellar RPC": ", ".join(endpoint.name for endpoint in pooler.rpc.endpoints()),
        },
    )


def _build_server(settings: PoolerSettings, servicer: PoolerServicer, watches: Watches) -> GrpcServer:
    server = GrpcServer(
        settings.pooler_host,
        settings.pooler_port,
        verifier=OperatorKeys(settings.operator_keys()),
        drain_wall_seconds=settings.drain_wall_seconds,
    )
    server.add(add_PoolerServiceServicer_to_server, servicer, _SERVICE)
    # Declared, and refused call by call until outside miners are served.
    miners = MinerServiceServicer()  # type: ignore[abstract]
    server.add(add_MinerServiceServicer_to_server, miners, _MINER_SERVICE)
    server.on_drain(watches.end)
    return server


def _note_rpc_failure(errors: RecentErrors, changes: Changes, text: str) -> None:
    errors.note(RpcUnavailable(text).reason_name, text)
    changes.announce()


def _plant_policy(settings: PoolerSettings) -> PlantPolicy:
    return PlantPolicy(
        capacity=settings.max_farmers_capacity,
        hold_seconds=settings.plant_hold_seconds,
        retry_seconds=settings.plant_retry_seconds,
    )


def _work_policy(settings: PoolerSettings) -> WorkPolicy:
    return WorkPolicy(
        work_delay_seconds=settings.work_delay_seconds,
        candidate_interval_seconds=settings.candidate_interval_seconds,
    )


def verify_nonce(block_index: int, entropy: bytes, farmer_key: bytes, nonce: int) -> Solution:
    """The WorkManager's Verify, by the C extension."""
    found = miner_ext.verify(block_index, entropy, farmer_key, nonce)
    return Solution(nonce, found.zeros, found.hash)
