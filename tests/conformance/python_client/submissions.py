"""sendTransaction: taken in, put off, refused."""

from collections.abc import Sequence
from typing import Any

from stellar_sdk import (
    Asset,
    Keypair,
    TextMemo,
    TransactionBuilder,
    TransactionEnvelope,
    xdr,
)
from stellar_sdk.account import Account
from stellar_sdk.soroban_rpc import SendTransactionResponse

from tests.conformance.python_client.kale import farm_call, plant_arguments
from tests.conformance.python_client.network import LocalNetwork, describe_sent

FAR_LEDGERS = 100_000
FAR_SECONDS = 1_000_000


async def pending(network: LocalNetwork) -> None:
    carrier = network.carrier
    envelope = network.signed(await network.payment(carrier), carrier)
    sent = await network.server.send_transaction(envelope)
    network.report(
        "send-pending",
        {
            **describe_sent(sent),
            "hashAgrees": sent.hash == envelope.hash_hex(),
            "latestLedger": sent.latest_ledger,
            "latestLedgerCloseTime": sent.latest_ledger_close_time,
            "errorResultXdr": sent.error_result_xdr,
        },
    )
    applied = await network.applied(sent.hash)
    again = await network.server.send_transaction(envelope)
    network.report("send-banned", describe_sent(again))
    await network.ledger_at((applied.response.ledger or 0) + 11)
    late = await network.server.send_transaction(envelope)
    network.report("send-applied", describe_sent(late))


async def beside_another(network: LocalNetwork) -> None:
    carrier = network.carrier

    async def twice() -> Sequence[SendTransactionResponse]:
        envelope = network.signed(await network.payment(carrier), carrier)
        return [await network.server.send_transaction(envelope) for _ in range(2)]

    async def two() -> Sequence[SendTransactionResponse]:
        envelopes = [
            network.signed(await network.payment(carrier, ahead=ahead), carrier) for ahead in range(2)
        ]
        return [await network.server.send_transaction(envelope) for envelope in envelopes]

    async def bumped() -> Sequence[SendTransactionResponse]:
        inner = network.signed(await network.payment(carrier), carrier)
        answers = [await network.server.send_transaction(inner)]
        for base_fee in (999, 1_000):
            bump = TransactionBuilder.build_fee_bump_transaction(
                network.farmer, base_fee, inner, network.passphrase
            )
            bump.sign(network.farmer)
            answers.append(await network.server.send_transaction(bump))
        return answers

    for cases, attempt in (
        (("", "send-duplicate"), twice),
        (("", "send-second"), two),
        (("", "send-replacement-too-cheap", "send-replacement"), bumped),
    ):
        answers = await network.sent_in_one_ledger(attempt)
        for case, answer in zip(cases[1:], answers[1:], strict=True):
            network.report(case, describe_sent(answer))
        await network.applied(answers[-1].hash if cases[-1] == "send-replacement" else answers[0].hash)


async def refused_conditions(network: LocalNetwork) -> None:
    carrier = network.carrier
    latest = await network.server.get_latest_ledger()
    now, sequence = int(latest.close_time), latest.sequence

    async def builder() -> TransactionBuilder:
        return await network.payment(carrier)

    unbounded = [await builder() for _ in range(7)]
    unbounded[0].time_bounds = None
    unbounded[1].time_bounds = None
    cases = {
        "send-too-early": unbounded[0].add_time_bounds(now + FAR_SECONDS, 0),
        "send-too-late": unbounded[1].add_time_bounds(0, now - 1),
        "send-before-ledger": unbounded[2].set_ledger_bounds(sequence + FAR_LEDGERS, 0),
        "send-after-ledger": unbounded[3].set_ledger_bounds(0, sequence),
        "send-sequence-too-young": unbounded[4].set_min_sequence_age(FAR_SECONDS),
        "send-sequence-gap": unbounded[5].set_min_sequence_ledger_gap(FAR_LEDGERS),
        "send-bad-sequence": await network.payment(carrier, ahead=1),
    }
    for case, refused in cases.items():
        await report_sent(network, case, network.signed(refused, carrier))
    await network.ledger_at(sequence + 1)


async def report_sent(network: LocalNetwork, case: str, envelope: TransactionEnvelope) -> None:
    network.report(case, describe_sent(await network.server.send_transaction(envelope)))


