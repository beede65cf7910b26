"""Calls and lifetimes: new entries come with their own, archived ones are restored by the call."""

import copy

import pytest
from stellar_sdk import Account, InvokeHostFunction, TransactionBuilder, TransactionEnvelope, scval, xdr

from kale import calls
from kale.storage import block_key, farm_instance_key, pail_key
from localnet.contracts.registry import FARM_CODE_HASH
from localnet.testing import NodeHandle
from tests.localnet.transactions.lifetimes.short_lifetimes import CODE, LIFETIMES, changed, live_until
from tests.localnet.transactions.wallet_transactions import plant, plant_envelope
from tests.localnet.wallet import Wallet

_KINDS = xdr.LedgerEntryChangeType


async def archived_plant(farmer: Wallet) -> TransactionEnvelope:
    """A plant on a farm whose instance and code are archived."""
    farmer.node.close_ledgers(LIFETIMES.max_entry)
    return await plant_envelope(farmer)


def archived_keys(data: xdr.SorobanTransactionData) -> list[xdr.LedgerKey]:
    assert data.ext.resource_ext is not None
    read_write = data.resources.footprint.read_write
    return [read_write[index.uint32] for index in data.ext.resource_ext.archived_soroban_entries]


async def test_a_call_restores_what_it_touches(farmer: Wallet, node: NodeHandle) -> None:
    farm = farm_instance_key(node.network.farm_contract_id)
    envelope = await archived_plant(farmer)
    data = envelope.transaction.soroban_data
    assert data is not None
    assert archived_keys(data) == [farm, CODE]
    instance, code = (node.chain.state.find(key.to_xdr_bytes()) for key in (farm, CODE))
    assert instance is not None
    assert code is not None
    assert data.resources.disk_read_bytes.uint32 == len(instance.data_xdr) + len(code.data_xdr) + 16
    outcome = await farmer.include(envelope)
    assert outcome.succeeded
    changes = changed(outcome)
    restored = _KINDS.LEDGER_ENTRY_RESTORED
    assert [kind for change, kind in changes if change is restored].count(xdr.LedgerEntryType.TTL) == 2
    assert (restored, xdr.LedgerEntryType.CONTRACT_CODE) in changes
    assert live_until(node, CODE) == node.chain.latest.sequence + LIFETIMES.min_persistent - 1


async def test_a_restored_entry_pays_rent_like_a_new_one(farmer: Wallet, node: NodeHandle) -> None:
    outcome = await farmer.include(await archived_plant(farmer))
    assert outcome.meta.soroban_meta is not None
    charge = outcome.meta.soroban_meta.ext.v1
    assert charge is not None
    entries = [
        node.chain.state.find(key.to_xdr_bytes())
        for key in (
            farm_instance_key(node.network.farm_contract_id),
            CODE,
            block_key(node.network.farm_contract_id, 1),
            pail_key(node.network.farm_contract_id, farmer.address, 1),
        )
    ]
    rent = 4 * 2_500 + -(-4 * 48 * 875 // 1024)
    for entry, denominator, discount in zip(entries, (1_215, 1_215, 2_430, 2_430), (1, 3, 1, 1), strict=True):
        assert entry is not None
        assert entry.live_until is not None
        ledgers = entry.live_until - node.chain.latest.sequence + 1
        size = len(entry.data_xdr) + 8
        rent += -(-size * 1_000 * ledgers // (1024 * denominator)) // discount
    assert charge.rent_fee_charged.int64 == rent


@pytest.mark.parametrize("change", ["not listed", "read-only"])
async def test_an_archived_entry_that_is_not_to_be_restored_refuses_the_call(
    farmer: Wallet, change: str
) -> None:
    envelope = await archived_plant(farmer)
    data = envelope.transaction.soroban_data
    assert data is not None
    assert data.ext.resource_ext is not None
    changed_data = copy.deepcopy(data)
    assert changed_data.ext.resource_ext is not None
    changed_data.ext.resource_ext.archived_soroban_entries.pop()
    if change == "read-only":
        footprint = changed_data.resources.footprint
        footprint.read_write.remove(CODE)
        footprint.read_only.append(CODE)
    source = Account(farmer.address, envelope.transaction.sequence - 1)
    builder = TransactionBuilder(source, farmer.node.network.passphrase, 100 + data.resource_fee.int64)
    builder.add_time_bounds(0, 0).append_operation(envelope.transaction.operations[0])
    outcome = await farmer.include(farmer.signed(builder.set_soroban_data(changed_data)))
    code = xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_ENTRY_ARCHIVED
    assert outcome.invocation_code == code
    message, values = outcome.last_words
    assert message == "trying to access an archived contract code entry"
    assert values == [FARM_CODE_HASH]


async def test_a_restoration_counts_as_read_from_disk(farmer: Wallet) -> None:
    envelope = await archived_plant(farmer)
    data = envelope.transaction.soroban_data
    assert data is not None
    data.resources.disk_read_bytes = xdr.Uint32(data.resources.disk_read_bytes.uint32 - 1)
    envelope.signatures.clear()
    envelope.sign(farmer.key)
    code = xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_RESOURCE_LIMIT_EXCEEDED
    assert (await farmer.include(envelope)).invocation_code == code


async def test_every_new_contract_entry_comes_with_its_lifetime(farmer: Wallet) -> None:
    outcome = await plant(farmer)
    created = [kind for change, kind in changed(outcome) if change is _KINDS.LEDGER_ENTRY_CREATED]
    data, ttl = xdr.LedgerEntryType.CONTRACT_DATA, xdr.LedgerEntryType.TTL
    assert created == [data, ttl, data, ttl]


async def test_the_simulated_restoration_of_a_call_is_listed_in_the_state_changes(farmer: Wallet) -> None:
    farmer.node.close_ledgers(LIFETIMES.max_entry)
    function = calls.plant(farmer.node.network.farm_contract_id, farmer.address, 0)
    builder = (await farmer.builder()).append_operation(InvokeHostFunction(function))
    response = await farmer.rpc.simulate_transaction(builder.build())
    assert response.error is None
    assert response.restore_preamble is None
    assert response.state_changes is not None
    assert CODE.to_xdr() in {change.key for change in response.state_changes}
    assert response.results is not None
    assert response.results[0].xdr == scval.to_void().to_xdr()
