"""A whole pool on one machine, each part a process of its own: what the demo plays and the mesh tests break.

Everything lies in one data folder: `logs/`, `keys/` (mode 0600), the chain and database of this run.
"""

import asyncio
import os
import shlex
import uuid
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from backend_svc.settings import BackendSettings
from kale.networks import LOCAL
from kalepool.v1 import admin_pb2
from kalepool.v1.admin_pb2_grpc import AdminServiceStub
from kalepool_cli.processes import ManagedProcess, ProcessFailed, kalepool_command
from kalepool_cli.secret_files import write_secret
from pooler_svc.settings import PoolerSettings
from poolkit.errors import PoolError
from poolkit.grpc_client import open_channel
from poolkit.ports import KeptPort, keep_port
from poolkit.stellar_rpc import StellarRpc

READY_WALL_SECONDS = 120.0
_POLL_WALL_SECONDS = 0.05
# Whoever talked to a process may hear of its end a little earlier than its parent.
_END_SHOWS_WALL_SECONDS = 1.0
_HOST = "127.0.0.1"

_SETTINGS = {
    name.upper()
    for kind in (BackendSettings, PoolerSettings)
    for name in (*kind.model_fields, *kind.dropped_keys)
}
_SETTINGS_OF_THE_SHELL = {"LOG_LEVEL", "KALE_MINER_ISA"}
_SETTING_PREFIXES = tuple({*BackendSettings.prefixes, *PoolerSettings.prefixes})

T = TypeVar("T")


