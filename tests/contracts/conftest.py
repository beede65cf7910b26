"""One running pool for all contract tests: real processes, played at high speed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kalepool_cli.local_pool import LocalPool
from tests.contracts.running_pool import RunningPool

_SPEED = 60


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pool(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningPool]:
    data: Path = tmp_path_factory.mktemp("contracts")
    local = LocalPool(data, speed=_SPEED)
    try:
        await local.start_chain_and_database()
        await local.start_backend()
        await local.create_pooler()
        await local.start_pooler()
        async with RunningPool.connected(local) as running:
            yield running
    finally:
        await local.stop()
