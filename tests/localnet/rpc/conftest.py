"""A client without an SDK, for tests that look at the JSON itself."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from localnet.testing import NodeHandle
from tests.localnet.rpc.raw_client import RawClient


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def raw(http: aiohttp.ClientSession, node: NodeHandle) -> RawClient:
    return RawClient(http, node.rpc_url)
