"""Checks before a service starts: each one clear line; the first failure ends the start."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kale.networks import Network
from poolkit.errors import PoolError, RpcUnavailable
from poolkit.farm_reader import FarmView
from poolkit.logs import get_logger
from poolkit.rpc_answers import LedgerHead, NetworkInfo
from poolkit.startup_error import StartupError
from poolkit.stellar_rpc import LedgerSource
from poolkit.wall_clock import SystemWallClock, WallClock

log = get_logger(__name__)

T = TypeVar("T")

_ANSWER_WALL_SECONDS = 5.0
_POLL_WALL_SECONDS = 0.1


class CheckFailed(Exception):
    """A check did not pass: what is wrong, and what the operator can do about it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True)
class Check:
    """A named check. `run` returns what it found, in a few words, or raises CheckFailed.

    A PoolError that it raises counts as failed too, with `remedy` as what to do.
    """

    name: str
    run: Callable[[], Awaitable[str]]
    remedy: str = "see the settings in the example environment files"


async def run_preflight(checks: Sequence[Check]) -> None:
    """Run the checks in order, a log line each. Raises StartupError at the first that fails."""
    for check in checks:
        try:
            found = await check.run()
        except (CheckFailed, PoolError) as error:
            text = str(error) if isinstance(error, CheckFailed) else f"{error}; {check.remedy}"
            raise StartupError(f"pre-flight check {check.name!r} failed: {text}") from error
        log.info(f"pre-flight {check.name}: ok", found=found)


class NetworkSource(Protocol):
    """Where the network's identity is read; StellarRpc is one."""

    async def network(self) -> NetworkInfo: ...


class FarmSource(Protocol):
    """Where the farm is read; FarmReader is one."""

    async def farm(self) -> FarmView: ...


async def _once_it_answers(ask: Callable[[], Awaitable[T]], deadline: float, clock: WallClock) -> T:
    """A node may fail to answer now and then: it is asked again until the deadline, and at least once."""
    while True:
        try:
            return await ask()
        except RpcUnavailable:
            if clock.monotonic() >= deadline:
                raise
        await clock.sleep(_POLL_WALL_SECONDS)


def network_check(
    source: NetworkSource,
    network: Network,
    *,
    wall_seconds: float = _ANSWER_WALL_SECONDS,
    wall_clock: WallClock | None = None,
) -> Check:
    """The node answers within that time, and follows the network whose passphrase we sign for."""
    clock = wall_clock or SystemWallClock()

    async def run() -> str:
        found = await _once_it_answers(source.network, clock.monotonic() + wall_seconds, clock)
        if found.passphrase != network.passphrase:
            raise CheckFailed(
                f"the node at RPC_URL follows {found.passphrase!r}, the settings say {network.passphrase!r}",
                "set STELLAR_NETWORK or RPC_URL so that both mean the same network",
            )
        return f"{network.name}, protocol {found.protocol_version}"

    return Check("network", run, "check RPC_URL, and that the node runs")


def chain_advances_check(
    source: LedgerSource, *, wall_seconds: float = 20.0, wall_clock: WallClock | None = None
) -> Check:
    """The node closes ledgers; that they match the wall clock is not asked for."""
    clock = wall_clock or SystemWallClock()

    async def run() -> str:
        first: LedgerHead | None = None
        deadline = clock.monotonic() + wall_seconds
        while clock.monotonic() < deadline or first is None:
            head = await _once_it_answers(source.latest_ledger, deadline, clock)
            first = first or head
            if head.sequence > first.sequence:
                return f"ledger {head.sequence}, closed at {head.close_time}"
            await clock.sleep(_POLL_WALL_SECONDS)
        raise CheckFailed(
            f"ledger {first.sequence} is still the latest after {wall_seconds:g} s",
            "the node does not follow its network; wait until it has caught up, or use another RPC_URL",
        )

    return Check("chain advances", run, "check RPC_URL, and that the node runs")


def farm_check(
    source: FarmSource,
    network: Network,
    *,
    wall_seconds: float = _ANSWER_WALL_SECONDS,
    wall_clock: WallClock | None = None,
) -> Check:
    """The node answers within that time, and the contract id names a KALE farm."""
    clock = wall_clock or SystemWallClock()

    async def run() -> str:
        view = await _once_it_answers(source.farm, clock.monotonic() + wall_seconds, clock)
        if view.farm.asset_contract_id != network.asset_contract_id:
            raise CheckFailed(
                f"the farm pays asset contract {view.farm.asset_contract_id}, "
                f"the settings say {network.asset_contract_id}",
                "check KALE_CONTRACT_ID and STELLAR_NETWORK",
            )
        return f"block {view.farm.index}" + (", planting is paused" if view.farm.paused else "")

    return Check("farm contract", run, "check KALE_CONTRACT_ID and STELLAR_NETWORK")


def free_port_check(name: str, host: str, port: int, *, setting: str) -> Check:
    """Nobody listens on the port that we want; 0 is always free."""

    async def run() -> str:
        try:
            await asyncio.get_running_loop().run_in_executor(None, _bind_briefly, host, port)
        except OSError as error:
            raise CheckFailed(
                f"can not listen on {host}:{port} ({error.strerror})",
                f"stop the other process or set another {setting}",
            ) from error
        return f"{host}:{port}"

    return Check(name, run)


def _bind_briefly(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)
