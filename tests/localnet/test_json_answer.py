"""Answers that are written at once are those that aiohttp would build."""

import asyncio
import json
from dataclasses import dataclass

import pytest
from aiohttp import web

from localnet.json_answer import json_answer
from localnet.listener import Listener
from localnet.testing import NodeHandle

_HEALTH = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "getHealth"}).encode()


@dataclass(frozen=True)
class Answer:
    status_line: str
    headers: dict[str, str]
    body: bytes


async def ask(
    node: NodeHandle, *, version: str = "1.1", connection: str | None = None, times: int = 1
) -> list[Answer]:
    """So many answers, one after the other on one connection."""
    host, port = node.rpc_url.removeprefix("http://").split(":")
    lines = [f"POST / HTTP/{version}", f"Host: {host}", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(_HEALTH)}"]
    lines += [f"Connection: {connection}"] if connection else []
    reader, writer = await asyncio.open_connection(host, int(port))
    answers = []
    for _ in range(times):
        writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode() + _HEALTH)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:-2])
        body = await reader.readexactly(int(headers["Content-Length"]))
        answers.append(Answer(head[0], headers, body))
    writer.close()
    await writer.wait_closed()
    return answers


async def test_headers_are_those_of_an_answer_that_ends_the_connection(node: NodeHandle) -> None:
    (kept,) = await ask(node)
    (closed,) = await ask(node, connection="close")
    assert closed.headers.pop("Connection") == "close"
    for answer in (kept, closed):
        answer.headers["Date"] = answer.headers["Date"][: len("Thu, 26 Nov 2026")]
    assert kept == closed
    assert kept.headers["Access-Control-Allow-Origin"] == "*"
    assert json.loads(kept.body)["result"]["status"] == "healthy"


async def test_a_connection_serves_many_requests(node: NodeHandle) -> None:
    answers = await ask(node, times=3)
    assert [answer.body for answer in answers] == [answers[0].body] * 3


@pytest.mark.parametrize(("connection", "expected"), [(None, None), ("keep-alive", "keep-alive")])
async def test_older_clients_are_told_whether_the_connection_stays(
    node: NodeHandle, connection: str | None, expected: str | None
) -> None:
    (answer,) = await ask(node, version="1.0", connection=connection)
    assert answer.status_line == "HTTP/1.0 200 OK"
    assert answer.headers.get("Connection") == expected


async def read_answers(reader: asyncio.StreamReader, times: int) -> None:
    for _ in range(times):
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]))


async def test_a_client_that_does_not_read_is_waited_for() -> None:
    """Else its answers would fill the memory: these are 200 MB, of which sockets hold a few."""
    times, large, served = 200, bytes(1_000_000), {"/large": 0, "/small": 0}

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        served[request.path] += 1
        return json_answer(request, large if request.path == "/large" else b"{}")

    listener = Listener("127.0.0.1", 0)
    await listener.open(serve)
    host, port = listener.address.split(":")
    idle_reader, idle = await asyncio.open_connection(host, int(port))
    busy_reader, busy = await asyncio.open_connection(host, int(port))
    idle.write(b"GET /large HTTP/1.1\r\nHost: localnet\r\n\r\n" * times)
    for _ in range(times):
        busy.write(b"GET /small HTTP/1.1\r\nHost: localnet\r\n\r\n")
        await read_answers(busy_reader, 1)
    assert served["/small"] == times
    assert 0 < served["/large"] < times // 2
    await read_answers(idle_reader, times)
    assert served["/large"] == times
    idle.close()
    busy.close()
    await listener.end()
