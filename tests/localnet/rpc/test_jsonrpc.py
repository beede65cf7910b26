"""The transport: HTTP statuses, JSON-RPC envelopes and their errors, and garbage."""

import base64
import json
import random
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from kale import calls
from kale.networks import LOCAL
from localnet.rpc.jsonrpc import Dispatcher
from localnet.testing import NodeHandle
from tests.localnet.rpc.raw_client import RawClient
from tests.localnet.wallet import Wallet


async def test_only_posted_json_is_served_on_any_path(node: NodeHandle, raw: RawClient) -> None:
    request = '{"jsonrpc":"2.0","id":1,"method":"getHealth"}'
    assert await raw.post(request, "text/plain") == (415, "content-type must be application/json\n")
    latin = "application/json; charset=latin-1"
    assert await raw.post(request, latin) == (415, "invalid content-type charset\n")
    assert (await raw.post(request, "application/json; charset=utf-8"))[0] == 200
    async with aiohttp.ClientSession() as session:
        async with session.get(node.rpc_url) as response:
            assert (response.status, await response.read()) == (405, b"")
        async with session.post(f"{node.rpc_url}/soroban/rpc", json=json.loads(request)) as response:
            assert (await response.json())["result"]["status"] == "healthy"


async def test_a_body_over_half_a_mebibyte_is_refused_in_plain_text(raw: RawClient) -> None:
    status, text = await raw.post(b"[" + b" " * 512 * 1024 + b"]")
    assert (status, text) == (500, "http: request body too large\n")


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[1,",
        "[" * 100_000,
        b"\xff",
        b"\xfe\xff\x00{\x00}",
        '{"jsonrpc":"2.0","id":NaN,"method":"getHealth"}',
        '{"jsonrpc":"2.0","id":-Infinity,"method":"getHealth"}',
        '{"jsonrpc":"2.0","id":1,"method":"getHealth"} {}',
        '{"jsonrpc":"2.0","id":01,"method":"getHealth"}',
    ],
)
async def test_what_is_no_json_is_refused_in_plain_text(raw: RawClient, body: str | bytes) -> None:
    assert await raw.post(body) == (500, "[-32700] invalid request value\n")


@pytest.mark.parametrize(
    "request_id", ['"text"', "7", '"0"', "1.50", "-0", "1e400", "9" * 30, "9" * 5000, '"\\ud800"']
)
async def test_the_id_is_echoed_as_it_came(raw: RawClient, request_id: str) -> None:
    _, text = await raw.post(f'{{"jsonrpc":"2.0","id":{request_id},"method":"getHealth","params":null}}')
    assert text.startswith(f'{{"jsonrpc":"2.0","id":{request_id},"result":')


async def test_of_equal_names_the_last_counts(raw: RawClient) -> None:
    answer = await raw.answer('{"jsonrpc":"2.0","id":1,"method":"nope","id":2,"method":"getHealth"}')
    assert (answer["id"], answer["result"]["status"]) == (2, "healthy")


async def test_batches_are_answered_and_notifications_are_not(raw: RawClient) -> None:
    one = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}
    notification = {"jsonrpc": "2.0", "method": "getHealth"}
    answers = await raw.answer(json.dumps([one, notification, 5, {**one, "id": 2}, {**one, "id": 1}]))
    assert [answer["id"] for answer in answers] == [None, 1, 2, 1]
    assert len(await raw.answer(json.dumps([one]))) == 1
    for unanswered in (notification, [notification], [], {**notification, "id": None, "method": "nope"}):
        assert await raw.post(json.dumps(unanswered)) == (204, "")


def error(code: int, message: str, data: object = None) -> dict[str, Any]:
    return {"code": code, "message": message} | ({} if data is None else {"data": data})


