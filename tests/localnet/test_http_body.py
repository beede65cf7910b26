"""How a request's body comes: with its headers, in pieces, or when the client is told to send it."""

import asyncio
import gzip
import json

import pytest

from localnet.http import MAX_BODY_BYTES
from localnet.testing import NodeHandle

_HEALTH = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "getHealth"}).encode()


def headers(node: NodeHandle, path: str, length: int, *more: str) -> bytes:
    host = node.rpc_url.removeprefix("http://")
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Connection: close",
        *more,
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


async def answered(node: NodeHandle, *parts: bytes) -> tuple[bytes, bytes]:
    """Sends the parts one by one, after the first each when something has come; first answer and rest."""
    host, port = node.rpc_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(parts[0])
    first = b""
    for part in parts[1:]:
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(part)
    rest = await reader.read()
    writer.close()
    await writer.wait_closed()
    return first, rest


@pytest.mark.parametrize("path", ["/", "/any/other", "/friendbots"])
async def test_a_body_comes_with_its_headers(node: NodeHandle, path: str) -> None:
    _, answer = await answered(node, headers(node, path, len(_HEALTH)) + _HEALTH)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["result"]["status"] == "healthy"


@pytest.mark.parametrize("body", [gzip.compress(_HEALTH, mtime=0), b"no gzip at all"], ids=["gzip", "none"])
async def test_a_compressed_body_is_taken_as_it_is(node: NodeHandle, body: bytes) -> None:
    asking = headers(node, "/", len(body), "Content-Encoding: gzip")
    _, answer = await answered(node, asking + body)
    _, as_it_is = await answered(node, headers(node, "/", len(body)) + body)
    assert answer.partition(b"\r\n\r\n")[2] == as_it_is.partition(b"\r\n\r\n")[2] != b""
    assert answer.startswith(b"HTTP/1.1 500 ")


async def test_a_client_that_wants_to_be_asked_for_its_body_is_asked(node: NodeHandle) -> None:
    asking = headers(node, "/", len(_HEALTH), "Expect: 100-continue")
    first, answer = await answered(node, asking, _HEALTH)
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_so_is_one_of_the_friendbot(node: NodeHandle) -> None:
    form = b"addr=nobody"
    asking = headers(node, "/friendbot", len(form), "Expect: 100-continue")
    first, answer = await answered(node, asking, form)
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_other_expectations_fail(node: NodeHandle) -> None:
    _, answer = await answered(node, headers(node, "/", len(_HEALTH), "Expect: nothing") + _HEALTH)
    assert answer.startswith(b"HTTP/1.1 417 Expectation Failed\r\n")


@pytest.mark.parametrize(("surplus", "status"), [(0, 200), (1, 500)])
async def test_a_long_body_may_have_so_many_bytes(node: NodeHandle, surplus: int, status: int) -> None:
    """It comes in pieces: no single read takes so much."""
    body = _HEALTH + b" " * (MAX_BODY_BYTES + surplus - len(_HEALTH))
    _, answer = await answered(node, headers(node, "/", len(body)) + body)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
