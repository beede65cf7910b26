"""ExtendFootprintTTL and RestoreFootprint through the SDK."""

import pytest
from stellar_sdk import Asset, ExtendFootprintTTL, RestoreFootprint, TransactionEnvelope, xdr
from stellar_sdk.soroban_rpc import AuthMode, SimulateTransactionResponse

from kale.storage import block_key, farm_instance_key, pail_key
from localnet.ledger.accounts import account_key
from localnet.network_settings import MAINNET_SETTINGS
from localnet.testing import NodeHandle
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.fees import non_refundable_stroops
from tests.localnet.transactions.lifetimes.short_lifetimes import CODE, LIFETIMES, changed, live_until
from tests.localnet.transactions.wallet_transactions import plant
from tests.localnet.wallet import Outcome, Wallet

_KINDS = xdr.LedgerEntryChangeType


def soroban_data(
    read_only: list[xdr.LedgerKey], read_write: list[xdr.LedgerKey], *, size: int = 0, fee: int = 0
) -> xdr.SorobanTransactionData:
    footprint = xdr.LedgerFootprint(read_only, read_write)
    resources = xdr.SorobanResources(footprint, xdr.Uint32(0), xdr.Uint32(size), xdr.Uint32(size))
    return xdr.SorobanTransactionData(xdr.SorobanTransactionDataExt(0), resources, xdr.Int64(fee))


async def lifetime_transaction(
    wallet: Wallet, operation: ExtendFootprintTTL | RestoreFootprint, data: xdr.SorobanTransactionData
) -> TransactionEnvelope:
    builder = await wallet.builder(100 + data.resource_fee.int64)
    return wallet.signed(builder.append_operation(operation).set_soroban_data(data))


async def simulated(
    wallet: Wallet, operation: ExtendFootprintTTL | RestoreFootprint, keys: list[xdr.LedgerKey]
) -> SimulateTransactionResponse:
    is_extend = isinstance(operation, ExtendFootprintTTL)
    data = soroban_data(keys, []) if is_extend else soroban_data([], keys)
    return await wallet.rpc.simulate_transaction(await lifetime_transaction(wallet, operation, data))


async def fee_with(
    wallet: Wallet,
    operation: ExtendFootprintTTL | RestoreFootprint,
    data: xdr.SorobanTransactionData,
    *,
    refundable_stroops: int,
) -> xdr.Int64:
    """The resource fee that leaves so much for rent, which is at least 2,542: a lifetime is written."""
    envelope = await lifetime_transaction(wallet, operation, data)
    decoded = decode_envelope(envelope.to_xdr_object().to_xdr_bytes(), wallet.node.chain.network_id)
    fixed = non_refundable_stroops(decoded.declared_resources, MAINNET_SETTINGS.rates)
    return xdr.Int64(fixed + refundable_stroops)


def proposed(response: SimulateTransactionResponse) -> xdr.SorobanTransactionData:
    assert response.error is None
    assert response.transaction_data is not None
    return xdr.SorobanTransactionData.from_xdr(response.transaction_data)


def failure_code(outcome: Outcome) -> int:
    assert outcome.result.result.results is not None
    inner = outcome.result.result.results[0].tr
    assert inner is not None
    result = inner.extend_footprint_ttl_result or inner.restore_footprint_result
    assert result is not None
    return result.code


# ExtendFootprintTTL


async def test_a_pail_that_is_extended_outlives_the_others(farmer: Wallet, node: NodeHandle) -> None:
    assert (await plant(farmer)).succeeded
    farm = node.network.farm_contract_id
    pail, block = pail_key(farm, farmer.address, 0), block_key(farm, 0)
    response = await simulated(farmer, ExtendFootprintTTL(150), [block, pail])
    data = proposed(response)
    outcome = await farmer.include(await lifetime_transaction(farmer, ExtendFootprintTTL(150), data))
    assert outcome.succeeded
    assert outcome.response.events is not None
    assert live_until(node, pail) == live_until(node, block) == node.chain.latest.sequence + 150
    ttl = xdr.LedgerEntryType.TTL
    assert changed(outcome) == [(_KINDS.LEDGER_ENTRY_STATE, ttl), (_KINDS.LEDGER_ENTRY_UPDATED, ttl)] * 2
    assert outcome.meta.operations[0].events == []
    node.close_ledgers(150)
    assert node.chain.state.find(pail.to_xdr_bytes()) is not None
    node.close_ledgers()
    assert node.chain.state.find(pail.to_xdr_bytes()) is None


async def test_an_extension_is_simulated_for_what_needs_it_alone(farmer: Wallet, node: NodeHandle) -> None:
    """The asset's instance lives until ledger 150; 140 more from now is longer, the farm's lives 200."""
    assert (await plant(farmer)).succeeded
    farm, token = farm_instance_key(node.network.farm_contract_id), node.network.asset_contract_id
    asset = farm_instance_key(token)
    missing = pail_key(node.network.farm_contract_id, farmer.address, 77)
    response = await simulated(farmer, ExtendFootprintTTL(180), [farm, asset, missing])
    data = proposed(response)
    assert data.resources.footprint.read_only == [asset]
    assert data.resources.footprint.read_write == []
    resources = data.resources
    assert (resources.instructions.uint32, resources.disk_read_bytes.uint32) == (0, 0)
    assert response.results is None
    assert response.restore_preamble is None
    assert response.min_resource_fee == data.resource_fee.int64


