"""KALE played on the localnet through the SDK: simulate, prepare, send, apply."""

from collections.abc import Iterable

import pytest
from stellar_sdk import (
    Account,
    InvokeHostFunction,
    Keypair,
    TransactionBuilder,
    TransactionEnvelope,
    scval,
    xdr,
)
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls, puzzle
from kale.farm import Block, Farm
from kale.keccak import keccak256
from kale.storage import block_key, decode_block, decode_farm, farm_instance_key, pail_key
from localnet.ledger.accounts import account_key, find_account
from localnet.testing import NodeHandle
from tests.localnet.transactions.wallet_transactions import plant, plant_of
from tests.localnet.wallet import Outcome, Wallet, refusal_code

KALE = 10_000_000
LIMIT_EXCEEDED = xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_RESOURCE_LIMIT_EXCEEDED
TRAPPED = xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED
LEDGERS_A_BLOCK = 60


async def read_entry(rpc: SorobanServerAsync, key: xdr.LedgerKey) -> xdr.LedgerEntryData:
    found = await rpc.get_ledger_entries([key])
    assert found.entries
    return xdr.LedgerEntryData.from_xdr(found.entries[0].xdr)


async def read_farm(wallet: Wallet) -> Farm:
    entry = await read_entry(wallet.rpc, farm_instance_key(wallet.node.network.farm_contract_id))
    assert entry.contract_data is not None
    return decode_farm(entry.contract_data.val)


async def read_block(wallet: Wallet, index: int) -> Block:
    entry = await read_entry(wallet.rpc, block_key(wallet.node.network.farm_contract_id, index))
    assert entry.contract_data is not None
    return decode_block(entry.contract_data.val)


def encoded(keys: Iterable[xdr.LedgerKey]) -> set[bytes]:
    return {key.to_xdr_bytes() for key in keys}


async def work(wallet: Wallet, nonce: int = 7) -> Outcome:
    farm = await read_farm(wallet)
    block = await read_block(wallet, farm.index)
    key = puzzle.farmer_key(wallet.address)
    found = keccak256(puzzle.message(farm.index, block.entropy, key, nonce))
    return await wallet.call(calls.work(wallet.node.network.farm_contract_id, wallet.address, found, nonce))


async def harvest(wallet: Wallet, index: int) -> Outcome:
    return await wallet.call(calls.harvest(wallet.node.network.farm_contract_id, wallet.address, index))


async def test_a_farmer_plants_works_and_harvests(farmer: Wallet) -> None:
    planted = await plant(farmer, 5 * KALE)
    assert planted.succeeded
    assert planted.value.type is xdr.SCValType.SCV_VOID
    assert await farmer.kale_balance() == 995 * KALE
    index = (await read_farm(farmer)).index
    farmer.node.close_ledgers(3)
    worked = await work(farmer)
    assert scval.from_uint32(worked.value) == 4
    farmer.node.close_ledgers(LEDGERS_A_BLOCK)
    assert (await plant(farmer, 0)).succeeded
    assert (await read_farm(farmer)).index == index + 1
    harvested = await harvest(farmer, index)
    reward = scval.from_int128(harvested.value)
    assert reward > 0
    assert await farmer.kale_balance() == 1000 * KALE + reward


async def test_harvest_emits_the_mint_of_reward_and_stake(farmer: Wallet) -> None:
    await plant(farmer, 5 * KALE)
    farmer.node.close_ledgers()
    await work(farmer)
    farmer.node.close_ledgers(LEDGERS_A_BLOCK)
    await plant(farmer, 0)
    harvested = await harvest(farmer, 0)
    (mint,) = harvested.meta.operations[0].events
    assert mint.body.v0 is not None
    assert scval.from_symbol(mint.body.v0.topics[0]) == "mint"
    assert scval.from_int128(mint.body.v0.data) == scval.from_int128(harvested.value) + 5 * KALE


