"""The composition root: builds the Backend's parts in the order of their dependence, and runs them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from backend_svc.background import BackgroundTasks
from backend_svc.chain_events import ChainEvents
from backend_svc.closing import BlockCloser
from backend_svc.contract_calls import ContractCalls
from backend_svc.custody import Custody, MasterKey, master_keys
from backend_svc.farm_watch import FarmWatch
from backend_svc.farmers import FarmerAccounts
from backend_svc.first_start import ensure_admin_key
from backend_svc.harvesting import Harvester
from backend_svc.health import HealthMonitor
from backend_svc.idempotency import AnswerOnce
from backend_svc.key_verifier import StoredKeyVerifier
from backend_svc.planting import Planter
from backend_svc.preflight import backend_checks
from backend_svc.reconcile import Reconciler
from backend_svc.resuming import Resumer
from backend_svc.retention import Retention
from backend_svc.servicers.admin import AdminServicer
from backend_svc.servicers.backend import BackendServicer, HarvestStreams, PlantStreams, WorkStreams
from backend_svc.servicers.farmer import FarmerServicer
from backend_svc.servicers.harvest_requests import HarvestRequests
from backend_svc.servicers.plant_requests import PlantRequests
from backend_svc.servicers.work_requests import WorkRequests
from backend_svc.sessions import SessionStreams
from backend_svc.settings import BackendSettings
from backend_svc.store import embedded
from backend_svc.store.database import Database
from backend_svc.store.notifications import SessionNotifications
from backend_svc.store.records import StreamKind
from backend_svc.transactions import TransactionEngine
from backend_svc.turns import AccountTurns
from backend_svc.working import Worker
from kalepool.v1 import admin_pb2, admin_pb2_grpc, backend_pb2, backend_pb2_grpc, farmer_pb2, farmer_pb2_grpc
from poolkit.banner import banner
from poolkit.chain_clock import ChainClock, LedgerFollower
from poolkit.farm_reader import FarmReader
from poolkit.grpc_server import GrpcServer
from poolkit.logs import get_logger
from poolkit.preflight import run_preflight
from poolkit.startup_error import StartupError
from poolkit.stellar_rpc import StellarRpc
from poolkit.supervisor import Supervisor

log = get_logger(__name__)

_BACKEND = backend_pb2.DESCRIPTOR.services_by_name["BackendService"].full_name
_FARMER = farmer_pb2.DESCRIPTOR.services_by_name["FarmerService"].full_name
_ADMIN = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name
_OPEN_METHODS = frozenset({f"{_BACKEND}/GetHealth"})


@dataclass(frozen=True)
class Chain:
    """The view of the chain, and the way onto it."""

    rpc: StellarRpc
    farms: FarmReader
    clock: ChainClock
    farm: FarmWatch
    events: ChainEvents
    engine: TransactionEngine
    calls: ContractCalls


@dataclass(frozen=True)
class Backend:
    """The parts of one Backend, built and not yet started."""

    settings: BackendSettings
    database: Database
    chain: Chain
    notifications: SessionNotifications
    tasks: BackgroundTasks
    custody: Custody
    planter: Planter
    worker: Worker
    harvester: Harvester
    closer: BlockCloser
    resumer: Resumer
    health: HealthMonitor
    server: GrpcServer


@asynccontextmanager
async def serve_backend(settings: BackendSettings) -> AsyncIterator[Backend]:
    """Run a Backend within the block; leaving it drains and stops everything in reverse order.

    Order of the end: NOT_SERVING and goodbye on the streams, transactions in
    flight get a while to their outcome (what is left is stored and found again
    at the next start), long tasks, connections. Raises StartupError.
    """
    keys = _master_keys(settings)
    async with AsyncExitStack() as stack:
        database = Database(await _database_url(settings), pool_size=settings.db_pool_size)
        stack.push_async_callback(asyncio.to_thread, database.close)
        rpc = await stack.enter_async_context(
            StellarRpc(settings.rpc_urls, call_wall_seconds=settings.rpc_call_wall_seconds)
        )
        backend = build_backend(settings, database, rpc, keys)
        await run_preflight(backend_checks(settings, database, rpc, backend.chain.farms))
        await backend.custody.require_master_keys()
        await _announce_admin_key(settings, database)
        supervisor = await stack.enter_async_context(Supervisor())
        start_tasks(backend, supervisor)
        await backend.notifications.wait_until_listening()
        await backend.chain.clock.wait_for_ledger(0)
        stack.push_async_callback(backend.tasks.finish, settings.settle_wall_seconds)
        stack.push_async_callback(backend.server.drain_and_stop)
        await backend.server.start()
        yield backend


def build_backend(
    settings: BackendSettings, database: Database, rpc: StellarRpc, keys: list[MasterKey]
) -> Backend:
    """Each part with what it needs, in the order of dependence."""
    custody = Custody(keys, database)
    chain = _build_chain(settings, database, rpc, custody)
    turns, tasks = AccountTurns(), BackgroundTasks()
    planter = _build_planter(settings, database, chain, turns, tasks)
    worker = Worker(
        database=database,
        calls=chain.calls,
        farm=chain.farm,
        pails=chain.farms,
        clock=chain.clock,
        turns=turns,
        tasks=tasks,
        most_attempts=settings.recovery_max_attempts,
    )
    harvester = _build_harvester(settings, database, chain, turns, tasks)
    closer = BlockCloser(
        database=database,
        worker=worker,
        farm=chain.farm,
        pails=chain.farms,
        clock=chain.clock,
        guard_seconds=settings.work_guard_seconds,
    )
    server = GrpcServer(
        settings.backend_host,
        settings.backend_port,
        verifier=StoredKeyVerifier(database),
        open_methods=_OPEN_METHODS,
        drain_wall_seconds=settings.drain_wall_seconds,
    )
    health = HealthMonitor(
        database, chain.clock, rpc, lambda name, serving: server.set_health(name, serving=serving)
    )
    backend = Backend(
        settings=settings,
        database=database,
        chain=chain,
        notifications=SessionNotifications(database.url),
        tasks=tasks,
        custody=custody,
        planter=planter,
        worker=worker,
        harvester=harvester,
        closer=closer,
        resumer=Resumer(
            chain.engine, planter, worker, harvester, tasks, chain.clock, settings.resume_interval_seconds
        ),
        health=health,
        server=server,
    )
    _add_servicers(backend, turns)
    return backend


def start_tasks(backend: Backend, supervisor: Supervisor) -> None:
    """Everything that runs for as long as the Backend does."""
    follower = LedgerFollower(backend.chain.rpc, backend.chain.clock)
    supervisor.start("ledger follower", follower.run_forever)
    supervisor.start("session notifications", backend.notifications.listen_forever)
    supervisor.start("chain events", backend.chain.events.run_forever)
    supervisor.start("resume", backend.resumer.resume_forever)
    supervisor.start("block closer", backend.closer.watch_forever)
    supervisor.start("harvest sweep", backend.harvester.sweep_forever)
    supervisor.start("health", backend.health.watch_forever)
    supervisor.start("retention", Retention(backend.database).forget_forever)


def describe(backend: Backend) -> str:
    """The banner of a Backend that serves."""
    settings = backend.settings
    return banner(
        "Backend",
        {
            "listening on": backend.server.address,
            "database": backend.database.address,
            "network": settings.network.name,
            "farm contract": settings.network.farm_contract_id,
            "Stellar RPC": ", ".join(endpoint.name for endpoint in backend.chain.rpc.endpoints()),
            "admin key": str(settings.admin_key_path),
        },
    )


def _build_chain(settings: BackendSettings, database: Database, rpc: StellarRpc, custody: Custody) -> Chain:
    clock, farms = ChainClock(), FarmReader(rpc, settings.network)
    engine = TransactionEngine(
        database=database,
        chain=rpc,
        submitter=rpc,
        signer=custody,
        clock=clock,
        passphrase=settings.network.passphrase,
        inclusion_fee_stroops=settings.inclusion_fee_stroops,
    )
    return Chain(
        rpc=rpc,
        farms=farms,
        clock=clock,
        farm=FarmWatch(farms, clock),
        events=ChainEvents(
            database=database, source=rpc, clock=clock, asset_contract_id=settings.network.asset_contract_id
        ),
        engine=engine,
        calls=ContractCalls(engine, database, settings.network),
    )


def _build_planter(
    settings: BackendSettings,
    database: Database,
    chain: Chain,
    turns: AccountTurns,
    tasks: BackgroundTasks,
) -> Planter:
    return Planter(
        database=database,
        calls=chain.calls,
        farm=chain.farm,
        chain=chain.farms,
        clock=chain.clock,
        turns=turns,
        tasks=tasks,
        batch_size=settings.max_plant_batch_size,
        timeout_seconds=settings.plant_timeout_seconds,
    )


def _build_harvester(
    settings: BackendSettings,
    database: Database,
    chain: Chain,
    turns: AccountTurns,
    tasks: BackgroundTasks,
) -> Harvester:
    return Harvester(
        database=database,
        calls=chain.calls,
        farm=chain.farm,
        chain=chain.farms,
        clock=chain.clock,
        turns=turns,
        tasks=tasks,
        batch_size=settings.max_harvest_batch_size,
        timeout_seconds=settings.harvest_timeout_seconds,
        sweep_seconds=settings.harvest_interval_seconds,
    )


def _add_servicers(backend: Backend, turns: AccountTurns) -> None:
    """What is declared and not served yet stays as generated, and is refused by the server."""
    settings, database, chain, server = backend.settings, backend.database, backend.chain, backend.server
    once = AnswerOnce(database)
    plant = _plant_streams(backend)
    work = _work_streams(backend)
    harvest = _harvest_streams(backend)
    accounts = FarmerAccounts(
        database=database,
        custody=backend.custody,
        calls=chain.calls,
        chain=chain.farms,
        turns=turns,
        fee_balance_stroops=settings.farmer_fee_balance_stroops,
    )
    backend_servicer = BackendServicer(  # type: ignore[abstract]
        plant=plant,
        work=work,
        harvest=harvest,
        database=database,
        once=once,
        farm=chain.farm,
        health=backend.health,
    )
    admin_servicer = AdminServicer(  # type: ignore[abstract]
        database=database,
        once=once,
        reconciler=Reconciler(database=database, farm=chain.farms, events=chain.events, clock=chain.clock),
        key_length=settings.api_key_length,
        default_capacity=settings.max_farmers_per_pooler,
    )
    farmer_servicer = FarmerServicer(accounts, database, once)  # type: ignore[abstract]
    server.add(backend_pb2_grpc.add_BackendServiceServicer_to_server, backend_servicer, _BACKEND)
    server.add(farmer_pb2_grpc.add_FarmerServiceServicer_to_server, farmer_servicer, _FARMER)
    server.add(admin_pb2_grpc.add_AdminServiceServicer_to_server, admin_servicer, _ADMIN)
    for streams in (plant, work, harvest):
        server.on_drain(streams.drain)


def _plant_streams(backend: Backend) -> PlantStreams:
    return SessionStreams(
        kind=StreamKind.PLANT,
        response_type=backend_pb2.PlantResponse,
        taker=PlantRequests(backend.planter),
        database=backend.database,
        wakes=backend.notifications,
    )


def _work_streams(backend: Backend) -> WorkStreams:
    return SessionStreams(
        kind=StreamKind.WORK,
        response_type=backend_pb2.WorkResponse,
        taker=WorkRequests(backend.worker),
        database=backend.database,
        wakes=backend.notifications,
    )


def _harvest_streams(backend: Backend) -> HarvestStreams:
    return SessionStreams(
        kind=StreamKind.HARVEST,
        response_type=backend_pb2.HarvestResponse,
        taker=HarvestRequests(backend.harvester),
        database=backend.database,
        wakes=backend.notifications,
    )


def _master_keys(settings: BackendSettings) -> list[MasterKey]:
    """Raises StartupError."""
    text = settings.master_key.get_secret_value() if settings.master_key is not None else None
    return master_keys(text, settings.master_key_path, may_make=settings.stellar_network == "local")


async def _database_url(settings: BackendSettings) -> str:
    """The one of the settings, else that of an embedded server of our own. Raises StartupError."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    try:
        return await asyncio.to_thread(embedded.join_or_start, embedded.default_folder())
    except embedded.EmbeddedPostgresError as error:
        raise StartupError(f"no DATABASE_URL is set, and no server could be started: {error}") from error


async def _announce_admin_key(settings: BackendSettings, database: Database) -> None:
    path = await ensure_admin_key(database, settings.admin_key_path, key_length=settings.api_key_length)
    if path is not None:
        log.info("first start: the admin key is in a file of mode 0600", file=str(path))
