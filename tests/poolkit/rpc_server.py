"""A JSON-RPC server whose answers a test scripts: good ones, refusals, slow ones, garbage."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request, dict[str, Any]], Any]


class ScriptedRpcServer:
    """Answers each method by its script; `calls` are the (method, params) that came in."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.connections: set[Any] = set()
        self.url = ""
        self._scripts: dict[str, Answer] = {}

    def answer(self, method: str, answer: Answer | dict[str, Any]) -> None:
        """From now on: a result, or what a function makes of the request (see below)."""
        self._scripts[method] = answer if callable(answer) else result(answer)

    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.calls.append((body["method"], body["params"]))
        self.connections.add(request.transport)
        response = self._scripts[body["method"]](request, body)
        if asyncio.iscoroutine(response):
            response = await response
        assert isinstance(response, web.StreamResponse)
        return response


def result(value: dict[str, Any]) -> Answer:
    return lambda _request, body: web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": value})


def refusal(code: int, message: str) -> Answer:
    return lambda _request, body: web.json_response(
        {"jsonrpc": "2.0", "id": body["id"], "error": {"code": code, "message": message}}
    )


def http_status(status: int) -> Answer:
    return lambda _request, _body: web.Response(status=status, text="the proxy speaks")


def garbage(text: str = "<html>not JSON</html>") -> Answer:
    return lambda _request, _body: web.Response(text=text)


def never(release: asyncio.Event) -> Answer:
    async def wait(_request: web.Request, _body: dict[str, Any]) -> web.Response:
        await release.wait()
        return web.Response(status=500)

    return wait


def hang_up(request: web.Request, _body: dict[str, Any]) -> web.Response:
    """Close the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def hang_up_in_the_middle(request: web.Request, _body: dict[str, Any]) -> Any:
    async def respond() -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(json.dumps({"jsonrpc": "2.0"}).encode())
        assert request.transport is not None
        request.transport.abort()
        return response

    return respond()


def health(latest: int, close_time: int = 1_700_000_000) -> dict[str, Any]:
    return {
        "status": "healthy",
        "latestLedger": latest,
        "latestLedgerCloseTime": str(close_time),
        "oldestLedger": 2,
        "oldestLedgerCloseTime": str(close_time - 1_000),
        "ledgerRetentionWindow": 120_960,
    }


@asynccontextmanager
async def scripted_rpc() -> AsyncIterator[ScriptedRpcServer]:
    server = ScriptedRpcServer()
    app = web.Application()
    app.router.add_post("/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/rpc/customer-key"
    try:
        yield server
    finally:
        await runner.cleanup()
