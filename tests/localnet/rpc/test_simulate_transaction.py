"""Simulations that cannot be done or that fail: every refusal is a result."""

from typing import Any

import pytest
from stellar_sdk import Account, Asset, IdMemo, InvokeHostFunction, Keypair, TransactionBuilder, xdr

from kale import calls
from kale.networks import LOCAL
from localnet.genesis import FAUCET
from localnet.testing import NodeHandle
from tests.localnet.rpc.raw_client import RawClient
from tests.localnet.wallet import Wallet


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
