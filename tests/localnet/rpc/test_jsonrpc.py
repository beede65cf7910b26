"""The transport: HTTP statuses, JSON-RPC envelopes and errors, and the JSON types of every field."""

import base64
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from stellar_sdk import Account, Asset, IdMemo, InvokeHostFunction, Keypair, TransactionBuilder, xdr
from structlog.testing import capture_logs

from kale import calls
from kale.networks import LOCAL
from localnet.genesis import FAUCET
from localnet.rpc.jsonrpc import Dispatcher
from localnet.testing import NodeHandle
from tests.localnet.wallet import Wallet


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


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


@pytest.fixture
def raw(http: aiohttp.ClientSession, node: NodeHandle) -> RawClient:
    return RawClient(http, node.rpc_url)


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


# JSON types: a client of another language reads them as they are.

TEXT, NUMBER = str, int
NODE_TYPES: dict[str, dict[str, type]] = {
    "getHealth": {
        "status": TEXT,
        "latestLedger": NUMBER,
        "latestLedgerCloseTime": TEXT,
        "oldestLedger": NUMBER,
        "oldestLedgerCloseTime": TEXT,
        "ledgerRetentionWindow": NUMBER,
    },
    "getNetwork": {"passphrase": TEXT, "protocolVersion": NUMBER, "friendbotUrl": TEXT},
    "getVersionInfo": {
        "version": TEXT,
        "commitHash": TEXT,
        "buildTimestamp": TEXT,
        "captiveCoreVersion": TEXT,
        "protocolVersion": NUMBER,
    },
    "getLatestLedger": {
        "id": TEXT,
        "protocolVersion": NUMBER,
        "sequence": NUMBER,
        "closeTime": TEXT,
        "headerXdr": TEXT,
        "metadataXdr": TEXT,
    },
    "getFeeStats": {"sorobanInclusionFee": dict, "inclusionFee": dict, "latestLedger": NUMBER},
}


@pytest.mark.parametrize("method", NODE_TYPES)
async def test_the_nodes_own_answers_have_a_real_nodes_fields(raw: RawClient, method: str) -> None:
    result = (await raw.call(method))["result"]
    assert {name: type(value) for name, value in result.items()} == NODE_TYPES[method]


NOT_FOUND_TYPES: dict[str, type] = {
    "status": TEXT,
    "txHash": TEXT,
    "latestLedger": NUMBER,
    "latestLedgerCloseTime": TEXT,
    "oldestLedger": NUMBER,
    "oldestLedgerCloseTime": TEXT,
    "applicationOrder": NUMBER,
    "feeBump": bool,
    "ledger": NUMBER,
    "createdAt": TEXT,
    "events": dict,
}
FOUND_TYPES = NOT_FOUND_TYPES | {"envelopeXdr": TEXT, "resultXdr": TEXT, "resultMetaXdr": TEXT}


def types_of(result: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in result.items()}


async def test_transactions_have_a_real_nodes_fields(raw: RawClient, farmer: Wallet) -> None:
    """createdAt is text for one transaction and a number in a list."""
    missing = (await raw.call("getTransaction", {"hash": "00" * 32}))["result"]
    assert types_of(missing) == NOT_FOUND_TYPES
    assert missing["events"] == {}
    builder = (await farmer.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "1")
    envelope = farmer.signed(builder)
    sent = (await raw.call("sendTransaction", {"transaction": envelope.to_xdr()}))["result"]
    assert types_of(sent) == {
        "status": TEXT,
        "hash": TEXT,
        "latestLedger": NUMBER,
        "latestLedgerCloseTime": TEXT,
    }
    farmer.node.close_ledgers()
    found = (await raw.call("getTransaction", {"hash": sent["hash"]}))["result"]
    assert types_of(found) == FOUND_TYPES
    (listed,) = (await raw.call("getTransactions", {"startLedger": farmer.node.chain.latest.sequence}))[
        "result"
    ]["transactions"]
    assert type(listed["createdAt"]) is int
    assert listed["txHash"] == sent["hash"]


async def test_a_classic_transaction_has_a_list_of_events_for_each_operation(
    raw: RawClient, farmer: Wallet
) -> None:
    """Without diagnostic events, whose field is absent; the hash comes as it was asked for."""
    builder = (await farmer.builder()).append_manage_data_op("name", b"value")
    builder.append_payment_op(FAUCET.public_key, Asset.native(), "1")
    outcome = await farmer.apply(builder)
    asked = outcome.response.transaction_hash.upper()
    found = (await raw.call("getTransaction", {"hash": asked}))["result"]
    assert found["txHash"] == asked
    assert [len(events) for events in found["events"]["contractEventsXdr"]] == [0, 1]
    assert len(found["events"]["transactionEventsXdr"]) == 1
    assert "diagnosticEventsXdr" not in found


async def test_a_failed_transaction_has_events_of_its_fee_only(raw: RawClient, farmer: Wallet) -> None:
    builder = (await farmer.builder()).append_payment_op(FAUCET.public_key, Asset.native(), "100000")
    outcome = await farmer.apply(builder)
    asked = {"hash": outcome.response.transaction_hash}
    found = (await raw.call("getTransaction", asked))["result"]
    assert found["status"] == "FAILED"
    assert list(found["events"]) == ["transactionEventsXdr"]
    ledger = {"startLedger": farmer.node.chain.latest.sequence}
    (event,) = (await raw.call("getEvents", ledger))["result"]["events"]
    assert event["id"] == f"{ledger['startLedger'] << 32:019d}-0000000000"
    assert (event["transactionIndex"], event["operationIndex"]) == (0, 0)
    assert event["inSuccessfulContractCall"] is False


