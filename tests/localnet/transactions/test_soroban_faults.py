"""A Soroban transaction that is refused comes back with the reason, in stellar-core's words."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from stellar_sdk import (
    Asset,
    ExtendFootprintTTL,
    FeeBumpTransactionEnvelope,
    InvokeHostFunction,
    RestoreFootprint,
    StrKey,
    TextMemo,
    TransactionBuilder,
    TransactionEnvelope,
    scval,
    xdr,
)
from stellar_sdk.soroban_rpc import SendTransactionResponse

from kale.networks import LOCAL
from kale.storage import account_key, block_key, farm_instance_key, trustline_key
from localnet.network_settings import MAINNET_SETTINGS
from tests.localnet.transactions.wallet_transactions import plant_envelope
from tests.localnet.wallet import Wallet, refusal_code

LIMITS = MAINNET_SETTINGS.transaction
KIND, CODE = xdr.SCErrorType, xdr.SCErrorCode
FARM = farm_instance_key(LOCAL.farm_contract_id)
BLOCK = block_key(LOCAL.farm_contract_id, 7)
REPEATED = (
    "Found duplicate key in the Soroban footprint; every key across read-only and read-write footprints has "
    "to be unique."
)


@dataclass(frozen=True)
class Told:
    """What a diagnostic event says: the error, and what its data is."""

    error: xdr.SCError
    data: object


def told(sent: SendTransactionResponse) -> Told:
    assert sent.diagnostic_events_xdr is not None
    (encoded,) = sent.diagnostic_events_xdr
    diagnostic = xdr.DiagnosticEvent.from_xdr(encoded)
    assert diagnostic.to_xdr() == encoded
    assert not diagnostic.in_successful_contract_call
    assert diagnostic.event.contract_id is None
    assert diagnostic.event.type is xdr.ContractEventType.DIAGNOSTIC
    assert diagnostic.event.body.v0 is not None
    name, error = diagnostic.event.body.v0.topics
    assert name == scval.to_symbol("error")
    assert error.error is not None
    return Told(error.error, scval.to_native(diagnostic.event.body.v0.data))


def unsound(data: object) -> Told:
    return Told(xdr.SCError(KIND.SCE_STORAGE, code=CODE.SCEC_INVALID_INPUT), data)


def exceeded(message: str, *values: int, kind: xdr.SCErrorType = KIND.SCE_STORAGE) -> Told:
    return Told(xdr.SCError(kind, code=CODE.SCEC_EXCEEDED_LIMIT), [message, *values])


def instructions(data: xdr.SorobanTransactionData) -> None:
    data.resources.instructions = xdr.Uint32(LIMITS.instructions + 1)


def read_bytes(data: xdr.SorobanTransactionData) -> None:
    data.resources.disk_read_bytes = xdr.Uint32(LIMITS.disk_read_bytes + 1)


def write_bytes(data: xdr.SorobanTransactionData) -> None:
    data.resources.write_bytes = xdr.Uint32(LIMITS.write_bytes + 1)


def many_keys(data: xdr.SorobanTransactionData) -> None:
    blocks = [block_key(LOCAL.farm_contract_id, index) for index in range(LIMITS.footprint_entries + 1)]
    data.resources.footprint = xdr.LedgerFootprint(blocks, [])


def many_written(data: xdr.SorobanTransactionData) -> None:
    blocks = [block_key(LOCAL.farm_contract_id, index) for index in range(LIMITS.write_entries + 1)]
    data.resources.footprint = xdr.LedgerFootprint([], blocks)


def many_accounts(data: xdr.SorobanTransactionData) -> None:
    numbers = (index.to_bytes(32, "big") for index in range(LIMITS.disk_read_entries + 1))
    keys = [account_key(StrKey.encode_ed25519_public_key(number)) for number in numbers]
    data.resources.footprint = xdr.LedgerFootprint(keys, [])


def offer(data: xdr.SorobanTransactionData) -> None:
    seller = xdr.AccountID(xdr.PublicKey(xdr.PublicKeyType.PUBLIC_KEY_TYPE_ED25519, xdr.Uint256(bytes(32))))
    key = xdr.LedgerKey(xdr.LedgerEntryType.OFFER, offer=xdr.LedgerKeyOffer(seller, xdr.Int64(1)))
    data.resources.footprint.read_only.append(key)


def own_line(data: xdr.SorobanTransactionData) -> None:
    line = trustline_key(LOCAL.asset_code, LOCAL.asset_issuer, LOCAL.asset_issuer)
    data.resources.footprint.read_only.append(line)


def native_line(data: xdr.SorobanTransactionData) -> None:
    line = trustline_key(LOCAL.asset_code, LOCAL.asset_issuer, LOCAL.asset_issuer)
    assert line.trust_line is not None
    line.trust_line.asset = Asset.native().to_trust_line_asset_xdr_object()
    data.resources.footprint.read_only.append(line)


def long_key(data: xdr.SorobanTransactionData) -> None:
    key = xdr.LedgerKey.from_xdr(FARM.to_xdr())
    assert key.contract_data is not None
    key.contract_data.key = scval.to_bytes(bytes(LIMITS.key_bytes))
    data.resources.footprint.read_only.append(key)


def archived(*indices: int) -> Callable[[xdr.SorobanTransactionData], None]:
    def change(data: xdr.SorobanTransactionData) -> None:
        data.resources.footprint = xdr.LedgerFootprint([], [FARM, BLOCK])
        extension = xdr.SorobanResourcesExtV0([xdr.Uint32(index) for index in indices])
        data.ext = xdr.SorobanTransactionDataExt(1, resource_ext=extension)

    return change


def repeated_key(data: xdr.SorobanTransactionData) -> None:
    data.resources.footprint.read_only.append(data.resources.footprint.read_write[0])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            instructions,
            exceeded(
                "transaction instructions resources exceed network config limit",
                LIMITS.instructions + 1,
                LIMITS.instructions,
                kind=KIND.SCE_BUDGET,
            ),
        ),
        (
            read_bytes,
            exceeded(
                "transaction byte-read resources exceed network config limit",
                LIMITS.disk_read_bytes + 1,
                LIMITS.disk_read_bytes,
            ),
        ),
        (
            write_bytes,
            exceeded(
                "transaction byte-write resources exceed network config limit",
                LIMITS.write_bytes + 1,
                LIMITS.write_bytes,
            ),
        ),
        (
            many_keys,
            exceeded(
                "the number of entries in transaction footprint exceeds the network config limit",
                LIMITS.footprint_entries + 1,
                LIMITS.footprint_entries,
            ),
        ),
        (
            many_accounts,
            exceeded(
                "transaction entry-disk-read resources exceed network config limit",
                LIMITS.disk_read_entries + 1,
                LIMITS.disk_read_entries,
            ),
        ),
        (
            many_written,
            exceeded(
                "transaction entry-write resources exceed network config limit",
                LIMITS.write_entries + 1,
                LIMITS.write_entries,
            ),
        ),
        (
            offer,
            Told(
                xdr.SCError(KIND.SCE_STORAGE, code=CODE.SCEC_UNEXPECTED_TYPE),
                ["transaction footprint contains unsupported ledger key type", 2],
            ),
        ),
        (own_line, unsound("transaction footprint contains invalid trustline asset")),
        (native_line, unsound("transaction footprint contains invalid trustline asset")),
        (
            long_key,
            exceeded("transaction footprint key exceeds network config limit", 304, LIMITS.key_bytes),
        ),
        (archived(0, 0), unsound("archivedSorobanEntries must be sorted in ascending order")),
        (archived(2), unsound(["archivedSorobanEntries index is out of bounds", 2, 2])),
        (archived(1), unsound(["archivedSorobanEntries index points to a non-persistent entry", 1, 6])),
        (repeated_key, unsound(REPEATED)),
    ],
)
async def test_what_a_call_declares_wrongly_is_told(
    farmer: Wallet, change: Callable[[xdr.SorobanTransactionData], None], expected: Told
) -> None:
    envelope = await plant_envelope(farmer)
    data = envelope.transaction.soroban_data
    assert data is not None
    change(data)
    data.resource_fee = xdr.Int64(100_000_000)
    envelope.transaction.fee = 100_000_100
    sent = await farmer.send(resigned(envelope, farmer))
    assert refusal_code(sent) is xdr.TransactionResultCode.txSOROBAN_INVALID
    assert told(sent) == expected


async def test_of_several_limits_exceeded_the_first_in_stellar_cores_order_is_told(farmer: Wallet) -> None:
    envelope = await plant_envelope(farmer)
    data = envelope.transaction.soroban_data
    assert data is not None
    limits_told: list[object] = []
    for change in (many_written, write_bytes, read_bytes, instructions):
        change(data)
        data_told = told(await farmer.send(resigned(envelope, farmer))).data
        assert isinstance(data_told, list)
        limits_told.append(data_told[-1])
    assert limits_told == [
        LIMITS.write_entries,
        LIMITS.write_bytes,
        LIMITS.disk_read_bytes,
        LIMITS.instructions,
    ]


async def test_a_transaction_that_is_too_long_is_told_with_its_size(farmer: Wallet) -> None:
    envelope = await plant_envelope(farmer)
    (operation,) = envelope.transaction.operations
    assert isinstance(operation, InvokeHostFunction)
    assert operation.host_function.invoke_contract is not None
    operation.host_function.invoke_contract.args.append(scval.to_bytes(bytes(LIMITS.size_bytes)))
    resigned(envelope, farmer)
    size = len(envelope.to_xdr_object().to_xdr_bytes())
    sent = await farmer.send(envelope)
    assert told(sent) == exceeded(
        "total transaction size exceeds network config limit", size, LIMITS.size_bytes, kind=KIND.SCE_BUDGET
    )


def resigned(envelope: TransactionEnvelope, farmer: Wallet) -> TransactionEnvelope:
    envelope.signatures.clear()
    envelope.sign(farmer.key)
    return envelope


async def test_a_resource_fee_that_does_not_pay_is_told_with_the_one_that_would(farmer: Wallet) -> None:
    envelope = await plant_envelope(farmer)
    data = envelope.transaction.soroban_data
    assert data is not None
    data.resource_fee = xdr.Int64(1_000)
    sent = await farmer.send(resigned(envelope, farmer))
    data_told = told(sent).data
    assert isinstance(data_told, list)
    message, paid, least = data_told
    assert message == "transaction `sorobanData.resourceFee` is lower than the actual Soroban resource fee"
    assert paid == 1_000
    data.resource_fee = xdr.Int64(least)
    assert (await farmer.send(resigned(envelope, farmer))).status.value == "PENDING"


async def test_a_memo_on_a_call_is_told(farmer: Wallet) -> None:
    envelope = await plant_envelope(farmer)
    envelope.transaction.memo = TextMemo("kale")
    sent = await farmer.send(resigned(envelope, farmer))
    assert told(sent).data == "Soroban transactions are not allowed to use memo or muxed source account"


async def test_a_fee_bump_tells_the_fault_of_its_inner_transaction(farmer: Wallet) -> None:
    envelope = await plant_envelope(farmer)
    assert envelope.transaction.soroban_data is not None
    repeated_key(envelope.transaction.soroban_data)
    inner = resigned(envelope, farmer)
    bump: FeeBumpTransactionEnvelope = TransactionBuilder.build_fee_bump_transaction(
        farmer.key, inner.transaction.fee + 1_000, inner, farmer.node.network.passphrase
    )
    bump.sign(farmer.key)
    sent = await farmer.send(bump)
    assert refusal_code(sent) is xdr.TransactionResultCode.txFEE_BUMP_INNER_FAILED
    assert told(sent).data == REPEATED


@pytest.mark.parametrize(
    ("operation", "read_only", "read_write", "expected"),
    [
        (
            ExtendFootprintTTL(10),
            [],
            [FARM],
            unsound("read-write footprint must be empty for ExtendFootprintTTL operation"),
        ),
        (
            ExtendFootprintTTL(10),
            [account_key(LOCAL.asset_issuer)],
            [],
            unsound("only entries with TTL (contract data or code entries) can have it extended"),
        ),
        (
            ExtendFootprintTTL(3_110_400),
            [FARM],
            [],
            unsound(["TTL extension is too large: {} > {}", 3_110_400, 3_110_399]),
        ),
        (
            RestoreFootprint(),
            [FARM],
            [],
            unsound("read-only footprint must be empty for RestoreFootprint operation"),
        ),
        (RestoreFootprint(), [], [BLOCK], unsound("only persistent Soroban entries can be restored")),
    ],
)
async def test_a_malformed_lifetime_operation_is_told(
    farmer: Wallet,
    operation: ExtendFootprintTTL | RestoreFootprint,
    read_only: list[xdr.LedgerKey],
    read_write: list[xdr.LedgerKey],
    expected: Told,
) -> None:
    resources = xdr.SorobanResources(
        xdr.LedgerFootprint(read_only, read_write), xdr.Uint32(0), xdr.Uint32(10_000), xdr.Uint32(10_000)
    )
    data = xdr.SorobanTransactionData(xdr.SorobanTransactionDataExt(0), resources, xdr.Int64(1_000_000))
    builder = (await farmer.builder(1_000_100)).append_operation(operation).set_soroban_data(data)
    sent = await farmer.send(farmer.signed(builder))
    assert refusal_code(sent) is xdr.TransactionResultCode.txFAILED
    assert told(sent) == expected


async def test_other_refusals_have_no_diagnostics(farmer: Wallet) -> None:
    envelope = await plant_envelope(farmer)
    envelope.transaction.sequence += 5
    sent = await farmer.send(resigned(envelope, farmer))
    assert refusal_code(sent) is xdr.TransactionResultCode.txBAD_SEQ
    assert sent.diagnostic_events_xdr is None
