"""`xdrFormat: json`: every method's XDR as JSON (SEP-51), under the names that a node gives it."""

import json
from typing import Any

import aiohttp
from stellar_sdk import Asset, InvokeHostFunction, xdr

from kale import calls
from kale.networks import LOCAL
from kale.storage import account_key, farm_instance_key
from localnet.rpc.xdr_json import XdrType
from tests.localnet.wallet import Wallet


async def both(wallet: Wallet, method: str, **params: Any) -> tuple[Any, Any]:
    """The same answer in base64 and in JSON."""
    results = []
    async with aiohttp.ClientSession() as session:
        for xdr_format in ("base64", "json"):
            request = {
                "jsonrpc": "2.0",
                "id": 1,
                "method": method,
                "params": {**params, "xdrFormat": xdr_format},
            }
            async with session.post(wallet.node.rpc_url, json=request) as response:
                results.append(json.loads(await response.text())["result"])
    return results[0], results[1]


def form(kind: type[XdrType], text: str) -> Any:
    decoded: Any = kind.from_xdr(text)  # type: ignore[attr-defined]
    return decoded.to_json_dict()


def without(answer: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in names}


async def test_a_transaction(farmer: Wallet) -> None:
    planted = await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    base64, as_json = await both(farmer, "getTransaction", hash=planted.response.transaction_hash)
    check_transaction(base64, as_json)
    ledger = farmer.node.chain.latest.sequence
    base64, as_json = await both(farmer, "getTransactions", startLedger=ledger)
    check_transaction(base64["transactions"][0], as_json["transactions"][0])


def check_transaction(base64: dict[str, Any], as_json: dict[str, Any]) -> None:
    kinds: list[tuple[str, type[XdrType]]] = [
        ("envelope", xdr.TransactionEnvelope),
        ("result", xdr.TransactionResult),
        ("resultMeta", xdr.TransactionMeta),
    ]
    for stem, kind in kinds:
        assert as_json[f"{stem}Json"] == form(kind, base64[f"{stem}Xdr"])
        assert f"{stem}Xdr" not in as_json
    events = [form(xdr.DiagnosticEvent, text) for text in base64["diagnosticEventsXdr"]]
    assert as_json["diagnosticEventsJson"] == events
    assert as_json["events"] == {
        "transactionEventsJson": [
            form(xdr.TransactionEvent, text) for text in base64["events"]["transactionEventsXdr"]
        ],
        "contractEventsJson": [
            [form(xdr.ContractEvent, text) for text in texts]
            for texts in base64["events"]["contractEventsXdr"]
        ],
    }
    assert {name.removesuffix("Json") for name in as_json} == {name.removesuffix("Xdr") for name in base64}


async def test_a_missing_transaction_has_nothing_to_convert(farmer: Wallet) -> None:
    base64, as_json = await both(farmer, "getTransaction", hash="00" * 32)
    assert base64 == as_json


async def test_ledgers_keep_the_names_of_the_base64_form_empty(farmer: Wallet) -> None:
    base64, as_json = await both(farmer, "getLedgers", startLedger=farmer.node.chain.latest.sequence)
    (encoded,), (converted,) = base64["ledgers"], as_json["ledgers"]
    assert converted == {
        **without(encoded, "headerXdr", "metadataXdr"),
        "headerXdr": "",
        "metadataXdr": "",
        "headerJson": form(xdr.LedgerHeaderHistoryEntry, encoded["headerXdr"]),
        "metadataJson": form(xdr.LedgerCloseMeta, encoded["metadataXdr"]),
    }


async def test_ledger_entries(farmer: Wallet) -> None:
    keys = [account_key(farmer.address).to_xdr(), farm_instance_key(LOCAL.farm_contract_id).to_xdr()]
    base64, as_json = await both(farmer, "getLedgerEntries", keys=keys)
    assert as_json["entries"] == [
        {
            **without(entry, "key", "xdr", "extXdr"),
            "keyJson": form(xdr.LedgerKey, entry["key"]),
            "dataJson": form(xdr.LedgerEntryData, entry["xdr"]),
            "extJson": "v0",
        }
        for entry in base64["entries"]
    ]


async def test_events(farmer: Wallet) -> None:
    base64, as_json = await both(farmer, "getEvents", startLedger=1)
    assert as_json["events"] == [
        {
            **without(event, "topic", "value"),
            "topicJson": [form(xdr.SCVal, topic) for topic in event["topic"]],
            "valueJson": form(xdr.SCVal, event["value"]),
        }
        for event in base64["events"]
    ]


async def test_a_refused_transaction(farmer: Wallet) -> None:
    builder = (await farmer.builder()).append_payment_op(farmer.address, Asset.native(), "1")
    unsigned = builder.build().to_xdr()
    base64, as_json = await both(farmer, "sendTransaction", transaction=unsigned)
    assert as_json == {
        **without(base64, "errorResultXdr"),
        "errorResultJson": form(xdr.TransactionResult, base64["errorResultXdr"]),
    }


async def simulated(farmer: Wallet, function: xdr.HostFunction) -> tuple[Any, Any]:
    envelope = (await farmer.builder()).append_operation(InvokeHostFunction(function)).build()
    return await both(farmer, "simulateTransaction", transaction=envelope.to_xdr())


async def test_a_simulation(farmer: Wallet) -> None:
    base64, as_json = await simulated(farmer, calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    (result,) = base64["results"]
    assert as_json == {
        "minResourceFee": base64["minResourceFee"],
        "latestLedger": base64["latestLedger"],
        "transactionDataJson": form(xdr.SorobanTransactionData, base64["transactionData"]),
        "eventsJson": [form(xdr.DiagnosticEvent, event) for event in base64["events"]],
        "results": [
            {
                "returnValueJson": form(xdr.SCVal, result["xdr"]),
                "authJson": [form(xdr.SorobanAuthorizationEntry, entry) for entry in result["auth"]],
            }
        ],
        "stateChanges": [converted_change(change) for change in base64["stateChanges"]],
    }


def converted_change(change: dict[str, Any]) -> dict[str, Any]:
    converted = {
        "type": change["type"],
        "keyJson": form(xdr.LedgerKey, change["key"]),
        "before": None,
        "after": None,
    }
    for name in ("before", "after"):
        if change[name] is not None:
            converted[f"{name}Json"] = form(xdr.LedgerEntry, change[name])
    return converted


async def test_a_failed_simulation(farmer: Wallet) -> None:
    base64, as_json = await simulated(farmer, calls.plant(LOCAL.farm_contract_id, farmer.address, -1))
    events = [form(xdr.DiagnosticEvent, event) for event in base64["events"]]
    assert as_json == {**without(base64, "events"), "eventsJson": events}
