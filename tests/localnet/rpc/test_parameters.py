"""Parameters of wrong types and values, and what Go's decoder and stellar-rpc's checks say of them.

The texts were taken from encoding/json (Go 1.26), jrpc2 1.3.3 and go-stellar-sdk 0.7.3 themselves.
"""

import json
from typing import Any

import pytest

from kale.networks import LOCAL
from localnet.chain.chain import new_chain
from localnet.chain.chain_view import ChainView
from localnet.network_settings import MAINNET_SETTINGS
from localnet.rpc.jsonrpc import Dispatcher
from localnet.rpc.methods import rpc_methods

CANNOT = "json: cannot unmarshal "


@pytest.fixture(scope="module")
def dispatcher() -> Dispatcher:
    """A node whose ledgers are 3 to 6."""
    chain = new_chain(LOCAL, MAINNET_SETTINGS, 1_700_000_000, 4)
    for _ in range(5):
        chain.close_ledger()
    return Dispatcher(rpc_methods(ChainView(chain), "http://friendbot"))


def call(dispatcher: Dispatcher, method: str, params: str) -> Any:
    body = f'{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}'
    answer = dispatcher.serve(body.encode())
    assert answer is not None
    return json.loads(answer)


#: Method, parameters, and what `data` says.
WRONG_TYPES = [
    ("getHealth", "[]", CANNOT + "array into Go value of type protocol.GetHealthRequest"),
    ("getNetwork", "[1]", CANNOT + "array into Go value of type protocol.GetNetworkRequest"),
    ("getVersionInfo", "[]", CANNOT + "array into Go value of type protocol.GetVersionInfoRequest"),
    ("getLatestLedger", "[]", CANNOT + "array into Go value of type protocol.GetLatestLedgerRequest"),
    ("getFeeStats", "[]", CANNOT + "array into Go value of type protocol.GetFeeStatsRequest"),
    ("getEvents", "[1]", CANNOT + "array into Go value of type protocol.GetEventsRequest"),
    ("getLedgers", '["00"]', CANNOT + "array into Go value of type protocol.GetLedgersRequest"),
    ("getTransaction", '["00"]', CANNOT + "array into Go value of type protocol.GetTransactionRequest"),
    ("getTransactions", "[]", "[-32602] got 0 parameters, want 3"),
    ("getTransactions", '["00"]', "[-32602] got 1 parameters, want 3"),
    (
        "getTransactions",
        "[4,2,3]",
        CANNOT + "number into Go struct field GetTransactionsRequest.pagination of type "
        "protocol.LedgerPaginationOptions",
    ),
    (
        "getTransactions",
        '{"pagination":{"cursor":7}}',
        CANNOT + "number into Go struct field LedgerPaginationOptions.pagination.cursor of type string",
    ),
    *(
        (
            "getEvents",
            f'{{"startLedger":{text}}}',
            f"{CANNOT}{kind} into Go struct field GetEventsRequest.startLedger of type uint32",
        )
        for text, kind in [
            ('"1"', "string"),
            ("-1", "number -1"),
            ("1.5", "number 1.5"),
            ("1e1", "number 1e1"),
            ("4294967296", "number 4294967296"),
            ("9" * 5000, "number " + "9" * 5000),
            ("true", "bool"),
            ("{}", "object"),
            ("[]", "array"),
        ]
    ),
    (
        "getEvents",
        '{"startLedger":5,"filters":7}',
        CANNOT + "number into Go struct field GetEventsRequest.filters of type []protocol.EventFilter",
    ),
    (
        "getEvents",
        '{"startLedger":5,"filters":[7]}',
        CANNOT + "number into Go struct field GetEventsRequest.filters of type protocol.EventFilter",
    ),
    (
        "getEvents",
        '{"startLedger":5,"filters":[{"type":7}]}',
        CANNOT + "number into Go struct field EventFilter.filters.type of type string",
    ),
    (
        "getEvents",
        '{"startLedger":5,"filters":[{"contractIds":7}]}',
        CANNOT + "number into Go struct field EventFilter.filters.contractIds of type []string",
    ),
    (
        "getEvents",
        '{"startLedger":5,"filters":[{"contractIds":[7]}]}',
        CANNOT + "number into Go struct field EventFilter.filters.contractIds of type string",
    ),
    (
        "getEvents",
        '{"startLedger":5,"filters":[{"topics":7}]}',
        CANNOT + "number into Go struct field EventFilter.filters.topics of type []protocol.TopicFilter",
    ),
    (
        "getEvents",
        '{"startLedger":5,"filters":[{"topics":[7]}]}',
        CANNOT + "number into Go struct field EventFilter.filters.topics of type protocol.TopicFilter",
    ),
    (
        "getEvents",
        '{"startLedger":5,"filters":[{"topics":[[7]]}]}',
        CANNOT + "number into Go struct field EventFilter.filters.topics of type string",
    ),
    ("getEvents", '{"pagination":{"cursor":"x"}}', "invalid event id x"),
    ("getEvents", '{"pagination":{"cursor":""}}', "invalid event id "),
    (
        "getEvents",
        '{"pagination":{"cursor":"1-x"}}',
        'invalid event id 1-x: strconv.ParseUint: parsing "x": invalid syntax',
    ),
    (
        "getEvents",
        '{"pagination":{"cursor":"x-1"}}',
        'invalid event id x-1: strconv.ParseInt: parsing "x": invalid syntax',
    ),
    (
        "getEvents",
        '{"pagination":{"cursor":"-5-1"}}',
        'invalid event id -5-1: strconv.ParseInt: parsing "": invalid syntax',
    ),
    (
        "getEvents",
        '{"pagination":{"cursor":"99999999999999999999-1"}}',
        'invalid event id 99999999999999999999-1: strconv.ParseInt: parsing "99999999999999999999": '
        "value out of range",
    ),
    (
        "getEvents",
        '{"pagination":{"cursor":7}}',
        CANNOT + "number into Go struct field PaginationOptions.pagination.cursor of type string",
    ),
    (
        "getEvents",
        '{"pagination":{"limit":18446744073709551616},"startLedger":5}',
        CANNOT + "number 18446744073709551616 into Go struct field PaginationOptions.pagination.limit of "
        "type uint",
    ),
    (
        "getEvents",
        '{"pagination":"a","startLedger":5}',
        CANNOT + "string into Go struct field GetEventsRequest.pagination of type protocol.PaginationOptions",
    ),
    (
        "getEvents",
        '{"startLedger":"a","filters":7,"xdrFormat":7}',
        CANNOT + "string into Go struct field GetEventsRequest.startLedger of type uint32",
    ),
    ("getEvents", '{"startLedger":"a","pagination":{"cursor":"x"}}', "invalid event id x"),
    (
        "getLedgerEntries",
        '{"keys":"a"}',
        CANNOT + "string into Go struct field GetLedgerEntriesRequest.keys of type []string",
    ),
    (
        "getLedgerEntries",
        '{"keys":["a",7,true]}',
        CANNOT + "number into Go struct field GetLedgerEntriesRequest.keys of type string",
    ),
    (
        "sendTransaction",
        '{"transaction":{"a":[1,2,3]}}',
        CANNOT + "object into Go struct field SendTransactionRequest.transaction of type string",
    ),
    (
        "simulateTransaction",
        '{"transaction":"a","resourceConfig":7}',
        CANNOT + "number into Go struct field SimulateTransactionRequest.resourceConfig of type "
        "protocol.ResourceConfig",
    ),
    (
        "simulateTransaction",
        '{"transaction":"a","resourceConfig":{"instructionLeeway":-1}}',
        CANNOT + "number -1 into Go struct field ResourceConfig.resourceConfig.instructionLeeway of type "
        "uint64",
    ),
    (
        "simulateTransaction",
        '{"transaction":"a","useUpgradedAuth":"yes"}',
        CANNOT + "string into Go struct field SimulateTransactionRequest.useUpgradedAuth of type bool",
    ),
]


