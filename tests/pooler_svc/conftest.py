import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import uvloop
from stellar_sdk import Keypair

from localnet.testing import NodeHandle, running_localnet
from pooler_svc.settings import PoolerSettings
from tests.pooler_svc.fakes import API_KEY, FakeBackend, FarmHand


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What works with processes below asyncio's streams is tried on the loop of the services as well."""
    if item.path.name in ("test_command_hasher.py", "test_command_runs.py"):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


SPEED = 100.0
FARMERS = 3


@pytest.fixture
async def node() -> AsyncIterator[NodeHandle]:
    async with running_localnet(speed=SPEED) as running:
        yield running


@pytest.fixture
def farm(node: NodeHandle) -> FarmHand:
    return FarmHand(node)


@pytest.fixture
def backend(farm: FarmHand) -> FakeBackend:
    seeds = [bytes([number] * 32) for number in range(1, FARMERS + 1)]
    return FakeBackend(  # type: ignore[abstract]
        farm,
        {
            f"f0000000-0000-0000-0000-00000000000{number}": Keypair.from_raw_ed25519_seed(seed).public_key
            for number, seed in enumerate(seeds, start=1)
        },
    )


@pytest.fixture
async def backend_address(backend: FakeBackend) -> AsyncIterator[str]:
    async with backend.serving() as address:
        yield address


def pooler_settings(node: NodeHandle, address: str, **changes: object) -> PoolerSettings:
    values: dict[str, object] = {
        "stellar_network": "local",
        "rpc_url": node.rpc_url,
        "pooler_port": 0,
        "backend_address": address,
        "pooler_api_key": API_KEY,
        "hasher_threads": 1,
        # At this speed the usual 30 chain seconds are 0.3 s: a busy machine takes longer for a work.
        "plant_hold_seconds": 300.0,
        "drain_wall_seconds": 1.0,
        **changes,
    }
    return PoolerSettings(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.fixture
def settings(node: NodeHandle, backend_address: str) -> PoolerSettings:
    return pooler_settings(node, backend_address)
