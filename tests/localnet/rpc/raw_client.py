"""A client that takes and gives JSON as it is on the wire."""

import json
from typing import Any

import aiohttp


class RawClient:
    """Posts bodies as they are."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def post(self, body: str | bytes, content_type: str = "application/json") -> tuple[int, str]:
        headers = {"Content-Type": content_type}
        async with self._session.post(self._url, data=body, headers=headers) as response:
            return response.status, await response.text()

    async def answer(self, body: str) -> Any:
        status, text = await self.post(body)
        assert status == 200
        return json.loads(text)

    async def call(self, method: str, params: Any = None) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return await self.answer(json.dumps(request))
