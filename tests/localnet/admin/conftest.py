"""The admin endpoint as a program reaches it."""

import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from localnet.testing import NodeHandle


class Admin:
    """Posts JSON to the admin endpoint of a node."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def ask(self, path: str, **fields: object) -> Any:
        """The answer of a request that must not be refused."""
        status, answer = await self.post(path, json=fields)
        assert status == 200, answer
        return answer

    async def refused(self, path: str, **fields: object) -> tuple[int, str]:
        status, answer = await self.post(path, json=fields)
        return status, answer["error"]

    async def post(
        self,
        path: str,
        *,
        json: object = None,
        data: bytes | io.BytesIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        async with self.session.post(path, json=json, data=data, headers=headers) as response:
            return response.status, await response.json()


@pytest.fixture
async def admin(node: NodeHandle) -> AsyncIterator[Admin]:
    async with aiohttp.ClientSession(node.admin_url) as session:
        yield Admin(session)
