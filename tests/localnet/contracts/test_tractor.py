"""The tractor: many harvests in one call, and what a call that may fail leaves behind."""

import pytest
from stellar_sdk import InvokeHostFunction, Keypair, scval, xdr

from kale import calls, puzzle
from kale.addresses import address_value
from kale.constants import INSTANCE_EXTENSION_SLACK_LEDGERS
from kale.keccak import keccak256
from kale.networks import LOCAL
from kale.storage import block_key, decode_block, pail_key
from localnet.contracts.install import farm_entries, new_farm, tractor_entries
from localnet.ledger.entry_keys import instance_key_bytes
from localnet.ledger.value_wire import encode_value
from localnet.soroban.invocation import Footprint, Invocation
from localnet.testing import NodeHandle
from tests.localnet.contract_chain import (
    FARM,
    HOMESTEADER,
    ISSUER,
    START_TIME,
    TOKEN,
    ContractChain,
    failure_text,
    keypair,
    native_events,
)
from tests.localnet.solving import solve
from tests.localnet.wallet import Wallet

assert LOCAL.tractor_contract_id is not None
TRACTOR = LOCAL.tractor_contract_id
ADA = keypair("ada").public_key
LEDGERS_A_BLOCK = 60


@pytest.fixture
def chain() -> ContractChain:
    """Ada has worked blocks 1 and 2 and only planted in block 3; block 4 is open."""
    chain = ContractChain()
    chain.entries.apply(tractor_entries(TRACTOR, FARM, chain.ledger))
    chain.add_holder(ADA, 1_000)
    for block in (1, 2, 3):
        chain.advance(LEDGERS_A_BLOCK)
        assert chain.plant(ADA, 100).succeeded
        if block < 3:
            chain.advance(1)
            hash, nonce = solve(chain, ADA, zeros=1)
            worked = chain.call("work", address_value(ADA), scval.to_bytes(hash), scval.to_uint64(nonce))
            assert worked.succeeded
    chain.advance(LEDGERS_A_BLOCK)
    assert chain.plant(HOMESTEADER, 0).succeeded
    return chain


def harvest_arguments(*pails: int) -> list[xdr.SCVal]:
    return [address_value(ADA), scval.to_vec([scval.to_uint32(pail) for pail in pails])]


def harvest(chain: ContractChain, *pails: int, footprint: Footprint | None = None) -> Invocation:
    return chain.call("harvest", *harvest_arguments(*pails), contract=TRACTOR, footprint=footprint)


def rewards(outcome: Invocation) -> list[int]:
    assert outcome.value is not None, outcome.failure
    return [scval.from_int128(reward) for reward in scval.from_vec(outcome.value)]


def test_it_harvests_pail_after_pail_for_nobodys_signature(chain: ContractChain) -> None:
    before = chain.balance(ADA)
    outcome = harvest(chain, 2, 1)
    second, first = rewards(outcome)
    assert min(first, second) > 0
    assert outcome.auth == ()
    asset = f"KALE:{ISSUER}"
    assert native_events(outcome) == [
        (["mint", ADA, asset], second + 100),
        (["mint", ADA, asset], first + 100),
    ]
    assert chain.balance(ADA) == before + first + second + 200
    for index in (1, 2):
        assert chain.entry(pail_key(FARM, ADA, index)) is None


def test_what_the_farm_refuses_gives_nothing_and_changes_nothing(chain: ContractChain) -> None:
    """Block 3 was not worked, block 4 is still open, 77 never was."""
    outcome = harvest(chain, 3, 1, 4, 77, 1)
    nothing, reward, *others = rewards(outcome)
    assert reward > 0
    assert [nothing, *others] == [0, 0, 0, 0]
    assert len(outcome.events) == 1
    assert chain.entry(pail_key(FARM, ADA, 3)) is not None
    touched = (*outcome.touched_read_only, *outcome.touched_read_write)
    assert block_key(FARM, 77).to_xdr_bytes() in touched, "what a failed call read is in the footprint"


