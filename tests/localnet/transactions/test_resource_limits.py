"""What a call may take: the network's limits, the declared instructions, and what a simulation proposes."""

from dataclasses import replace

from stellar_sdk import Asset, InvokeHostFunction, TransactionBuilder, TransactionEnvelope, scval, xdr
from stellar_sdk.base_soroban_server import ResourceLeeway
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls, puzzle
from kale.keccak import keccak256
from kale.storage import block_key, decode_block
from localnet.ledger.accounts import account_key
from localnet.network_settings import MAINNET_SETTINGS, NetworkSettings, TransactionLimits
from localnet.testing import NodeHandle, running_localnet
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.simulation import SimulationOptions, Simulator
from tests.localnet.conftest import START_TIME
from tests.localnet.transactions.wallet_transactions import plant_of
from tests.localnet.wallet import Outcome, Wallet

KALE = 10_000_000
LIMIT_EXCEEDED = xdr.InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_RESOURCE_LIMIT_EXCEEDED


def proposed(envelope: TransactionEnvelope) -> xdr.SorobanTransactionData:
    data = envelope.transaction.soroban_data
    assert data is not None
    return data


def instructions(envelope: TransactionEnvelope) -> int:
    return proposed(envelope).resources.instructions.uint32


def work_of(wallet: Wallet) -> xdr.HostFunction:
    """A work in block 0."""
    farm = wallet.node.network.farm_contract_id
    entry = wallet.node.chain.state.find(block_key(farm, 0).to_xdr_bytes())
    assert entry is not None
    assert entry.data.contract_data is not None
    entropy = decode_block(entry.data.contract_data.val).entropy
    found = keccak256(puzzle.message(0, entropy, puzzle.farmer_key(wallet.address), 7))
    return calls.work(farm, wallet.address, found, 7)


async def simulated_instructions(wallet: Wallet, leeway: int) -> int:
    envelope = (await wallet.builder()).append_operation(InvokeHostFunction(plant_of(wallet))).build()
    response = await wallet.rpc.simulate_transaction(envelope, ResourceLeeway(leeway))
    assert response.transaction_data is not None
    return xdr.SorobanTransactionData.from_xdr(response.transaction_data).resources.instructions.uint32


async def test_kale_calls_take_between_2_and_6_million_instructions(farmer: Wallet) -> None:
    plant = await farmer.prepared(plant_of(farmer, KALE))
    assert (await farmer.include(plant)).succeeded
    farmer.node.close_ledgers()
    work = await farmer.prepared(work_of(farmer))
    assert (await farmer.include(work)).succeeded
    farmer.node.close_ledgers(60)
    assert (await farmer.call(plant_of(farmer))).succeeded
    harvest = await farmer.prepared(calls.harvest(farmer.node.network.farm_contract_id, farmer.address, 0))
    assert (await farmer.include(harvest)).succeeded
    for envelope in (plant, work, harvest):
        assert 2_000_000 < instructions(envelope) < 6_000_000
    assert 183 * instructions(plant) <= MAINNET_SETTINGS.ledger.cluster_instructions


async def test_a_leeway_above_4_percent_replaces_them(farmer: Wallet) -> None:
    """4 % of some three million are more than the 50,000 that are added at least."""
    usual = await simulated_instructions(farmer, 0)
    used = await simulated_instructions(farmer, 1_000_000) - 1_000_000
    assert usual == used * 104 // 100 > used + 50_000


async def test_proposed_instructions_end_where_the_field_does(farmer: Wallet) -> None:
    assert await simulated_instructions(farmer, 2**64 - 1) == 2**32 - 1


async def test_somebody_elses_signature_costs_instructions(farmer: Wallet) -> None:
    own = await simulated_instructions(farmer, 0)
    stranger = await Wallet.funded(farmer.node, farmer.rpc)
    builder = (await stranger.builder()).append_operation(InvokeHostFunction(plant_of(farmer)))
    response = await farmer.rpc.simulate_transaction(builder.build())
    assert response.transaction_data is not None
    data = xdr.SorobanTransactionData.from_xdr(response.transaction_data)
    assert data.resources.instructions.uint32 > own + 300_000


async def test_too_few_instructions_end_the_call_with_a_budget_error(farmer: Wallet) -> None:
    envelope = await farmer.prepared(plant_of(farmer))
    proposed(envelope).resources.instructions = xdr.Uint32(1_000_000)
    envelope.signatures.clear()
    envelope.sign(farmer.key)
    failed = await farmer.include(envelope)
    assert failed.invocation_code == LIMIT_EXCEEDED
    assert failed.meta.diagnostic_events
    assert not any(event.in_successful_contract_call for event in failed.meta.diagnostic_events)


async def outcome_of_plant(limits: TransactionLimits, stroops: int) -> Outcome:
    """What becomes of a plant on a network with these limits."""
    settings: NetworkSettings = replace(MAINNET_SETTINGS, transaction=limits)
    async with (
        running_localnet(runs_clock=False, start_time=START_TIME, network_settings=settings) as node,
        SorobanServerAsync(node.rpc_url) as rpc,
    ):
        farmer = await Wallet.funded(node, rpc, kale="1000")
        return await farmer.call(plant_of(farmer, stroops))


async def test_an_entry_may_not_become_larger_than_the_network_lets_it() -> None:
    """A block takes about 460 bytes."""
    limits = replace(MAINNET_SETTINGS.transaction, entry_bytes=400)
    outcome = await outcome_of_plant(limits, 0)
    assert outcome.invocation_code == LIMIT_EXCEEDED
    message, (size, most) = outcome.last_words
    assert (message, most) == ("ContractData size exceeds network config maximum size", 400)
    assert isinstance(size, int)
    assert size > 400


