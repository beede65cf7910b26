"""10,000 requests: whatever is asked, the answer is one that a node gives."""

import asyncio
import json
from random import Random

import aiohttp
from structlog.testing import capture_logs

from localnet.testing import NodeHandle
from tests.localnet.fuzz.envelopes import RandomEnvelopes
from tests.localnet.fuzz.requests import RandomRequests
from tests.localnet.fuzz.world import World, check_answer, int_or_text

SEED = 20_261_127
REQUESTS = 10_000
REQUESTS_OVER_HTTP = 500
BROKEN_CONNECTIONS = 50
LEDGERS = 20
STATUSES = (200, 204, 500)


def world_with_history(randomness: Random) -> World:
    world = World(randomness)
    envelopes = RandomEnvelopes(world, randomness)
    for _ in range(LEDGERS):
        for source in world.farmers[:8]:
            world.send(envelopes.make(source))
        world.close_ledger()
    return world


def test_no_request_breaks_the_node() -> None:
    print(f"seed {SEED}")
    randomness = Random(SEED)
    world = world_with_history(randomness)
    requests = RandomRequests(world, randomness)
    results = 0
    with capture_logs() as logs:
        for number in range(REQUESTS):
            answer = world.serve(requests.make())
            results += isinstance(answer, dict) and "result" in answer
            if number % 500 == 0:
                world.close_ledger()
    assert logs == []
    assert REQUESTS / 5 < results < REQUESTS
    world.check()


async def test_no_request_breaks_the_http_server(node: NodeHandle) -> None:
    print(f"seed {SEED}")
    randomness = Random(SEED)
    requests = RandomRequests(world_with_history(randomness), randomness)
    with capture_logs() as logs:
        async with aiohttp.ClientSession() as session:
            for _ in range(REQUESTS_OVER_HTTP):
                body = requests.make()
                headers = {"Content-Type": "application/json"}
                async with session.post(node.rpc_url, data=body, headers=headers) as response:
                    text = await response.text()
                assert response.status in STATUSES
                if response.status == 200:
                    decoded = json.loads(text, parse_int=int_or_text)
                    for answer in decoded if isinstance(decoded, list) else [decoded]:
                        check_answer(answer)
                elif response.status == 500:
                    assert text == "[-32700] invalid request value\n"
    assert logs == []


async def test_requests_that_end_too_early_leave_the_server_serving(node: NodeHandle) -> None:
    print(f"seed {SEED}")
    randomness = Random(SEED)
    host, port = node.rpc_url.removeprefix("http://").split(":")
    body = b'{"jsonrpc":"2.0","id":1,"method":"getHealth"}'
    head = f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    for _ in range(BROKEN_CONNECTIONS):
        length = len(body) + randomness.choice((0, 1, 1_000))
        sent = head.encode() + f"Content-Length: {length}\r\n\r\n".encode() + body
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent[: randomness.randrange(len(sent))])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    async with aiohttp.ClientSession() as session:
        headers = {"Content-Type": "application/json"}
        async with session.post(node.rpc_url, data=body, headers=headers) as response:
            assert (await response.json())["result"]["status"] == "healthy"