HEALTH = '"jsonrpc":"2.0","id":1,"method":"getHealth"'
#: Requests that are none, as jrpc2 1.3.3 answers them.
NO_REQUESTS: list[tuple[str, int | None, dict[str, Any]]] = [
    ("7", None, error(-32700, "request is not a JSON object")),
    ("null", None, error(-32600, "invalid version marker")),
    ("{}", None, error(-32600, "invalid version marker")),
    ('{"id":1,"method":"getHealth"}', 1, error(-32600, "invalid version marker")),
    ('{"JSONRPC":"2.0","id":1,"method":"getHealth"}', 1, error(-32600, "invalid version marker")),
    ('{"jsonrpc":"1.0","id":1,"method":"getHealth"}', 1, error(-32600, "invalid version marker")),
    ('{"jsonrpc":2,"id":1,"method":"getHealth"}', 1, error(-32700, "invalid version key")),
    ('{"jsonrpc":"2.0","id":{},"method":"getHealth"}', None, error(-32600, "invalid request ID")),
    ('{"jsonrpc":"2.0","id":true,"method":"getHealth"}', None, error(-32600, "invalid request ID")),
    ('{"jsonrpc":"2.0","id":1,"method":5}', 1, error(-32700, "invalid method name")),
    ('{"jsonrpc":"2.0","id":1,"method":""}', 1, error(-32600, "empty method name")),
    ('{"jsonrpc":"2.0","id":1}', 1, error(-32600, "empty method name")),
    (f'{{{HEALTH},"params":7}}', 1, error(-32600, "parameters must be array or object")),
    (f'{{{HEALTH},"error":1}}', 1, error(-32700, "invalid error value")),
    (f'{{{HEALTH},"error":{{}}}}', 1, error(-32600, "mixed request and reply fields")),
    (f'{{{HEALTH},"result":null}}', 1, error(-32600, "mixed request and reply fields")),
    (f'{{{HEALTH},"colour":1}}', 1, error(-32600, "extra fields in request", ["colour"])),
]
#: Methods that are not there.
NO_METHODS: list[tuple[str, int | None, dict[str, Any]]] = [
    (f'{{"jsonrpc":"2.0","id":1,"method":"{name}"}}', 1, error(-32601, "method not found", name))
    for name in ("getLedgerEntry", "rpc.discover", "rpc.serverInfo", "gethealth")
]


@pytest.mark.parametrize(("body", "request_id", "expected"), NO_REQUESTS + NO_METHODS)
async def test_what_cannot_be_served_is_an_error(
    raw: RawClient, body: str, request_id: int | None, expected: dict[str, Any]
) -> None:
    assert await raw.answer(body) == {"jsonrpc": "2.0", "id": request_id, "error": expected}


def test_a_method_that_breaks_is_an_internal_error_and_logged() -> None:
    def broken(_: object) -> dict[str, Any]:
        raise ZeroDivisionError("by the test")

    with capture_logs() as logs:
        answer = Dispatcher({"break": broken}).serve(b'{"jsonrpc":"2.0","id":1,"method":"break"}')
    assert answer is not None
    assert json.loads(answer)["error"] == error(-32603, "internal error")
    (logged,) = logs
    assert str(logged["exc_info"]) == "by the test"


async def test_unknown_and_null_parameters_are_as_good_as_absent(raw: RawClient) -> None:
    answer = await raw.call("getEvents", {"startLedger": 1, "endLedger": None, "colour": "green"})
    assert answer["result"]["events"] == []


# Garbage


async def test_damaged_envelopes_never_cause_an_internal_error(raw: RawClient, farmer: Wallet) -> None:
    """Bytes of a good envelope, changed and cut at random: refused, or queued where nothing was hit."""
    seed = 20_261_122
    print(f"seed {seed}")
    randomness = random.Random(seed)
    envelope = await farmer.prepared(calls.plant(LOCAL.farm_contract_id, farmer.address, 5))
    good = envelope.to_xdr_object().to_xdr_bytes()
    entries = len(farmer.node.chain.state)
    for _ in range(400):
        damaged = bytearray(good)
        for _ in range(randomness.randint(1, 4)):
            damaged[randomness.randrange(len(damaged))] = randomness.randrange(256)
        cut = bytes(damaged[: randomness.choice([len(damaged), randomness.randrange(len(damaged))])])
        for method in ("sendTransaction", "simulateTransaction"):
            answer = await raw.call(method, {"transaction": base64.b64encode(cut).decode()})
            assert answer.get("error", {}).get("code") in (None, -32602)
    assert len(farmer.node.chain.state) == entries


async def test_a_request_for_events_is_checked_before_the_ledger_range(raw: RawClient) -> None:
    too_many: list[Any] = [{}] * 6
    unstarted = await raw.call("getEvents", {"filters": too_many})
    assert unstarted["error"] == {"code": -32602, "message": "startLedger must be positive"}
    late = await raw.call("getEvents", {"startLedger": 99, "filters": too_many})
    assert late["error"] == {"code": -32602, "message": "maximum 5 filters per request"}
    late = await raw.call("getEvents", {"startLedger": 99})
    assert late["error"] == {
        "code": -32600,
        "message": "startLedger must be within the ledger range: 1 - 1",
    }
