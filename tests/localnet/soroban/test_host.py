"""What the host guarantees: a failed call changes nothing, lifetimes, and the same answer every time."""

import gc

from stellar_sdk import StrKey, scval

from kale.addresses import address_value
from kale.constants import INSTANCE_EXTENSION_SLACK_LEDGERS
from kale.puzzle import farmer_key
from kale.storage import block_key, farm_instance_key, pail_key
from localnet.contracts.registry import FARM_CODE_HASH
from localnet.ledger.entry_keys import code_key_bytes
from localnet.soroban.auth import RecordingAuthorizer
from localnet.soroban.host import Host
from tests.localnet.contract_chain import (
    FARM,
    HOMESTEADER,
    ISSUER,
    ContractChain,
    failure_text,
    footprint_of,
    keypair,
    native_events,
    plant_arguments,
)
from tests.localnet.solving import solve

ADA = keypair("ada").public_key


# A whole round


def test_a_farmer_plants_works_and_harvests(chain: ContractChain) -> None:
    planted = chain.plant(ADA, 400)
    assert planted.succeeded
    assert native_events(planted) == [(["burn", ADA, f"KALE:{ISSUER}"], 400)]
    assert (chain.farm().index, chain.balance(ADA)) == (1, 600)

    chain.advance(58)
    hash, nonce = solve(chain, ADA, zeros=2)
    worked = chain.call("work", address_value(ADA), scval.to_bytes(hash), scval.to_uint64(nonce))
    assert worked.value == scval.to_uint32(58)
    assert (chain.pail(ADA, 1).gap, chain.pail(ADA, 1).zeros) == (58, 2)

    chain.advance(2)
    assert chain.plant(HOMESTEADER, 0).succeeded
    harvested = chain.call("harvest", address_value(ADA), scval.to_uint32(1))
    assert harvested.value == scval.to_int128(25_050_000_000)
    assert native_events(harvested) == [(["mint", ADA, f"KALE:{ISSUER}"], 25_050_000_400)]
    assert chain.balance(ADA) == 25_050_001_000
    assert chain.entry(pail_key(FARM, ADA, 1)) is None


def test_farmer_keys_of_contracts_work_too(chain: ContractChain) -> None:
    wallet = StrKey.encode_contract(bytes(range(32)))
    chain.add_holder(wallet, 10)
    assert chain.plant(wallet, 10).succeeded
    assert chain.balance(wallet) == 0
    assert farmer_key(wallet) == bytes(range(32))


def test_the_homesteader_pauses_unpauses_and_removes_a_block(chain: ContractChain) -> None:
    assert chain.call("pause").succeeded
    assert chain.farm().paused
    assert failure_text(chain.plant(ADA, 0)) == "Error(Contract, #4)"
    assert failure_text(chain.call("pause")) == "Error(Contract, #4)"
    assert chain.call("unpause").succeeded
    assert failure_text(chain.call("unpause")) == "Error(Contract, #5)"
    assert chain.plant(ADA, 0).succeeded
    assert chain.call("remove_block", scval.to_uint32(1)).succeeded
    assert chain.entry(block_key(FARM, 1)) is None
    assert chain.call("remove_block", scval.to_uint32(77)).succeeded


# What a call leaves behind


def test_a_failed_call_changes_nothing(chain: ContractChain) -> None:
    before = chain.entries.live(0)
    outcome = chain.plant(ADA, 1_001)
    assert failure_text(outcome) == "Error(Contract, #10)"
    assert (outcome.value, outcome.events, outcome.writes) == (None, (), {})
    assert chain.entries.live(0) == before


def test_a_host_leaves_no_cyclic_garbage(chain: ContractChain) -> None:
    """The collector of a localnet under load would have nothing else to do."""
    gc.collect()
    gc.disable()
    try:
        assert chain.plant(ADA, 5).succeeded
        assert not [each for each in gc.get_objects() if isinstance(each, (Host, RecordingAuthorizer))]
    finally:
        gc.enable()


# Lifetimes


def test_blocks_and_pails_vanish_17280_ledgers_after_their_creation(chain: ContractChain) -> None:
    chain.plant(ADA, 5)
    chain.advance(1)
    hash, nonce = solve(chain, ADA, zeros=0)
    chain.call("work", address_value(ADA), scval.to_bytes(hash), scval.to_uint64(nonce))
    for key in (block_key(FARM, 1), pail_key(FARM, ADA, 1)):
        entry = chain.entry(key)
        assert entry is not None
        assert entry.live_until == 1_060 + 17_279, "a rewrite does not lengthen it"
    chain.advance(17_278)
    chain.plant(HOMESTEADER, 0)
    assert chain.farm().index == 2
    chain.advance(1)
    outcome = chain.call("harvest", address_value(ADA), scval.to_uint32(1))
    assert failure_text(outcome) == "Error(Contract, #11)"


def test_an_expired_block_makes_the_next_plant_start_a_new_index(chain: ContractChain) -> None:
    chain.plant(ADA, 5)
    chain.advance(17_280, seconds=1)
    assert chain.plant(ADA, 5).succeeded
    assert chain.farm().index == 2
    entry = chain.entry(block_key(FARM, 2))
    assert entry is not None
    assert entry.live_until == chain.ledger.sequence + 17_279


def test_the_farms_instance_is_extended_after_a_week(chain: ContractChain) -> None:
    before = chain.entry(farm_instance_key(FARM))
    assert before is not None
    chain.plant(ADA, 0)
    entry = chain.entry(farm_instance_key(FARM))
    assert entry is not None
    assert entry.live_until == before.live_until
    chain.advance(INSTANCE_EXTENSION_SLACK_LEDGERS - 60)
    chain.plant(ADA, 0)
    entry = chain.entry(farm_instance_key(FARM))
    assert entry is not None
    assert entry.live_until == chain.ledger.max_live_until


def test_a_recording_restores_what_is_archived_and_counts_it_as_written(chain: ContractChain) -> None:
    chain.advance(chain.ledger.max_live_until)
    outcome = chain.plant(ADA, 0)
    assert outcome.succeeded
    code, instance = code_key_bytes(FARM_CODE_HASH), farm_instance_key(FARM).to_xdr_bytes()
    assert set(outcome.restored) == {code, instance}
    assert {code, instance} <= set(outcome.touched_read_write)
    assert outcome.restored[code].live_until == chain.ledger.new_live_until(temporary=False)
    assert outcome.restored[code].last_modified == chain.ledger.sequence


def test_with_a_footprint_an_archived_entry_that_nobody_restored_cannot_be_used(chain: ContractChain) -> None:
    footprint = footprint_of(chain.plant(ADA, 0))
    chain.advance(chain.ledger.max_live_until)
    outcome = chain.call("plant", *plant_arguments(ADA, 0), footprint=footprint)
    assert failure_text(outcome) == "Error(Storage, InternalError)"
    assert outcome.failure is not None
    assert "accessing no-longer-live entry" in outcome.failure.report


# Determinism


def test_the_same_inputs_give_the_same_answer(chain: ContractChain) -> None:
    other = ContractChain()
    other.add_holder(ADA, 1_000)
    other.advance(60)
    first, second = chain.plant(ADA, 5), other.plant(ADA, 5)
    assert first == second