@pytest.mark.parametrize(
    ("pails", "error"),
    [((), "Error(Contract, #1)"), ((3, 4), "Error(Contract, #2)"), ((77,), "Error(Contract, #2)")],
)
def test_nothing_to_harvest_is_an_error(chain: ContractChain, pails: tuple[int, ...], error: str) -> None:
    outcome = harvest(chain, *pails)
    assert failure_text(outcome) == error
    assert outcome.writes == {}


def test_a_stake_without_a_reward_is_nothing_to_harvest() -> None:
    """So late in the decay that a block pays nothing: the farm would give the stake back."""
    chain = ContractChain()
    late = new_farm(HOMESTEADER, TOKEN, START_TIME, index=20_000_000)
    chain.entries.apply(farm_entries(FARM, late, chain.ledger))
    chain.entries.apply(tractor_entries(TRACTOR, FARM, chain.ledger))
    chain.add_holder(ADA, 1_000)
    chain.advance(LEDGERS_A_BLOCK)
    assert chain.plant(ADA, 100).succeeded
    chain.advance(1)
    hash, nonce = solve(chain, ADA, zeros=1)
    assert chain.call("work", address_value(ADA), scval.to_bytes(hash), scval.to_uint64(nonce)).succeeded
    chain.advance(LEDGERS_A_BLOCK)
    assert chain.plant(HOMESTEADER, 0).succeeded
    index = late.index + 1
    assert failure_text(harvest(chain, index)) == "Error(Contract, #2)"
    assert chain.entry(pail_key(FARM, ADA, index)) is not None
    assert chain.call("harvest", address_value(ADA), scval.to_uint32(index)).succeeded
    assert chain.balance(ADA) == 1_000


def test_a_harvest_lets_the_tractor_live_as_long_as_it_can(chain: ContractChain) -> None:
    chain.advance(INSTANCE_EXTENSION_SLACK_LEDGERS)
    index = 3  # expired by now, as all are: nothing is harvested, and nothing lengthened
    assert failure_text(harvest(chain, index)) == "Error(Contract, #2)"
    assert chain.plant(ADA, 100).succeeded
    opened = chain.farm().index
    chain.advance(1)
    hash, nonce = solve(chain, ADA, zeros=1)
    assert chain.call("work", address_value(ADA), scval.to_bytes(hash), scval.to_uint64(nonce)).succeeded
    chain.advance(LEDGERS_A_BLOCK)
    assert chain.plant(HOMESTEADER, 0).succeeded
    assert min(rewards(harvest(chain, opened))) > 0
    instance = chain.entries.find(instance_key_bytes(TRACTOR))
    assert instance is not None
    assert instance.live_until == chain.ledger.max_live_until


def test_a_tractor_that_knows_no_farm_ends_in_a_trap(chain: ContractChain) -> None:
    entries = tractor_entries(TRACTOR, FARM, chain.ledger)
    entry = entries[instance_key_bytes(TRACTOR)]
    assert entry.instance is not None
    assert list(entry.instance.values) == [encode_value(scval.to_symbol("FARM"))]
    emptied = entry.with_instance(entry.instance.with_values({}), chain.ledger.sequence)
    chain.entries.apply({**entries, instance_key_bytes(TRACTOR): emptied})
    assert failure_text(harvest(chain, 1)) == "Error(WasmVm, InvalidAction)"
    assert failure_text(harvest(chain)) == "Error(Contract, #1)"


def test_wrong_arguments_end_in_a_trap(chain: ContractChain) -> None:
    absent = xdr.SCVal(xdr.SCValType.SCV_VEC)
    for pails in (scval.to_uint32(1), scval.to_vec([scval.to_uint64(1)]), absent):
        outcome = chain.call("harvest", address_value(ADA), pails, contract=TRACTOR)
        assert failure_text(outcome) == "Error(WasmVm, InvalidAction)"
    assert failure_text(chain.call("plough", contract=TRACTOR)) == "Error(WasmVm, MissingValue)"


def test_a_failed_harvest_is_told_in_the_log(chain: ContractChain) -> None:
    report = harvest(chain, 77).failure
    assert report is not None
    assert 'data:["contract try_call failed", harvest, [' in report.report
    assert "failed host function call: try_call" not in report.report


