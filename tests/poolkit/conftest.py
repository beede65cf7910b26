"""Fixtures of the kit's tests."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import pytest

from poolkit.ports import KeptPort
from poolkit.stellar_rpc import StellarRpc
from tests.poolkit.fakes import InstantWallClock
from tests.poolkit.rpc_server import ScriptedRpcServer, health, scripted_rpc


@pytest.fixture
def kept_port() -> Iterator[int]:
    """Nobody listens on it but whom the test starts there."""
    with closing(KeptPort()) as kept:
        yield kept.number


@pytest.fixture
async def server() -> AsyncIterator[ScriptedRpcServer]:
    async with scripted_rpc() as server:
        yield server


@pytest.fixture
async def second() -> AsyncIterator[ScriptedRpcServer]:
    async with scripted_rpc() as server:
        server.answer("getHealth", health(50))
        yield server


@pytest.fixture
def clock() -> InstantWallClock:
    return InstantWallClock()


@pytest.fixture
async def rpc(server: ScriptedRpcServer, clock: InstantWallClock) -> AsyncIterator[StellarRpc]:
    async with StellarRpc([server.url], wall_clock=clock) as rpc:
        yield rpc