async def test_simulation_stands_at_the_latest_closed_ledger(farmer: Wallet) -> None:
    """In the ledger of the plant the gap is 0, so a work is refused there and taken one ledger later."""
    await plant(farmer, 0)
    function = calls.work(
        farmer.node.network.farm_contract_id,
        farmer.address,
        keccak256(puzzle.message(0, bytes(32), puzzle.farmer_key(farmer.address), 7)),
        7,
    )
    builder = (await farmer.builder()).append_operation(InvokeHostFunction(function))
    early = await farmer.rpc.simulate_transaction(builder.build())
    assert early.error is not None
    assert early.error.startswith("HostError: Error(Contract, #15)\n\nEvent log (newest first):\n   0: ")
    assert early.latest_ledger == farmer.node.chain.latest.sequence
    assert early.transaction_data is None
    farmer.node.close_ledgers()
    late = await farmer.rpc.simulate_transaction(builder.build())
    assert late.error is None


async def test_a_simulated_call_needs_no_account_behind_its_source(wallet: Wallet) -> None:
    nobody = Account(Keypair.random().public_key, 0)
    harvest = calls.harvest(wallet.node.network.farm_contract_id, wallet.address, 0)
    builder = TransactionBuilder(nobody, wallet.node.network.passphrase).add_time_bounds(0, 0)
    simulated = await wallet.rpc.simulate_transaction(
        builder.append_operation(InvokeHostFunction(harvest)).build()
    )
    assert simulated.error is not None
    assert simulated.error.startswith("HostError: Error(Contract, #")


async def test_a_simulation_proposes_footprint_auth_fee_and_changes(farmer: Wallet) -> None:
    builder = (await farmer.builder()).append_operation(InvokeHostFunction(plant_of(farmer, KALE)))
    simulated = await farmer.rpc.simulate_transaction(builder.build())
    assert simulated.transaction_data is not None
    assert simulated.results is not None
    assert simulated.results[0].auth is not None
    assert simulated.state_changes is not None
    data = xdr.SorobanTransactionData.from_xdr(simulated.transaction_data)
    network = farmer.node.network
    expected = calls.plant_footprint(network, farmer.address, [0], KALE)
    assert encoded(data.resources.footprint.read_write) == encoded(expected.read_write)
    assert encoded(expected.read_only) < encoded(data.resources.footprint.read_only)
    assert data.resource_fee.int64 == simulated.min_resource_fee
    (entry,) = (xdr.SorobanAuthorizationEntry.from_xdr(auth) for auth in simulated.results[0].auth)
    assert entry.credentials.type is xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT
    kinds = {change.type for change in simulated.state_changes}
    assert kinds == {"created", "updated"}
    for change in simulated.state_changes:
        assert change.after is not None
        xdr.LedgerEntry.from_xdr(change.after)
    assert simulated.events


async def test_the_refundable_part_of_the_fee_that_was_not_used_comes_back(farmer: Wallet) -> None:
    envelope = await farmer.prepared(plant_of(farmer, 0))
    before = farmer.node.chain.latest.fee_pool_stroops
    planted = await farmer.include(envelope)
    paid = planted.result.fee_charged.int64
    assert paid < envelope.transaction.fee
    assert farmer.node.chain.latest.fee_pool_stroops == before + paid
    assert planted.meta.soroban_meta is not None
    fee = planted.meta.soroban_meta.ext.v1
    assert fee is not None
    assert paid == 100 + (
        fee.total_non_refundable_resource_fee_charged.int64 + fee.total_refundable_resource_fee_charged.int64
    )
    assert fee.rent_fee_charged.int64 > 0
    charged, refunded = (event.event.body.v0 for event in planted.meta.events)
    assert charged is not None
    assert refunded is not None
    assert scval.from_int128(charged.data) + scval.from_int128(refunded.data) == paid


async def two_harvests(farmer: Wallet) -> tuple[Wallet, TransactionEnvelope]:
    """A harvest that a stranger has prepared when somebody else's harvest of the same pail went through."""
    await plant(farmer, KALE)
    farmer.node.close_ledgers()
    await work(farmer)
    farmer.node.close_ledgers(LEDGERS_A_BLOCK)
    await plant(farmer, 0)
    stranger = await Wallet.funded(farmer.node, farmer.rpc)
    prepared = await stranger.prepared(calls.harvest(farmer.node.network.farm_contract_id, farmer.address, 0))
    assert (await harvest(farmer, 0)).succeeded
    return stranger, prepared