async def test_events_and_return_value_may_not_be_larger_than_the_network_lets_them() -> None:
    limits = replace(MAINNET_SETTINGS.transaction, events_bytes=100)
    outcome = await outcome_of_plant(limits, KALE)
    assert outcome.invocation_code == LIMIT_EXCEEDED
    message, (size, most) = outcome.last_words
    assert isinstance(size, int)
    assert (message, most) == ("total events size exceeds network config maximum", 100)
    limits = replace(MAINNET_SETTINGS.transaction, events_bytes=size)
    outcome = await outcome_of_plant(limits, KALE)
    assert outcome.invocation_code == LIMIT_EXCEEDED
    told = ("return value pushes events size above network config maximum", [size + 4, size])
    assert outcome.last_words == told
    assert (await outcome_of_plant(limits, 0)).invocation_code == 0


async def test_declared_bytes_are_those_of_the_real_entries(farmer: Wallet) -> None:
    """All read-write entries count as written, only classic ones as read."""
    envelope = await farmer.prepared(plant_of(farmer, KALE))
    assert (await farmer.include(envelope)).succeeded
    data = proposed(envelope)
    state = farmer.node.chain.state
    entries = [state.find(key.to_xdr_bytes()) for key in data.resources.footprint.read_write]
    sizes = {
        entry.data.type: len(entry.data_xdr) + 8 if entry.data.trust_line is not None else 0
        for entry in entries
        if entry is not None
    }
    assert data.resources.disk_read_bytes.uint32 == sum(sizes.values())
    assert data.resources.write_bytes.uint32 == sum(
        len(entry.data_xdr) + 8 for entry in entries if entry is not None
    )


async def test_an_account_is_read_at_the_size_that_its_first_transaction_gives_it(
    farmer: Wallet, node: NodeHandle
) -> None:
    """A farmer who authorises by an entry may have sent a transaction of their own before that applies."""
    sleeper = await Wallet.funded(node, farmer.rpc)
    builder = (await farmer.builder()).append_operation(InvokeHostFunction(plant_of(sleeper)))
    response = await farmer.rpc.simulate_transaction(builder.build())
    assert response.transaction_data is not None
    data = xdr.SorobanTransactionData.from_xdr(response.transaction_data)
    key = account_key(sleeper.key.raw_public_key())
    fresh = node.chain.state.find(key)
    assert fresh is not None
    await sleeper.apply((await sleeper.builder()).append_payment_op(farmer.address, Asset.native(), "1"))
    grown = node.chain.state.find(key)
    assert grown is not None
    assert len(grown.data_xdr) > len(fresh.data_xdr)
    assert data.resources.disk_read_bytes.uint32 == len(grown.data_xdr) + 8


async def test_the_fee_covers_the_largest_envelope_that_the_call_can_have(farmer: Wallet) -> None:
    """With all preconditions it is still inside of what was paid for."""
    envelope = await farmer.prepared(plant_of(farmer, KALE))
    data = proposed(envelope)
    source = await farmer.rpc.load_account(farmer.address)
    builder = TransactionBuilder(source, farmer.node.network.passphrase, 100 + data.resource_fee.int64)
    builder.append_operation(envelope.transaction.operations[0]).set_soroban_data(data)
    builder.add_time_bounds(0, 0).set_ledger_bounds(0, 0).set_min_sequence_age(0)
    builder.set_min_sequence_number(0).set_min_sequence_ledger_gap(0)
    assert (await farmer.include(farmer.signed(builder))).succeeded


async def test_a_fee_bump_is_simulated_as_what_is_in_it(farmer: Wallet) -> None:
    inner = farmer.signed((await farmer.builder()).append_operation(InvokeHostFunction(plant_of(farmer))))
    bump = TransactionBuilder.build_fee_bump_transaction(
        farmer.key, 1_000, inner, farmer.node.network.passphrase
    )
    chain = farmer.node.chain
    simulator = Simulator(chain.state, chain.ledger_info(), chain.settings)
    plain, bumped = (
        simulator.simulate(
            decode_envelope(envelope.to_xdr_object().to_xdr_bytes(), chain.network_id), SimulationOptions()
        )
        for envelope in (inner, bump)
    )
    assert plain == bumped


async def test_a_view_has_no_state_changes(farmer: Wallet) -> None:
    function = calls.invocation(farmer.node.network.asset_contract_id, "decimals", [])
    builder = (await farmer.builder()).append_operation(InvokeHostFunction(function))
    response = await farmer.rpc.simulate_transaction(builder.build())
    assert response.results is not None
    assert response.results[0].xdr == scval.to_uint32(7).to_xdr()
    assert response.results[0].auth == []
    assert response.state_changes is None


async def test_simulated_changes_keep_the_ledger_of_the_last_change(farmer: Wallet) -> None:
    """The host leaves it alone, 0 in a new entry; only applying sets it."""
    envelope = (await farmer.builder()).append_operation(InvokeHostFunction(plant_of(farmer))).build()
    response = await farmer.rpc.simulate_transaction(envelope)
    assert response.state_changes is not None
    for change in response.state_changes:
        assert change.after is not None
        after = xdr.LedgerEntry.from_xdr(change.after).last_modified_ledger_seq
        before = xdr.Uint32(0)
        if change.before is not None:
            before = xdr.LedgerEntry.from_xdr(change.before).last_modified_ledger_seq
        assert after == before
