"""simulateTransaction: recording, enforcing, and every way to fail."""

from typing import Any

from stellar_sdk import Keypair, TransactionBuilder, scval, xdr
from stellar_sdk.account import Account
from stellar_sdk.base_soroban_server import ResourceLeeway
from stellar_sdk.soroban_rpc import AuthMode, SimulateTransactionResponse

from tests.conformance.python_client.kale import (
    authorised,
    farm_call,
)
from tests.conformance.python_client.network import LocalNetwork
from tests.conformance.python_client.results import plain

NOWHERE = "CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD2KM"


def credentials(simulated: SimulateTransactionResponse) -> list[xdr.SorobanCredentials]:
    assert simulated.results is not None
    return [
        xdr.SorobanAuthorizationEntry.from_xdr(entry).credentials for entry in simulated.results[0].auth or []
    ]


def arm(given: xdr.SorobanCredentials) -> str:
    return given.type.name.removeprefix("SOROBAN_CREDENTIALS_")


async def asset_call(network: LocalNetwork, function: str, *args: xdr.SCVal) -> TransactionBuilder:
    builder = await network.builder(network.farmer)
    return builder.append_invoke_contract_function_op(network.asset_contract, function, list(args))


async def recorded(network: LocalNetwork) -> None:
    transfer = await asset_call(
        network,
        "transfer",
        scval.to_address(network.farmer.public_key),
        scval.to_address(network.bound_farmer.public_key),
        scval.to_int128(1),
    )
    simulated = await network.server.simulate_transaction(transfer.build())
    assert simulated.transaction_data is not None
    assert simulated.results is not None
    data = xdr.SorobanTransactionData.from_xdr(simulated.transaction_data)
    footprint = data.resources.footprint
    network.report(
        "simulate-source",
        {
            "auth": [arm(given) for given in credentials(simulated)],
            "minResourceFee": simulated.min_resource_fee,
            "feeAgrees": data.resource_fee.int64 == simulated.min_resource_fee,
            "readOnly": [key.type.name for key in footprint.read_only],
            "readWrite": [key.type.name for key in footprint.read_write],
            "stateChanges": [change.type for change in simulated.state_changes or []],
            "returnValue": plain(xdr.SCVal.from_xdr(simulated.results[0].xdr)),
            "events": [_diagnostic_name(event) for event in simulated.events or []],
            "latestLedger": simulated.latest_ledger,
        },
    )


def _diagnostic_name(text: str) -> str:
    event = xdr.DiagnosticEvent.from_xdr(text).event
    assert event.body.v0 is not None
    return scval.from_symbol(event.body.v0.topics[0])


async def recorded_for_another(network: LocalNetwork) -> None:
    for case, upgraded in (("simulate-address-bound", True), ("simulate-legacy", False)):
        calling = await burn_for_another(network)
        simulated = await network.server.simulate_transaction(calling.build(), use_upgraded_auth=upgraded)
        (given,) = credentials(simulated)
        inner = given.address_v2 if upgraded else given.address
        assert inner is not None
        network.report(
            case,
            {
                "auth": arm(given),
                "expiration": inner.signature_expiration_ledger.uint32,
                "signature": inner.signature.type.name,
                "hasNonce": inner.nonce.int64 != 0,
            },
        )


async def burn_for_another(network: LocalNetwork, *auth: xdr.SorobanAuthorizationEntry) -> TransactionBuilder:
    """The carrier burns a stroop of the farmer's."""
    builder = await network.builder(network.carrier)
    arguments = [scval.to_address(network.farmer.public_key), scval.to_int128(1)]
    return builder.append_invoke_contract_function_op(network.asset_contract, "burn", arguments, list(auth))


async def enforced(network: LocalNetwork) -> None:
    unsigned = await burn_for_another(network)
    entry = await authorised(network, unsigned, network.farmer)
    calling = (await burn_for_another(network, entry)).build()
    simulated = await network.server.simulate_transaction(calling)
    assert simulated.results is not None
    network.report("simulate-enforce", {"unchanged": simulated.results[0].auth == [entry.to_xdr()]})
    empty = (await burn_for_another(network)).build()
    refused = await network.server.simulate_transaction(empty, auth_mode=AuthMode.ENFORCE)
    network.report("simulate-enforce-nothing", failure(refused))
    recording = await network.server.simulate_transaction(calling, auth_mode=AuthMode.RECORD)
    network.report("simulate-record-with-entries", failure(recording))
    nested = await network.server.simulate_transaction(empty, auth_mode=AuthMode.RECORD_ALL_NOROOT)
    network.report("simulate-record-nonroot", {"auth": [arm(given) for given in credentials(nested)]})


def failure(simulated: SimulateTransactionResponse) -> dict[str, Any]:
    """The first line of the error, and what comes with it."""
    return {
        "error": (simulated.error or "no error").splitlines()[0],
        "hasEvents": bool(simulated.events),
        "hasTransactionData": simulated.transaction_data is not None,
        "latestLedger": simulated.latest_ledger,
    }


async def failing_calls(network: LocalNetwork) -> None:
    address = scval.to_address(network.farmer.public_key)
    poor = await asset_call(network, "burn", address, scval.to_int128(10**17))
    nowhere = (await network.builder(network.farmer)).append_invoke_contract_function_op(NOWHERE, "f", [])
    for case, calling in (
        ("simulate-contract-error", poor),
        ("simulate-missing-contract", nowhere),
        ("simulate-missing-function", await farm_call(network, network.farmer, "sow", [])),
    ):
        network.report(case, failure(await network.server.simulate_transaction(calling.build())))


async def unfit_transactions(network: LocalNetwork) -> None:
    farmer = network.farmer
    balance = ("balance", scval.to_address(farmer.public_key))
    noted = (await asset_call(network, *balance)).add_text_memo("kale")
    two = await asset_call(network, *balance)
    for case, builder in (
        ("simulate-memo", noted),
        ("simulate-classic", await network.payment(farmer)),
        ("simulate-two-operations", two.append_operation(two.operations[0])),
    ):
        network.report(case, failure(await network.server.simulate_transaction(builder.build())))
    garbage: Any = "AAAA"
    network.report("simulate-malformed", failure(await network.server.simulate_transaction(garbage)))


async def views(network: LocalNetwork) -> None:
    farmer = network.farmer
    balance = await asset_call(network, "balance", scval.to_address(farmer.public_key))
    simulated = await network.server.simulate_transaction(balance.build())
    assert simulated.results is not None
    value = xdr.SCVal.from_xdr(simulated.results[0].xdr)
    network.report("simulate-view", {"type": value.type.name, "isPositive": scval.from_int128(value) > 0})
    stranger = Account(Keypair.random().public_key, 0)
    unknown = TransactionBuilder(stranger, network.passphrase).add_time_bounds(0, 1)
    unknown.append_invoke_contract_function_op(network.asset_contract, "decimals", [])
    simulated = await network.server.simulate_transaction(unknown.build())
    assert simulated.results is not None
    network.report("simulate-unknown-source", {"value": plain(xdr.SCVal.from_xdr(simulated.results[0].xdr))})
    generous = await network.server.simulate_transaction(balance.build(), ResourceLeeway(50_000_000))
    assert generous.transaction_data is not None
    resources = xdr.SorobanTransactionData.from_xdr(generous.transaction_data).resources
    network.report("simulate-leeway", {"granted": resources.instructions.uint32 > 50_000_000})


SCENARIOS = (recorded, recorded_for_another, enforced, failing_calls, unfit_transactions, views)