async def test_a_failed_call_changes_only_fee_and_sequence(farmer: Wallet) -> None:
    stranger, prepared = await two_harvests(farmer)
    state = farmer.node.chain.state
    before = {key: entry.data_xdr for key, entry in state.entries().items()}
    account = find_account(state, stranger.key.raw_public_key())
    assert account is not None
    failed = await stranger.include(prepared)
    changed = {key for key, entry in state.entries().items() if before.get(key) != entry.data_xdr}
    assert changed == {account_key(stranger.key.raw_public_key())}
    assert len(state) == len(before)
    after = find_account(state, stranger.key.raw_public_key())
    assert after is not None
    assert after.seq_num.sequence_number.int64 == account.seq_num.sequence_number.int64 + 1
    assert after.balance.int64 == account.balance.int64 - failed.result.fee_charged.int64


async def test_a_failed_call_is_trapped_and_tells_why_in_its_diagnostics(farmer: Wallet) -> None:
    stranger, prepared = await two_harvests(farmer)
    failed = await stranger.include(prepared)
    assert failed.response.status.value == "FAILED"
    assert failed.invocation_code == TRAPPED
    assert failed.meta.operations == []
    assert failed.meta.soroban_meta is not None
    assert failed.meta.soroban_meta.return_value is None
    assert failed.response.events is not None
    assert failed.response.events.contract_events_xdr is None
    assert failed.response.events.transaction_events_xdr
    assert "Error(Contract, #9)" in describe_diagnostics(failed)


def describe_diagnostics(outcome: Outcome) -> str:
    errors = (
        topic.error
        for diagnostic in outcome.meta.diagnostic_events
        if diagnostic.event.body.v0 is not None
        for topic in diagnostic.event.body.v0.topics
    )
    return " ".join(
        f"Error(Contract, #{error.contract_code.uint32})"
        for error in errors
        if error is not None and error.contract_code is not None
    )


def with_footprint(
    envelope: TransactionEnvelope,
    wallet: Wallet,
    read_only: list[xdr.LedgerKey],
    read_write: list[xdr.LedgerKey],
) -> TransactionEnvelope:
    """The same call with another footprint, and with resources for more than it needs."""
    declared = envelope.transaction.soroban_data
    assert declared is not None
    data = xdr.SorobanTransactionData.from_xdr(declared.to_xdr())
    data.resources.footprint = xdr.LedgerFootprint(read_only, read_write)
    data.resources.write_bytes = xdr.Uint32(declared.resources.write_bytes.uint32 * 2)
    data.resource_fee = xdr.Int64(declared.resource_fee.int64 * 5)
    source = Account(wallet.address, envelope.transaction.sequence - 1)
    builder = TransactionBuilder(source, wallet.node.network.passphrase, 100).add_time_bounds(0, 0)
    builder.append_operation(envelope.transaction.operations[0])
    builder.base_fee = 100 + data.resource_fee.int64
    builder.set_soroban_data(data)
    return wallet.signed(builder)


@pytest.mark.parametrize("declared", ["nowhere", "read-only"])
async def test_a_write_outside_of_the_footprint_is_trapped(farmer: Wallet, declared: str) -> None:
    envelope = await farmer.prepared(plant_of(farmer, 0))
    data = envelope.transaction.soroban_data
    assert data is not None
    pail = pail_key(farmer.node.network.farm_contract_id, farmer.address, 0)
    read_only = list(data.resources.footprint.read_only) + ([pail] if declared == "read-only" else [])
    read_write = [key for key in data.resources.footprint.read_write if key != pail]
    failed = await farmer.include(with_footprint(envelope, farmer, read_only, read_write))
    assert failed.invocation_code == TRAPPED


async def test_a_plant_that_falls_on_the_other_side_of_the_block_boundary_is_trapped(farmer: Wallet) -> None:
    other = await Wallet.funded(farmer.node, farmer.rpc)
    assert (await plant(other, 0)).succeeded
    envelope = await farmer.prepared(plant_of(farmer, 0))
    farmer.node.close_ledgers(LEDGERS_A_BLOCK)
    failed = await farmer.include(envelope)
    assert failed.invocation_code == TRAPPED