async def nearly_late(network: LocalNetwork) -> None:
    """Less than two ledgers' time is left: no node lets it in any more."""
    carrier = network.carrier
    builder = await network.payment(carrier)
    latest = await network.server.get_latest_ledger()
    builder.time_bounds = None
    builder.add_time_bounds(0, int(latest.close_time) + 5)
    await report_sent(network, "send-nearly-late", network.signed(builder, carrier))


async def refused_signatures(network: LocalNetwork) -> None:
    carrier, farmer = network.carrier, network.farmer
    payment = Asset.native()
    other = (await network.builder(carrier)).append_payment_op(
        carrier.public_key, payment, "1", source=farmer.public_key
    )
    for case, builder, signers in (
        ("send-unsigned", await network.payment(carrier), ()),
        ("send-bad-signature", await network.payment(carrier), (farmer,)),
        ("send-unused-signature", await network.payment(carrier), (carrier, farmer)),
        ("send-operation-unsigned", other, (carrier,)),
    ):
        await report_sent(network, case, network.signed(builder, *signers))


async def refused_payers(network: LocalNetwork) -> None:
    carrier, ghost = network.carrier, Keypair.random()
    nobody = TransactionBuilder(Account(ghost.public_key, 1), network.passphrase).add_time_bounds(0, 0)
    nobody.append_payment_op(carrier.public_key, Asset.native(), "1")
    dear = await network.payment(carrier)
    dear.base_fee = 4_000_000_000
    cheap = await network.payment(carrier)
    cheap.base_fee = 99
    empty = await network.builder(carrier)
    for case, builder, signer in (
        ("send-no-account", nobody, ghost),
        ("send-insufficient-fee", cheap, carrier),
        ("send-no-operation", empty, carrier),
    ):
        await report_sent(network, case, network.signed(builder, signer))
    poor = Keypair.random()
    await network.include(
        network.signed(
            (await network.builder(carrier)).append_create_account_op(poor.public_key, "1.00001"), carrier
        )
    )
    builder = await network.payment(poor)
    builder.base_fee = 1_000
    await report_sent(network, "send-insufficient-balance", network.signed(builder, poor))


async def malformed(network: LocalNetwork) -> None:
    farmer = network.farmer
    calling = await farm_call(network, farmer, "plant", plant_arguments(farmer))
    await report_sent(network, "send-no-soroban-data", network.signed(calling, farmer))
    view = (await network.builder(farmer)).append_invoke_contract_function_op(
        network.asset_contract, "decimals", []
    )
    prepared = await network.server.prepare_transaction(view.build())
    data = prepared.transaction.soroban_data
    assert data is not None
    prepared.transaction.fee = data.resource_fee.int64 - 1
    prepared.sign(farmer)
    await report_sent(network, "send-fee-below-resource-fee", prepared)
    for case, change in (("send-resource-fee-too-low", _underpay), ("send-doubled-key", _double_key)):
        prepared = await network.server.prepare_transaction(view.build())
        assert prepared.transaction.soroban_data is not None
        change(prepared.transaction.soroban_data)
        prepared.sign(farmer)
        await report_sent(network, case, prepared)
    noted = await network.server.prepare_transaction(view.build())
    noted.transaction.memo = TextMemo("kale")
    noted.sign(farmer)
    await report_sent(network, "send-soroban-memo", noted)
    await network.report_error("send-malformed", network.server.send_transaction("AAAA"))


def _underpay(data: xdr.SorobanTransactionData) -> None:
    data.resource_fee = xdr.Int64(1)


def _double_key(data: xdr.SorobanTransactionData) -> None:
    footprint = data.resources.footprint
    footprint.read_only = [*footprint.read_only, footprint.read_only[0]]


async def fee_bump_of_a_bad_one(network: LocalNetwork) -> None:
    carrier, farmer = network.carrier, network.farmer
    inner = network.signed(await network.payment(carrier, ahead=5), carrier)
    bump = TransactionBuilder.build_fee_bump_transaction(farmer, 200, inner, network.passphrase)
    bump.sign(farmer)
    sent = describe_sent(await network.server.send_transaction(bump))
    outcome: dict[str, Any] = {**sent, "innerHash": sent.get("innerHash") == inner.hash_hex()}
    network.report("send-bumped-bad-sequence", outcome)


SCENARIOS = (
    pending,
    beside_another,
    refused_conditions,
    nearly_late,
    refused_signatures,
    refused_payers,
    malformed,
    fee_bump_of_a_bad_one,
)
