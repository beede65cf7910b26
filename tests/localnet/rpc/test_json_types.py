"""The fields of every answer and their JSON types: a client of another language reads them as they are."""

from typing import Any

import pytest
from stellar_sdk import Asset

from kale import calls
from kale.networks import LOCAL
from localnet.genesis import FAUCET
from tests.localnet.rpc.raw_client import RawClient
from tests.localnet.wallet import Wallet

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