@pytest.mark.parametrize("ledgers", [0, LEDGERS_A_BLOCK])
async def test_a_footprint_for_both_sides_of_the_boundary_succeeds_on_either(
    farmer: Wallet, ledgers: int
) -> None:
    other = await Wallet.funded(farmer.node, farmer.rpc)
    assert (await plant(other, 0)).succeeded
    envelope = await farmer.prepared(plant_of(farmer, KALE))
    data = envelope.transaction.soroban_data
    assert data is not None
    both = calls.plant_footprint(farmer.node.network, farmer.address, [0, 1], KALE)
    wide = with_footprint(envelope, farmer, list(data.resources.footprint.read_only), list(both.read_write))
    farmer.node.close_ledgers(ledgers)
    assert (await farmer.include(wide)).succeeded
    assert (await read_farm(farmer)).index == (1 if ledgers else 0)


@pytest.mark.parametrize(
    ("resource", "code", "told"),
    [
        ("instructions", LIMIT_EXCEEDED, "operation instructions exceeds amount specified"),
        ("write_bytes", LIMIT_EXCEEDED, "operation byte-write resources exceeds amount specified"),
        ("disk_read_bytes", LIMIT_EXCEEDED, "operation byte-read resources exceeds amount specified"),
        (
            "resource_fee",
            xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_INSUFFICIENT_REFUNDABLE_FEE,
            "refundable resource fee was not sufficient to cover the events fee after paying for ledger "
            "storage rent: {} > {}",
        ),
    ],
)
async def test_a_call_is_held_to_what_it_declared(
    farmer: Wallet, resource: str, code: xdr.InvokeHostFunctionResultCode, told: str
) -> None:
    envelope = await farmer.prepared(plant_of(farmer, KALE))
    data = envelope.transaction.soroban_data
    assert data is not None
    if resource == "resource_fee":
        data.resource_fee = xdr.Int64(data.resource_fee.int64 - 12_000)
    else:
        spare = data.resources.instructions.uint32 // 20 if resource == "instructions" else 1
        setattr(data.resources, resource, xdr.Uint32(getattr(data.resources, resource).uint32 - spare))
    envelope.signatures.clear()
    envelope.sign(farmer.key)
    failed = await farmer.include(envelope)
    assert failed.invocation_code == code
    message, (used, limit) = failed.last_words
    assert message == told
    assert isinstance(used, int)
    assert isinstance(limit, int)
    assert used > limit or resource == "resource_fee", "the sum of rent and events fee is too much"
    if resource in ("write_bytes", "disk_read_bytes"):
        assert (used, limit) == (limit + 1, getattr(data.resources, resource).uint32)
    assert await farmer.kale_balance() == 1000 * KALE


async def test_a_function_name_that_is_no_symbol_is_trapped(farmer: Wallet) -> None:
    envelope = await farmer.prepared(plant_of(farmer, KALE))
    operation = envelope.transaction.operations[0]
    assert isinstance(operation, InvokeHostFunction)
    call = operation.host_function.invoke_contract
    assert call is not None
    call.function_name = xdr.SCSymbol(b"\xff" * 32)
    envelope.signatures.clear()
    simulated = await farmer.rpc.simulate_transaction(envelope)
    assert simulated.error is not None
    assert simulated.error.startswith("HostError: Error(Value, InvalidInput)")
    envelope.sign(farmer.key)
    assert (await farmer.include(envelope)).invocation_code == TRAPPED


async def test_an_unsigned_transaction_of_a_farmer_is_refused(farmer: Wallet) -> None:
    envelope = await farmer.prepared(plant_of(farmer, 0))
    envelope.signatures.clear()
    sent = await farmer.send(envelope)
    assert refusal_code(sent) == xdr.TransactionResultCode.txBAD_AUTH


async def test_pails_and_blocks_expire_after_17280_ledgers(farmer: Wallet, node: NodeHandle) -> None:
    await plant(farmer, 0)
    planted_in = node.chain.latest.sequence
    pail = pail_key(node.network.farm_contract_id, farmer.address, 0)
    (entry,) = (await farmer.rpc.get_ledger_entries([pail])).entries or []
    assert entry.live_until_ledger == planted_in + 17_279
    node.close_ledgers(17_279)
    assert (await farmer.rpc.get_ledger_entries([pail])).entries
    node.close_ledgers()
    assert (await farmer.rpc.get_ledger_entries([pail])).entries == []
