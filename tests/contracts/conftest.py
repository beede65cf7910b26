"""One running pool for all contract tests that leave it whole."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.contracts.running_pool import RunningPool, running_pool


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pool() -> AsyncIterator[RunningPool]:
    async with running_pool() as running:
        yield running