async def test_a_refund_is_an_event_after_all_transactions(raw: RawClient, farmer: Wallet) -> None:
    outcome = await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    found = (await raw.call("getTransaction", {"hash": outcome.response.transaction_hash}))["result"]
    assert len(found["events"]["transactionEventsXdr"]) == 2
    assert found["diagnosticEventsXdr"]
    ledger = farmer.node.chain.latest.sequence
    events = (await raw.call("getEvents", {"startLedger": ledger}))["result"]["events"]
    refunds = (ledger << 32) + (1_048_575 << 12)
    assert [event["id"] for event in events] == [
        f"{ledger << 32:019d}-0000000000",
        f"{(ledger << 32) + (1 << 12):019d}-0000000000",
        f"{refunds:019d}-0000000000",
    ]


async def test_events_have_a_real_nodes_fields(raw: RawClient, farmer: Wallet) -> None:
    result = (await raw.call("getEvents", {"startLedger": 1}))["result"]
    assert types_of(result) == {
        "events": list,
        "cursor": TEXT,
        "latestLedger": NUMBER,
        "oldestLedger": NUMBER,
        "latestLedgerCloseTime": TEXT,
        "oldestLedgerCloseTime": TEXT,
    }
    assert types_of(result["events"][0]) == {
        "type": TEXT,
        "ledger": NUMBER,
        "ledgerClosedAt": TEXT,
        "contractId": TEXT,
        "id": TEXT,
        "operationIndex": NUMBER,
        "transactionIndex": NUMBER,
        "txHash": TEXT,
        "topic": list,
        "value": TEXT,
        "inSuccessfulContractCall": bool,
    }
    assert result["events"][0]["ledgerClosedAt"] == "2023-11-14T22:13:25Z"


# Simulations: every refusal is a result.


def simulated_call(function: xdr.HostFunction | None = None) -> TransactionBuilder:
    source = Account(Keypair.random().public_key, 0)
    builder = TransactionBuilder(source, LOCAL.passphrase).add_time_bounds(0, 0)
    function = function or calls.plant(LOCAL.farm_contract_id, FAUCET.public_key, 0)
    return builder.append_operation(InvokeHostFunction(function))


def text_of(builder: TransactionBuilder) -> str:
    return builder.build().to_xdr()


def payment() -> TransactionBuilder:
    builder = TransactionBuilder(Account(FAUCET.public_key, 0), LOCAL.passphrase).add_time_bounds(0, 0)
    return builder.append_payment_op(FAUCET.public_key, Asset.native(), "1")


NO_CONTRACT = "CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD2KM"


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"transaction": "AAAA"}, "Could not unmarshal transaction"),
        ({}, "Could not unmarshal transaction"),
        (
            {"transaction": text_of(simulated_call().append_bump_sequence_op(1))},
            "Transaction contains more than one operation",
        ),
        (
            {"transaction": text_of(simulated_call().add_memo(IdMemo(1)))},
            "Transaction contains a memo. Soroban transactions do not support memos.",
        ),
        (
            {"transaction": text_of(payment())},
            "transaction contains unsupported operation type: OperationTypePayment",
        ),
        (
            {"transaction": text_of(simulated_call()), "xdrFormat": "xml"},
            "got 'xml': expected base64, json for optional 'xdrFormat'",
        ),
        (
            {"transaction": text_of(simulated_call()), "authMode": "guess"},
            "optional 'authMode' must be one of enforce,record,record_allow_nonroot when included",
        ),
    ],
)
async def test_a_simulation_that_cannot_be_done_is_a_result_with_an_error(
    raw: RawClient, params: dict[str, Any], error: str
) -> None:
    result = (await raw.call("simulateTransaction", params))["result"]
    assert result == {"error": error, "latestLedger": 0}


@pytest.mark.parametrize("mode", ["record", "record_allow_nonroot"])
async def test_authorisation_that_is_there_is_not_recorded(raw: RawClient, farmer: Wallet, mode: str) -> None:
    prepared = await farmer.prepared(calls.plant(LOCAL.farm_contract_id, farmer.address, 1))
    params = {"transaction": prepared.to_xdr(), "authMode": mode}
    result = (await raw.call("simulateTransaction", params))["result"]
    error = f"cannot set authMode to '{mode}' with an auth footprint"
    assert result == {"error": error, "latestLedger": 0}


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (calls.invocation(NO_CONTRACT, "plant", []), "HostError: Error(Storage, MissingValue)"),
        (
            calls.invocation(LOCAL.farm_contract_id, "sow", []),
            "HostError: Error(WasmVm, MissingValue)",
        ),
        (
            calls.plant(LOCAL.farm_contract_id, FAUCET.public_key, -1),
            "HostError: Error(Contract, #6)",
        ),
    ],
)
async def test_a_call_that_fails_in_simulation_gives_the_hosts_error(
    raw: RawClient, node: NodeHandle, function: xdr.HostFunction, error: str
) -> None:
    result = (await raw.call("simulateTransaction", {"transaction": text_of(simulated_call(function))}))[
        "result"
    ]
    assert result["error"].startswith(error)
    assert set(result) <= {"error", "events", "latestLedger"}
    assert result["latestLedger"] == node.chain.latest.sequence


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