def test_a_key_outside_of_the_footprint_cannot_be_caught(chain: ContractChain) -> None:
    recorded = harvest(chain, 1)
    lacking = frozenset(recorded.touched_read_write) - {pail_key(FARM, ADA, 1).to_xdr_bytes()}
    outcome = harvest(chain, 2, 1, footprint=Footprint(frozenset(recorded.touched_read_only), lacking))
    assert failure_text(outcome) == "Error(Storage, ExceededLimit)"
    assert outcome.failure is not None
    assert "failed host function call: try_call" in outcome.failure.report


# On the local network


async def worked_block(wallet: Wallet, index: int) -> None:
    """Plants in block `index`, which this opens, and works it."""
    farm = wallet.node.network.farm_contract_id
    assert (await wallet.call(calls.plant(farm, wallet.address, 10))).succeeded
    wallet.node.close_ledgers()
    entry = wallet.node.chain.state.find(block_key(farm, index).to_xdr_bytes())
    assert entry is not None
    assert entry.data.contract_data is not None
    entropy = decode_block(entry.data.contract_data.val).entropy
    found = keccak256(puzzle.message(index, entropy, puzzle.farmer_key(wallet.address), 7))
    assert (await wallet.call(calls.work(farm, wallet.address, found, 7))).succeeded
    wallet.node.close_ledgers(LEDGERS_A_BLOCK)


async def test_a_stranger_harvests_all_of_a_farmers_blocks_in_one_transaction(
    farmer: Wallet, node: NodeHandle
) -> None:
    for index in range(3):
        await worked_block(farmer, index)
    stranger = await Wallet.funded(node, farmer.rpc)
    assert (await farmer.call(calls.plant(node.network.farm_contract_id, farmer.address, 0))).succeeded
    before = await farmer.kale_balance()
    pails = scval.to_vec([scval.to_uint32(index) for index in range(4)])
    function = calls.invocation(TRACTOR, "harvest", [address_value(farmer.address), pails])
    outcome = await stranger.call(function)
    assert outcome.succeeded
    earned = [scval.from_int128(reward) for reward in scval.from_vec(outcome.value)]
    assert min(earned[:3]) > 0
    assert earned[3] == 0, "the current block cannot be harvested yet"
    assert await farmer.kale_balance() == before + sum(earned) + 30


async def test_a_harvest_that_somebody_else_did_in_between_gives_nothing(
    farmer: Wallet, node: NodeHandle
) -> None:
    for index in range(2):
        await worked_block(farmer, index)
    assert (await farmer.call(calls.plant(node.network.farm_contract_id, farmer.address, 0))).succeeded
    pails = scval.to_vec([scval.to_uint32(0), scval.to_uint32(1)])
    function = calls.invocation(TRACTOR, "harvest", [address_value(farmer.address), pails])
    stranger = await Wallet.funded(node, farmer.rpc)
    prepared = await stranger.prepared(function)
    own = calls.harvest(node.network.farm_contract_id, farmer.address, 0)
    assert (await farmer.call(own)).succeeded
    outcome = await stranger.include(prepared)
    assert outcome.succeeded
    assert scval.from_int128(scval.from_vec(outcome.value)[0]) == 0


async def test_it_is_simulated_from_an_account_that_does_not_exist(farmer: Wallet) -> None:
    await worked_block(farmer, 0)
    await farmer.call(calls.plant(farmer.node.network.farm_contract_id, farmer.address, 0))
    nobody = Wallet(farmer.node, farmer.rpc, Keypair.random())
    pails = scval.to_vec([scval.to_uint32(0)])
    function = calls.invocation(TRACTOR, "harvest", [address_value(farmer.address), pails])
    envelope = (await farmer.builder()).append_operation(InvokeHostFunction(function, source=nobody.address))
    response = await farmer.rpc.simulate_transaction(envelope.build())
    assert response.error is None
    assert response.results is not None
    assert response.results[0].auth == []
