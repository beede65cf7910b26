"""getTransaction: what became of a transaction, classic and Soroban."""

from typing import Any

from stellar_sdk import Asset, Keypair, TransactionBuilder, scval, xdr

from tests.conformance.python_client.kale import describe_call, prepared
from tests.conformance.python_client.network import Applied, LocalNetwork
from tests.conformance.python_client.node import handed_out
from tests.conformance.python_client.simulations import asset_call

UNKNOWN_HASH = "ab" * 32


async def not_found(network: LocalNetwork) -> None:
    network.report("transaction-not-found", handed_out(await network.server.get_transaction(UNKNOWN_HASH)))
    for case, hash_hex in (("transaction-hash-length", "ab"), ("transaction-hash-digits", "zz" * 32)):
        await network.report_error(case, network.server.get_transaction(hash_hex))


def described(applied: Applied) -> dict[str, Any]:
    """The response's fields, and everything in its XDR."""
    response = handed_out(applied.response)
    wanted = ("txHash", "applicationOrder", "feeBump", "ledger", "createdAt", "latestLedger", "oldestLedger")
    events = applied.response.events
    assert events is not None
    return {
        **{name: response[name] for name in wanted},
        **describe_call(applied),
        "transactionEvents": len(events.transaction_events_xdr or []),
        "contractEvents": None
        if events.contract_events_xdr is None
        else [len(operation) for operation in events.contract_events_xdr],
        "hasDiagnostics": bool(applied.response.diagnostic_events_xdr),
    }


async def payment(network: LocalNetwork) -> None:
    carrier = network.carrier
    paid = await network.include(network.signed(await network.payment(carrier), carrier))
    network.report("transaction-payment", described(paid))


async def classic(network: LocalNetwork) -> None:
    carrier, farmer = network.carrier, network.farmer
    new = Keypair.random()
    creating = (await network.builder(carrier)).append_create_account_op(new.public_key, "10")
    network.report(
        "classic-create-account", describe_call(await network.include(network.signed(creating, carrier)))
    )
    trusting = (await network.builder(new)).append_change_trust_op(network.asset)
    network.report("classic-trustline", describe_call(await network.include(network.signed(trusting, new))))
    paying = (await network.builder(farmer)).append_payment_op(new.public_key, network.asset, "1")
    network.report("classic-payment", describe_call(await network.include(network.signed(paying, farmer))))
    unpaid = (await network.builder(carrier)).append_payment_op(new.public_key, Asset.native(), "1000000")
    network.report("transaction-failed", described(await network.include(network.signed(unpaid, carrier))))
    for case, recipient, asset in (
        ("classic-no-trustline", carrier.public_key, network.asset),
        ("classic-no-destination", Keypair.random().public_key, Asset.native()),
    ):
        builder = (await network.builder(farmer)).append_payment_op(recipient, asset, "1")
        network.report(case, describe_call(await network.include(network.signed(builder, farmer))))


async def housekeeping(network: LocalNetwork) -> None:
    carrier, sponsored = network.carrier, Keypair.random()
    settling = await network.builder(carrier)
    settling.append_set_options_op(home_domain="kale.example").append_manage_data_op("kale", b"1")
    settling.append_bump_sequence_op(settling.source_account.sequence + 10)
    applied = await network.include(network.signed(settling, carrier))
    network.report("classic-set-options", describe_call(applied))
    sponsoring = await network.builder(carrier)
    sponsoring.append_begin_sponsoring_future_reserves_op(sponsored.public_key)
    sponsoring.append_create_account_op(sponsored.public_key, "0")
    sponsoring.append_end_sponsoring_future_reserves_op(source=sponsored.public_key)
    applied = await network.include(network.signed(sponsoring, carrier, sponsored))
    network.report("classic-sponsorship", describe_call(applied))
    merging = await network.builder(carrier)
    merging.append_account_merge_op(carrier.public_key, source=sponsored.public_key)
    applied = await network.include(network.signed(merging, carrier, sponsored))
    network.report("classic-merge", describe_call(applied))
    holding = (await network.builder(network.farmer)).append_account_merge_op(carrier.public_key)
    applied = await network.include(network.signed(holding, network.farmer))
    network.report("classic-merge-refused", describe_call(applied))


async def missing_operation_source(network: LocalNetwork) -> None:
    carrier, ghost = network.carrier, Keypair.random()
    builder = await network.builder(carrier)
    builder.append_payment_op(carrier.public_key, Asset.native(), "1", source=ghost.public_key)
    applied = await network.include(network.signed(builder, carrier, ghost))
    network.report("operation-no-account", describe_call(applied))


async def skipped_sequence(network: LocalNetwork) -> None:
    carrier = network.carrier
    builder = await network.payment(carrier, ahead=3)
    builder.set_min_sequence_number(1).set_ledger_bounds(1, 0).set_min_sequence_ledger_gap(0)
    applied = await network.include(network.signed(builder, carrier))
    network.report("preconditions-met", describe_call(applied))


async def fee_bump(network: LocalNetwork) -> None:
    carrier, farmer = network.carrier, network.farmer
    inner = network.signed(await network.payment(carrier), carrier)
    bump = TransactionBuilder.build_fee_bump_transaction(farmer, 200, inner, network.passphrase)
    bump.sign(farmer)
    await network.include(bump)
    for case, hash_hex in (
        ("fee-bump-outer-hash", bump.hash_hex()),
        ("fee-bump-inner-hash", inner.hash_hex()),
    ):
        applied = await network.applied(hash_hex)
        assert applied.response.envelope_xdr is not None
        envelope = xdr.TransactionEnvelope.from_xdr(applied.response.envelope_xdr)
        outcome = described(applied)
        network.report(
            case,
            {
                **outcome,
                "txHash": outcome["txHash"] == hash_hex,
                "innerHash": outcome["innerHash"] == inner.hash_hex(),
                "envelope": envelope.type.name.removeprefix("ENVELOPE_TYPE_"),
            },
        )


async def contract_calls(network: LocalNetwork) -> None:
    farmer = network.farmer
    arguments = (
        scval.to_address(farmer.public_key),
        scval.to_address(network.bound_farmer.public_key),
        scval.to_int128(3),
    )
    transfer = await prepared(network, await asset_call(network, "transfer", *arguments), farmer)
    network.report("call-transfer", described(await network.include(transfer)))
    for case, change in (("call-outside-footprint", _narrow), ("call-too-few-instructions", _hurry)):
        transfer = await prepared(network, await asset_call(network, "transfer", *arguments), farmer)
        assert transfer.transaction.soroban_data is not None
        change(transfer.transaction.soroban_data.resources)
        transfer.signatures = []
        transfer.sign(farmer)
        network.report(case, described(await network.include(transfer)))


def _narrow(resources: xdr.SorobanResources) -> None:
    resources.footprint.read_write = resources.footprint.read_write[:-1]


def _hurry(resources: xdr.SorobanResources) -> None:
    resources.instructions = xdr.Uint32(1)


SCENARIOS = (
    not_found,
    payment,
    classic,
    housekeeping,
    missing_operation_source,
    skipped_sequence,
    fee_bump,
    contract_calls,
)