class LocalPool:
    """PostgreSQL, localnet, Backend and Pooler in `data`.

    Each listens on its preferred port, or on a free one if that is taken when it is started first.
    """

    def __init__(
        self,
        data: Path,
        *,
        speed: float,
        backend_port: int = 0,
        pooler_port: int = 0,
        rpc_port: int = 0,
        localnet_options: Sequence[str] = (),
    ) -> None:
        """`localnet_options` are further arguments of `kalepool localnet`."""
        self.data = data
        self.speed = speed
        self.backend_port = backend_port
        self.pooler_port = pooler_port
        self.rpc_port = rpc_port
        self.localnet_admin_port = 0
        self._localnet_options = tuple(localnet_options)
        self.database_url = ""
        self.pooler_id = ""
        # On top of what the services get in any case; read at each start.
        self.backend_settings: dict[str, str] = {}
        self.pooler_settings: dict[str, str] = {}
        # Each from its choice on, also while its service is not up.
        self._kept_ports: list[KeptPort] = []
        # A process was started, which whoever watches the others has to watch as well.
        self._one_more = asyncio.Event()
        self.postgres = self._process("postgres", "postgres", "--data", str(data / "postgres"))
        self.localnet = self._process("localnet", "localnet")
        self.backend = self._process("backend", "backend")
        self.pooler = self._process("pooler", "pooler")

    @property
    def backend_address(self) -> str:
        return f"{_HOST}:{self.backend_port}"

    @property
    def pooler_address(self) -> str:
        return f"{_HOST}:{self.pooler_port}"

    @property
    def rpc_url(self) -> str:
        return f"http://{_HOST}:{self.rpc_port}"

    @property
    def localnet_admin_url(self) -> str:
        """Where the chain's clock is kept by hand."""
        return f"http://{_HOST}:{self.localnet_admin_port}"

    @property
    def friendbot_url(self) -> str:
        return f"{self.rpc_url}/friendbot"

    @property
    def ledger_wall_seconds(self) -> float:
        return 5 / self.speed

    @property
    def admin_key_file(self) -> Path:
        return self.data / "keys" / "admin.key"

    @property
    def pooler_key_file(self) -> Path:
        return self.data / "keys" / "pooler.key"

    @property
    def processes(self) -> tuple[ManagedProcess, ...]:
        """In the order in which they stop: those who ask before those who answer."""
        return (self.pooler, self.backend, self.localnet, self.postgres)

    async def start_chain_and_database(self) -> None:
        await self._start_postgres()
        await self._start_localnet()

    async def start_backend(self) -> None:
        """Start it (again) and wait until it serves."""
        if not self.backend.was_started:
            self.backend_port = self._keep_port(self.backend_port)
        self.backend = self._process("backend", "backend", environment=self._backend_environment())
        await self._start(self.backend)
        await _until_ready(self.backend, _wait_until_serving(self.backend_address))

    async def start_pooler(self) -> None:
        """Start it (again) and wait until it serves; `create_pooler` comes first."""
        if not self.pooler.was_started:
            self.pooler_port = self._keep_port(self.pooler_port)
        self.pooler = self._process("pooler", "pooler", environment=self._pooler_environment())
        await self._start(self.pooler)
        await _until_ready(self.pooler, _wait_until_serving(self.pooler_address))

    async def create_pooler(self, name: str = "pooler-1", *, capacity: int = 100) -> None:
        """Make the pooler that this pool runs, and keep its key in a file."""
        async with self.admin_channel() as channel:
            response = await AdminServiceStub(channel).CreatePooler(
                admin_pb2.CreatePoolerRequest(request_id=str(uuid.uuid4()), name=name, capacity=capacity)
            )
        self.pooler_id = response.pooler.id
        write_secret(self.pooler_key_file, response.api_key)

    async def stop(self) -> list[str]:
        """Stop everything in order; the names of those that had to be killed or failed."""
        not_clean = [process.name for process in self.processes if not await process.stop()]
        for port in self._kept_ports:
            port.close()
        self._kept_ports.clear()
        return not_clean

    async def watch(self) -> None:
        """Wait until a process, also one that is started meanwhile, ends; raises ProcessFailed for it."""
        while True:
            self._one_more.clear()
            watched = [process.fail_if_ended() for process in self.processes if process.was_started]
            watchers = {asyncio.ensure_future(each) for each in (self._one_more.wait(), *watched)}
            try:
                done, _ = await asyncio.wait(watchers, return_when=asyncio.FIRST_COMPLETED)
                for watcher in done:
                    watcher.result()
            finally:
                for watcher in watchers:
                    watcher.cancel()
                await asyncio.gather(*watchers, return_exceptions=True)

    async def run_watched(self, body: Coroutine[None, None, T]) -> T:
        """Run `body`; ProcessFailed, and `body` cancelled, as soon as any process ends by itself."""
        return await _unless(self.watch(), body)

    @asynccontextmanager
    async def admin_channel(self) -> AsyncIterator[grpc.aio.Channel]:
        async with open_channel(
            self.backend_address, api_key=self.admin_key_file.read_text().strip()
        ) as channel:
            yield channel

    @asynccontextmanager
    async def pooler_channel(self) -> AsyncIterator[grpc.aio.Channel]:
        async with open_channel(
            self.pooler_address, api_key=self.pooler_key_file.read_text().strip()
        ) as channel:
            yield channel

    def write_env_file(self) -> Path:
        """Addresses and keys for a shell: `. DATA/env`. The keys themselves stay in their files."""
        path = self.data / "env"
        exports = {
            "BACKEND": self.backend_address,
            "POOLER": self.pooler_address,
            "RPC_URL": self.rpc_url,
            "FRIENDBOT_URL": self.friendbot_url,
            "DATABASE_URL": self.database_url,
            "KEYS": str(self.admin_key_file.parent),
            "API_KEY_FILE": str(self.admin_key_file),
        }
        lines = [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
        # For grpcurl, which takes a key from the environment; not named as a setting of Backend or Pooler.
        lines += [
            f"{name}=$(cat {shlex.quote(str(file))}) && export {name}"
            for name, file in (("ADMIN_KEY", self.admin_key_file), ("OPERATOR_KEY", self.pooler_key_file))
        ]
        path.write_text("\n".join(lines) + "\n")
        return path

    def _keep_port(self, preferred: int) -> int:
        if any(kept.number == preferred for kept in self._kept_ports):
            return preferred
        kept = keep_port(preferred)
        self._kept_ports.append(kept)
        return kept.number

    def _process(
        self, name: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> ManagedProcess:
        return ManagedProcess(
            name,
            kalepool_command(*arguments),
            {**_without_settings(os.environ), **(environment or {})},
            self.data / "logs" / f"{name}.log",
        )

    async def _start(self, process: ManagedProcess) -> None:
        await process.start()
        self._one_more.set()

    def _chain_environment(self) -> dict[str, str]:
        return {"STELLAR_NETWORK": LOCAL.name, "RPC_URL": self.rpc_url}

    def _backend_environment(self) -> dict[str, str]:
        return {
            **self._chain_environment(),
            "DATABASE_URL": self.database_url,
            "BACKEND_PORT": str(self.backend_port),
            "MASTER_KEY_FILE": str(self.data / "keys" / "master.key"),
            "ADMIN_KEY_FILE": str(self.admin_key_file),
            **self.backend_settings,
        }

    def _pooler_environment(self) -> dict[str, str]:
        return {
            **self._chain_environment(),
            "POOLER_PORT": str(self.pooler_port),
            "BACKEND_ADDRESS": self.backend_address,
            "POOLER_API_KEY_FILE": str(self.pooler_key_file),
            **self.pooler_settings,
        }

    async def _start_postgres(self) -> None:
        await self._start(self.postgres)
        await _until_ready(self.postgres, self._read_database_url())

    async def _read_database_url(self) -> None:
        """`kalepool postgres` prints the URL once the server answers."""
        while True:
            for word in self.postgres.log_path.read_text().split():
                if word.startswith("DATABASE_URL="):
                    self.database_url = word.removeprefix("DATABASE_URL=")
                    return
            await asyncio.sleep(_POLL_WALL_SECONDS)

    async def _start_localnet(self) -> None:
        self.rpc_port = self._keep_port(self.rpc_port)
        self.localnet_admin_port = self._keep_port(self.localnet_admin_port)
        options = (
            "--host",
            _HOST,
            "--port",
            str(self.rpc_port),
            "--admin-port",
            str(self.localnet_admin_port),
            "--speed",
            str(self.speed),
        )
        self.localnet = self._process("localnet", "localnet", *options, *self._localnet_options)
        await self._start(self.localnet)
        await _until_ready(self.localnet, self._wait_for_rpc())

    async def _wait_for_rpc(self) -> None:
        async with StellarRpc([self.rpc_url]) as rpc:
            while True:
                try:
                    await rpc.latest_ledger()
                except PoolError:
                    await asyncio.sleep(_POLL_WALL_SECONDS)
                else:
                    return


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The services of this pool get the settings that it makes, and of the shell's only a few."""
    return {
        key: value
        for key, value in environment.items()
        if key in _SETTINGS_OF_THE_SHELL or (key not in _SETTINGS and not key.startswith(_SETTING_PREFIXES))
    }


async def _wait_until_serving(address: str) -> None:
    """The standard health service says so; while nothing listens there yet, the call waits."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        async for health in stub.Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True):
            if health.status == health_pb2.HealthCheckResponse.SERVING:
                return


async def _until_ready(process: ManagedProcess, ready: Coroutine[None, None, None]) -> None:
    """Wait for `ready`; ProcessFailed if the process ends first, or is too slow."""
    try:
        async with asyncio.timeout(READY_WALL_SECONDS):
            await _unless(process.fail_if_ended(), ready)
    except TimeoutError:
        raise ProcessFailed(
            f"{process.name} was not ready after {READY_WALL_SECONDS:.0f} s; "
            f"its log ends:\n{process.log_tail()}"
        ) from None


async def _unless(failure: Coroutine[None, None, None], body: Coroutine[None, None, T]) -> T:
    """The result of `body`, unless `failure` raises first, or soon after an error of `body`, as its cause."""
    failing, running = asyncio.ensure_future(failure), asyncio.ensure_future(body)
    try:
        await asyncio.wait({failing, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done() and not running.cancelled() and running.exception() is not None:
            await asyncio.wait({failing}, timeout=_END_SHOWS_WALL_SECONDS)
        if failing.done():
            failing.result()
        return await running
    finally:
        for task in (failing, running):
            task.cancel()
        await asyncio.gather(failing, running, return_exceptions=True)