async def test_rent_is_charged_and_the_rest_of_the_fee_comes_back(farmer: Wallet, node: NodeHandle) -> None:
    assert (await plant(farmer)).succeeded
    pail = pail_key(node.network.farm_contract_id, farmer.address, 0)
    data = proposed(await simulated(farmer, ExtendFootprintTTL(150), [pail]))
    entry = node.chain.state.find(pail.to_xdr_bytes())
    assert entry is not None
    assert entry.live_until is not None
    before = entry.live_until
    outcome = await farmer.include(await lifetime_transaction(farmer, ExtendFootprintTTL(150), data))
    assert outcome.meta.soroban_meta is not None
    charge = outcome.meta.soroban_meta.ext.v1
    assert charge is not None
    size = len(entry.data_xdr) + 8
    ledgers = live_until(node, pail) - before
    rent = -(-size * 1_000 * ledgers // (1024 * 2_430)) + 2_500 + -(-48 * 875 // 1024)
    assert charge.rent_fee_charged.int64 == rent
    assert charge.total_refundable_resource_fee_charged.int64 == rent
    fixed = charge.total_non_refundable_resource_fee_charged.int64
    assert outcome.result.fee_charged.int64 == 100 + fixed + rent < 100 + data.resource_fee.int64


@pytest.mark.parametrize("malformation", ["read-write key", "account", "too long"])
async def test_a_malformed_extension_is_refused(farmer: Wallet, node: NodeHandle, malformation: str) -> None:
    farm = farm_instance_key(node.network.farm_contract_id)
    account = xdr.LedgerKey.from_xdr_bytes(account_key(farmer.key.raw_public_key()))
    data = {
        "read-write key": soroban_data([], [farm], fee=100_000),
        "account": soroban_data([account], [], fee=100_000),
        "too long": soroban_data([farm], [], fee=100_000),
    }[malformation]
    extend_to = LIFETIMES.max_entry if malformation == "too long" else 10
    sent = await farmer.send(await lifetime_transaction(farmer, ExtendFootprintTTL(extend_to), data))
    assert sent.status.value == "ERROR"
    assert sent.error_result_xdr is not None
    result = xdr.TransactionResult.from_xdr(sent.error_result_xdr).result
    assert result.results is not None
    assert result.results[0].tr is not None
    extended = result.results[0].tr.extend_footprint_ttl_result
    assert extended is not None
    assert extended.code is xdr.ExtendFootprintTTLResultCode.EXTEND_FOOTPRINT_TTL_MALFORMED


async def test_an_extension_whose_rent_is_not_covered_fails(farmer: Wallet, node: NodeHandle) -> None:
    assert (await plant(farmer)).succeeded
    pail = pail_key(node.network.farm_contract_id, farmer.address, 0)
    data = proposed(await simulated(farmer, ExtendFootprintTTL(150), [pail]))
    before = live_until(node, pail)
    data.resource_fee = await fee_with(farmer, ExtendFootprintTTL(150), data, refundable_stroops=2_500)
    outcome = await farmer.include(await lifetime_transaction(farmer, ExtendFootprintTTL(150), data))
    code = xdr.ExtendFootprintTTLResultCode.EXTEND_FOOTPRINT_TTL_INSUFFICIENT_REFUNDABLE_FEE
    assert failure_code(outcome) == code
    assert live_until(node, pail) == before


async def test_the_low_threshold_is_enough_to_extend(farmer: Wallet, node: NodeHandle) -> None:
    """Of an account that asks weight 2 for medium and high, the master key's 1 is enough."""
    assert (await plant(farmer)).succeeded
    builder = await farmer.builder()
    thresholds = builder.append_set_options_op(low_threshold=1, med_threshold=2, high_threshold=2)
    assert (await farmer.apply(thresholds)).succeeded
    pail = pail_key(node.network.farm_contract_id, farmer.address, 0)
    data = proposed(await simulated(farmer, ExtendFootprintTTL(150), [pail]))
    envelope = await lifetime_transaction(farmer, ExtendFootprintTTL(150), data)
    assert (await farmer.include(envelope)).succeeded
    payment = (await farmer.builder()).append_payment_op(farmer.address, Asset.native(), "1")
    refused = await farmer.send(farmer.signed(payment))
    assert refused.status.value == "ERROR"


# RestoreFootprint


async def test_an_archived_instance_is_restored(farmer: Wallet, node: NodeHandle) -> None:
    farm = farm_instance_key(node.network.farm_contract_id)
    node.close_ledgers(LIFETIMES.max_entry)
    response = await simulated(farmer, RestoreFootprint(), [farm, CODE])
    data = proposed(response)
    footprint = data.resources.footprint
    assert (footprint.read_only, footprint.read_write) == ([], [farm, CODE])
    assert data.resources.disk_read_bytes == data.resources.write_bytes
    outcome = await farmer.include(await lifetime_transaction(farmer, RestoreFootprint(), data))
    assert outcome.succeeded
    assert outcome.meta.soroban_meta is not None
    assert outcome.meta.soroban_meta.return_value is None
    assert live_until(node, farm) == node.chain.latest.sequence + LIFETIMES.min_persistent - 1
    data_kind, code_kind = xdr.LedgerEntryType.CONTRACT_DATA, xdr.LedgerEntryType.CONTRACT_CODE
    restored, ttl = _KINDS.LEDGER_ENTRY_RESTORED, xdr.LedgerEntryType.TTL
    assert changed(outcome) == [
        (restored, data_kind),
        (restored, ttl),
        (restored, code_kind),
        (restored, ttl),
    ]


async def test_what_is_alive_is_left_out_of_a_restoration(farmer: Wallet, node: NodeHandle) -> None:
    farm = farm_instance_key(node.network.farm_contract_id)
    data = proposed(await simulated(farmer, RestoreFootprint(), [farm]))
    assert data.resources.footprint.read_write == []
    data = soroban_data([], [farm], fee=100_000)
    assert (await farmer.include(await lifetime_transaction(farmer, RestoreFootprint(), data))).succeeded


@pytest.mark.parametrize("what", ["temporary", "missing"])
async def test_a_simulated_restoration_of_the_impossible_is_an_error(
    farmer: Wallet, node: NodeHandle, what: str
) -> None:
    farm = node.network.farm_contract_id
    nobody = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"
    key = pail_key(farm, farmer.address, 0) if what == "temporary" else farm_instance_key(nobody)
    response = await simulated(farmer, RestoreFootprint(), [key])
    assert response.error is not None
    assert response.error.startswith(
        "Can't restore a ledger entry" if what == "temporary" else "Missing entry to restore for key"
    )
    assert response.latest_ledger == node.chain.latest.sequence


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ("disk_read_bytes", "operation byte-read resources exceeds amount specified"),
        ("write_bytes", "operation byte-write resources exceeds amount specified"),
        ("fee", "refundable resource fee was not sufficient to cover the ledger storage rent: {} > {}"),
    ],
)
async def test_a_restoration_is_held_to_what_it_declared(
    farmer: Wallet, node: NodeHandle, resource: str, told: str
) -> None:
    farm = farm_instance_key(node.network.farm_contract_id)
    node.close_ledgers(LIFETIMES.max_entry)
    data = proposed(await simulated(farmer, RestoreFootprint(), [farm]))
    codes = xdr.RestoreFootprintResultCode
    expected = codes.RESTORE_FOOTPRINT_RESOURCE_LIMIT_EXCEEDED
    if resource == "fee":
        expected = codes.RESTORE_FOOTPRINT_INSUFFICIENT_REFUNDABLE_FEE
        data.resource_fee = await fee_with(farmer, ExtendFootprintTTL(150), data, refundable_stroops=2_500)
    else:
        declared = getattr(data.resources, resource).uint32
        setattr(data.resources, resource, xdr.Uint32(declared - 1))
    outcome = await farmer.include(await lifetime_transaction(farmer, RestoreFootprint(), data))
    assert failure_code(outcome) == expected
    assert outcome.last_words[0] == told