@pytest.mark.parametrize(("method", "params", "data"), WRONG_TYPES)
def test_a_wrong_type_is_refused_in_gos_words(
    dispatcher: Dispatcher, method: str, params: str, data: str
) -> None:
    error = {"code": -32602, "message": "invalid parameters", "data": data}
    assert call(dispatcher, method, params)["error"] == error


FORMAT = "got 'xml': expected base64, json for optional 'xdrFormat'"
START = "must be between the oldest ledger: 3 and the latest ledger: 6 for this rpc instance"
EVENT_FILTERS = [
    ('{"type":"contract,"}', "filter type invalid: if set, type must be either 'system' or 'contract'"),
    ('{"type":"diagnostic"}', "filter type invalid: if set, type must be either 'system' or 'contract'"),
    ('{"contractIds":["a","a","a","a","a","a"]}', "maximum 5 contract IDs per filter"),
    ('{"contractIds":["a"]}', "contract ID 1 invalid"),
    ('{"topics":[["*"],["*"],["*"],["*"],["*"],["*"]]}', "maximum 5 topics per filter"),
    ('{"topics":[[]]}', "topic 1 invalid: topic must have at least 1 segment"),
    ('{"topics":[null]}', "topic 1 invalid: topic must have at least 1 segment"),
    (
        '{"topics":[["*","**","*"]]}',
        "topic 1 invalid: segment 2 invalid: wildcard '**' is only allowed as the last segment",
    ),
    ('{"topics":[["*","*","*","*","*"]]}', "topic 1 invalid: topic cannot have more than 4 segments"),
]
NO_KEY = "AAAAAA=="
REFUSALS = [
    ("getTransaction", '{"xdrFormat":"xml","hash":"ab"}', -32602, FORMAT),
    ("getTransaction", "null", -32602, "unexpected hash length (0)"),
    ("getTransaction", '{"hash":"ab"}', -32602, "unexpected hash length (2)"),
    (
        "getTransaction",
        f'{{"hash":"{"zz" * 32}"}}',
        -32602,
        "incorrect hash: encoding/hex: invalid byte: U+007A 'z'",
    ),
    ("getTransactions", '{"startLedger":2}', -32600, f"start ledger (2) {START}"),
    ("getTransactions", "null", -32600, f"start ledger (0) {START}"),
    ("getTransactions", '[7,{"limit":1},"base64"]', -32600, f"start ledger (7) {START}"),
    (
        "getTransactions",
        '{"startLedger":4,"pagination":{"cursor":"1"}}',
        -32600,
        "startLedger (4) and cursor (1) cannot both be set",
    ),
    (
        "getTransactions",
        '{"startLedger":4,"pagination":{"limit":201},"xdrFormat":"xml"}',
        -32600,
        f"limit must not exceed 200\n{FORMAT}",
    ),
    (
        "getTransactions",
        '{"pagination":{"cursor":"x"}}',
        -32602,
        'strconv.ParseInt: parsing "x": invalid syntax',
    ),
    (
        "getTransactions",
        '{"pagination":{"cursor":"9223372036854775808"}}',
        -32602,
        'strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ),
    (
        "getTransactions",
        '{"pagination":{"cursor":"-1"}}',
        -32602,
        "cursor ledger sequence cannot be negative",
    ),
    (
        "getTransactions",
        '{"pagination":{"cursor":"1"}}',
        -32602,
        "database does not contain metadata for ledger: 0",
    ),
    ("getLedgers", '{"startLedger":7}', -32600, f"start ledger (7) {START}"),
    ("getLedgers", '{"startLedger":4,"xdrFormat":"xml"}', -32600, FORMAT),
    ("getLedgers", '{"pagination":{"cursor":"1"}}', -32602, f"cursor ('1') {START}"),
    ("getLedgers", '{"pagination":{"cursor":"6"}}', -32602, f"cursor ('6') {START}"),
    (
        "getLedgers",
        '{"pagination":{"cursor":"+3"}}',
        -32602,
        'strconv.ParseUint: parsing "+3": invalid syntax',
    ),
    ("getEvents", "null", -32602, "startLedger must be positive"),
    ("getEvents", '{"startLedger":5,"xdrFormat":"xml"}', -32602, FORMAT),
    (
        "getEvents",
        '{"startLedger":9,"pagination":{"cursor":"1-1"}}',
        -32602,
        "ledger ranges and cursor cannot both be set",
    ),
    (
        "getEvents",
        '{"endLedger":9,"pagination":{"cursor":"1-1"}}',
        -32602,
        "ledger ranges and cursor cannot both be set",
    ),
    ("getEvents", '{"startLedger":9,"pagination":{"limit":10001}}', -32602, "limit must not exceed 10000"),
    ("getEvents", '{"startLedger":9}', -32600, "startLedger must be within the ledger range: 3 - 6"),
    (
        "getEvents",
        '{"pagination":{"cursor":"5-1"}}',
        -32600,
        "startLedger must be within the ledger range: 3 - 6",
    ),
    (
        "getEvents",
        '{"startLedger":9,"filters":[{},{},{},{},{},{}]}',
        -32602,
        "maximum 5 filters per request",
    ),
    *(
        ("getEvents", f'{{"startLedger":9,"filters":[{{}},{given}]}}', -32602, f"filter 2 invalid: {message}")
        for given, message in EVENT_FILTERS
    ),
    ("getLedgerEntries", '{"xdrFormat":"xml"}', -32602, FORMAT),
    (
        "getLedgerEntries",
        json.dumps({"keys": ["a"] * 201}),
        -32602,
        "key count (201) exceeds maximum supported (200)",
    ),
    (
        "getLedgerEntries",
        f'{{"keys":["{NO_KEY}"]}}',
        -32602,
        f"cannot unmarshal key value {NO_KEY} at index 0",
    ),
    ("getLedgerEntries", '{"keys":[null]}', -32602, "cannot unmarshal key value  at index 0"),
    ("sendTransaction", "{}", -32602, "invalid_xdr"),
    ("sendTransaction", '{"transaction":"%"}', -32602, "invalid_xdr"),
    ("sendTransaction", '{"transaction":"AAAA"}', -32602, "invalid_xdr"),
    ("sendTransaction", '{"xdrFormat":"xml"}', -32602, FORMAT),
]


@pytest.mark.parametrize(("method", "params", "code", "message"), REFUSALS)
def test_a_wrong_value_is_refused_as_a_node_does(
    dispatcher: Dispatcher, method: str, params: str, code: int, message: str
) -> None:
    assert call(dispatcher, method, params)["error"] == {"code": code, "message": message}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("getHealth", '{"colour":"green"}'),
        ("getLatestLedger", '{"xdrFormat":"xml"}'),
        ("getEvents", '{"STARTLEDGER":5,"endLedger":null,"pagination":null}'),
        ("getEvents", '{"startLedger":5,"filters":[null,{"type":null},{"type":""}]}'),
        ("getEvents", '{"startLedger":5,"filters":[{"topics":[["*","*","*","*","**"],["**"]]}]}'),
        ("getEvents", '{"startLedger":5,"filters":[{"topics":[["AAAA\\nAQ=="]]}]}'),
        ("getEvents", '{"pagination":{"cursor":"+21474836480-1","limit":0}}'),
        ("getTransaction", f'{{"hash":"{"Ab" * 32}","colour":1}}'),
        ("getTransactions", '[4,{"limit":1},"base64"]'),
        ("getTransactions", '{"startLedger":4,"pagination":{}}'),
        ("getLedgers", '{"pagination":{"cursor":"2","limit":200}}'),
    ],
)
def test_what_a_node_lets_pass_passes(dispatcher: Dispatcher, method: str, params: str) -> None:
    assert "result" in call(dispatcher, method, params)