async def test_an_extension_of_what_is_archived_names_the_restoration_before_it(
    farmer: Wallet, node: NodeHandle
) -> None:
    farm = farm_instance_key(node.network.farm_contract_id)
    node.close_ledgers(LIFETIMES.max_entry)
    response = await simulated(farmer, ExtendFootprintTTL(180), [farm])
    assert proposed(response).resources.footprint.read_only == [farm]
    preamble = response.restore_preamble
    assert preamble is not None
    data = xdr.SorobanTransactionData.from_xdr(preamble.transaction_data)
    assert data.resource_fee.int64 == preamble.min_resource_fee
    assert (await farmer.include(await lifetime_transaction(farmer, RestoreFootprint(), data))).succeeded
    extension = await lifetime_transaction(farmer, ExtendFootprintTTL(180), proposed(response))
    assert (await farmer.include(extension)).succeeded
    assert live_until(node, farm) == node.chain.latest.sequence + 180


@pytest.mark.parametrize("operation", [ExtendFootprintTTL(10), RestoreFootprint()])
async def test_simulations_without_data_or_with_an_auth_mode_are_refused(
    farmer: Wallet, operation: ExtendFootprintTTL | RestoreFootprint
) -> None:
    bare = farmer.signed((await farmer.builder()).append_operation(operation))
    response = await farmer.rpc.simulate_transaction(bare)
    assert response.error is not None
    assert response.error.endswith("SorobanTransactionData must be provided")
    response = await farmer.rpc.simulate_transaction(bare, auth_mode=AuthMode.RECORD)
    assert response.error == "cannot set authMode with non-InvokeHostFunction operations"
