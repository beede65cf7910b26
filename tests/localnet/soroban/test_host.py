"""What the host guarantees: isolation, footprints, lifetimes, logs, and the same answer every time."""

import gc

import pytest
from stellar_sdk import StrKey, scval, xdr

from kale.addresses import address_value
from kale.constants import INSTANCE_EXTENSION_SLACK_LEDGERS
from kale.puzzle import farmer_key
from kale.storage import (
    account_key,
    block_key,
    farm_instance_key,
    instance_key,
    pail_key,
    trustline_key,
)
from localnet.contracts.registry import FARM_CODE_HASH
from localnet.ledger.entry_keys import code_key_bytes
from localnet.soroban.auth import RecordingAuthorizer
from localnet.soroban.errors import contract_error
from localnet.soroban.host import Host
from localnet.soroban.invocation import Footprint, Invocation
from tests.localnet.contract_chain import (
    FARM,
    HOMESTEADER,
    ISSUER,
    TOKEN,
    ContractChain,
    failure_text,
    keypair,
    native_events,
    plant_arguments,
)
from tests.localnet.solving import solve

ADA = keypair("ada").public_key
NOWHERE = StrKey.encode_contract(bytes(32))


@pytest.fixture
def chain() -> ContractChain:
    """Ada has 1,000 and block 1 can be opened."""
    chain = ContractChain()
    chain.add_holder(ADA, 1_000)
    chain.advance(60)
    return chain


def footprint_of(outcome: Invocation) -> Footprint:
    return Footprint(frozenset(outcome.touched_read_only), frozenset(outcome.touched_read_write))


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


# Failures


def test_a_failed_call_changes_nothing(chain: ContractChain) -> None:
    before = chain.entries.live(0)
    outcome = chain.plant(ADA, 1_001)
    assert failure_text(outcome) == "Error(Contract, #10)"
    assert (outcome.value, outcome.events, outcome.writes) == (None, (), {})
    assert chain.entries.live(0) == before


@pytest.mark.parametrize(
    ("function", "args", "error"),
    [
        ("dance", [], "Error(WasmVm, MissingValue)"),
        ("__check_auth", [], "Error(Context, InvalidAction)"),
        ("plant", [], "Error(WasmVm, UnexpectedSize)"),
        ("plant", [scval.to_int128(1), scval.to_int128(1)], "Error(WasmVm, InvalidAction)"),
        ("pause", [scval.to_void()], "Error(WasmVm, UnexpectedSize)"),
        (
            "work",
            [address_value(ADA), scval.to_bytes(bytes(31)), scval.to_uint64(1)],
            "Error(WasmVm, InvalidAction)",
        ),
    ],
)
def test_calls_that_are_none(chain: ContractChain, function: str, args: list[xdr.SCVal], error: str) -> None:
    assert failure_text(chain.call(function, *args)) == error


def test_a_missing_contract_is_a_missing_value(chain: ContractChain) -> None:
    outcome = chain.call("plant", contract=NOWHERE)
    assert outcome.failure is not None
    assert outcome.failure.report == (
        "HostError: Error(Storage, MissingValue)\n\nEvent log (newest first):\n"
        "   0: [Diagnostic Event] topics:[error, Error(Storage, MissingValue)], "
        f'data:["trying to get non-existing value for contract instance", {NOWHERE}]\n'
        f"   1: [Diagnostic Event] topics:[fn_call, {NOWHERE}, plant], data:Void\n\n"
    )


def test_a_refusal_is_reported_as_a_node_does(chain: ContractChain) -> None:
    chain.plant(ADA, 1)
    outcome = chain.plant(ADA, 2)
    assert outcome.failure is not None
    assert outcome.failure.contract_code == 8
    assert outcome.failure.report == (
        "HostError: Error(Contract, #8)\n\nEvent log (newest first):\n"
        f"   0: [Diagnostic Event] contract:{FARM}, topics:[error, Error(Contract, #8)], "
        'data:"escalating error to VM trap from failed host function call: fail_with_error"\n'
        f"   1: [Diagnostic Event] contract:{FARM}, topics:[error, Error(Contract, #8)], "
        'data:["failing with contract error", 8]\n'
        f"   2: [Diagnostic Event] topics:[fn_call, {FARM}, plant], data:[{ADA}, 2]\n\n"
    )


def test_a_refusal_of_a_called_contract_is_marked_as_failed(chain: ContractChain) -> None:
    outcome = chain.plant(ADA, 1_001)
    assert outcome.failure is not None
    assert outcome.failure.report == (
        "HostError: Error(Contract, #10)\n\nEvent log (newest first):\n"
        f"   0: [Diagnostic Event] contract:{FARM}, topics:[error, Error(Contract, #10)], "
        'data:"escalating error to VM trap from failed host function call: call"\n'
        f"   1: [Diagnostic Event] contract:{FARM}, topics:[error, Error(Contract, #10)], "
        f'data:["contract call failed", burn, [{ADA}, 1001]]\n'
        f"   2: [Failed Diagnostic Event (not emitted)] contract:{TOKEN}, "
        "topics:[error, Error(Contract, #10)], "
        'data:["resulting balance is not within the allowed range", 0, -1, 9223372036854775807]\n'
        f"   3: [Diagnostic Event] contract:{FARM}, topics:[fn_call, {TOKEN}, burn], data:[{ADA}, 1001]\n"
        f"   4: [Diagnostic Event] topics:[fn_call, {FARM}, plant], data:[{ADA}, 1001]\n\n"
    )
    diagnostics = map(xdr.DiagnosticEvent.from_xdr_bytes, outcome.diagnostic_events)
    assert not any(diagnostic.in_successful_contract_call for diagnostic in diagnostics)


def test_a_vm_that_a_host_function_ended_says_so_after_the_error_was_taken_down(chain: ContractChain) -> None:
    outcome = chain.plant(ADA, 1_001)
    assert outcome.failure is not None
    assert "VM call trapped" not in outcome.failure.report
    last = xdr.DiagnosticEvent.from_xdr_bytes(outcome.diagnostic_events[-1]).event
    assert last.contract_id is not None
    assert StrKey.encode_contract(last.contract_id.contract_id.hash) == FARM
    assert last.body.v0 is not None
    assert last.body.v0.topics == [scval.to_symbol("log")]
    message, function, error = scval.from_vec(last.body.v0.data)
    assert scval.from_string(message) == b"VM call trapped with HostError"
    assert scval.from_symbol(function) == "plant"
    assert error.error == contract_error(10)


def test_a_panic_is_an_error_of_the_vm_itself(chain: ContractChain) -> None:
    outcome = chain.call("plant", address_value(ADA), scval.to_uint32(1))
    assert outcome.failure is not None
    assert outcome.failure.report.splitlines()[3] == (
        f"   0: [Diagnostic Event] contract:{FARM}, topics:[error, Error(WasmVm, InvalidAction)], "
        'data:["VM call trapped: UnreachableCodeReached", plant]'
    )
    last = xdr.DiagnosticEvent.from_xdr_bytes(outcome.diagnostic_events[-1]).event
    assert last.body.v0 is not None
    assert last.body.v0.topics[0] == scval.to_symbol("error")


@pytest.mark.parametrize(
    ("contract", "function", "told"),
    [
        (FARM, "plant", '["VM call failed: Func(MismatchingParameterLen)", plant]'),
        (TOKEN, "burn", '["wrong number of args to func", burn]'),
        (FARM, "dance", '["trying to invoke non-existent contract function", dance]'),
        (TOKEN, "dance", '["symbol not found in slice of strs", dance]'),
    ],
)
def test_a_call_that_does_not_fit_its_contract_is_told_in_the_hosts_words(
    chain: ContractChain, contract: str, function: str, told: str
) -> None:
    failure = chain.call(function, contract=contract).failure
    assert failure is not None
    assert told in failure.report


def test_a_host_leaves_no_cyclic_garbage(chain: ContractChain) -> None:
    """The collector of a localnet under load would have nothing else to do."""
    gc.collect()
    gc.disable()
    try:
        assert chain.plant(ADA, 5).succeeded
        assert not [each for each in gc.get_objects() if isinstance(each, (Host, RecordingAuthorizer))]
    finally:
        gc.enable()


def test_diagnostic_events_tell_the_calls_in_order(chain: ContractChain) -> None:
    outcome = chain.plant(ADA, 5)
    told = []
    for diagnostic in map(xdr.DiagnosticEvent.from_xdr_bytes, outcome.diagnostic_events):
        assert diagnostic.in_successful_contract_call
        assert diagnostic.event.body.v0 is not None
        told.append(scval.to_native(diagnostic.event.body.v0.topics[0]))
    assert told == ["fn_call", "fn_call", "burn", "fn_return", "fn_return"]


# Footprints


def test_a_plants_footprint_at_the_boundary(chain: ContractChain) -> None:
    outcome = chain.plant(ADA, 5)
    nonce = next(key for key in outcome.touched_read_write if key[4:40] == _owner(ADA))
    assert set(outcome.touched_read_only) == {
        account_key(ADA).to_xdr_bytes(),
        instance_key(TOKEN).to_xdr_bytes(),
        code_key_bytes(FARM_CODE_HASH),
        block_key(FARM, 0).to_xdr_bytes(),
    }
    assert set(outcome.touched_read_write) == {
        nonce,
        farm_instance_key(FARM).to_xdr_bytes(),
        block_key(FARM, 1).to_xdr_bytes(),
        pail_key(FARM, ADA, 1).to_xdr_bytes(),
        trustline_key("KALE", ISSUER, ADA).to_xdr_bytes(),
    }


def _owner(address: str) -> bytes:
    encoded = address_value(address).address
    assert encoded is not None
    return encoded.to_xdr_bytes()[:36]


def test_a_harvest_only_reads_the_farms_instance(chain: ContractChain) -> None:
    chain.plant(ADA, 5)
    chain.advance(1)
    hash, nonce = solve(chain, ADA, zeros=0)
    chain.call("work", address_value(ADA), scval.to_bytes(hash), scval.to_uint64(nonce))
    chain.advance(59)
    chain.plant(HOMESTEADER, 0)
    outcome = chain.call("harvest", address_value(ADA), scval.to_uint32(1))
    assert set(outcome.touched_read_write) == {
        pail_key(FARM, ADA, 1).to_xdr_bytes(),
        trustline_key("KALE", ISSUER, ADA).to_xdr_bytes(),
    }
    assert farm_instance_key(FARM).to_xdr_bytes() in outcome.touched_read_only


def test_the_recorded_footprint_suffices(chain: ContractChain) -> None:
    auth = chain.record(ADA)
    simulated = chain.call("plant", *plant_arguments(ADA, 5), auth=auth)
    again = ContractChain()
    again.add_holder(ADA, 1_000)
    again.advance(60)
    outcome = again.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=footprint_of(simulated))
    assert outcome.succeeded
    assert outcome.writes.keys() == simulated.writes.keys()


@pytest.mark.parametrize(
    ("missing", "kind"),
    [
        (farm_instance_key(FARM).to_xdr_bytes(), "contract instance key"),
        (code_key_bytes(FARM_CODE_HASH), "contract code key"),
        (block_key(FARM, 1).to_xdr_bytes(), "contract data key"),
        (trustline_key("KALE", ISSUER, ADA).to_xdr_bytes(), "trustline"),
    ],
)
def test_a_key_outside_of_the_footprint_ends_the_call(
    chain: ContractChain, missing: bytes, kind: str
) -> None:
    auth = chain.record(ADA)
    simulated = ContractChain()
    simulated.add_holder(ADA, 1_000)
    simulated.advance(60)
    whole = footprint_of(simulated.call("plant", *plant_arguments(ADA, 5), auth=auth))
    short = Footprint(whole.read_only - {missing}, whole.read_write - {missing})
    outcome = chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=short)
    assert failure_text(outcome) == "Error(Storage, ExceededLimit)"
    assert outcome.failure is not None
    assert f"trying to access {kind} outside of the footprint" in outcome.failure.report


@pytest.mark.parametrize(
    ("missing", "host_function"),
    [
        (block_key(FARM, 0), "has_contract_data"),
        (pail_key(FARM, ADA, 1), "has_contract_data"),
        (block_key(FARM, 1), "put_contract_data"),
    ],
)
def test_an_access_that_fails_ends_the_vm_by_the_name_of_its_host_function(
    chain: ContractChain, missing: xdr.LedgerKey, host_function: str
) -> None:
    auth = chain.record(ADA)
    simulated = ContractChain()
    simulated.add_holder(ADA, 1_000)
    simulated.advance(60)
    whole = footprint_of(simulated.call("plant", *plant_arguments(ADA, 5), auth=auth))
    key = missing.to_xdr_bytes()
    short = Footprint(whole.read_only - {key}, whole.read_write - {key})
    outcome = chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=short)
    assert outcome.failure is not None
    newest = outcome.failure.report.splitlines()[3]
    assert newest.endswith(f'"escalating error to VM trap from failed host function call: {host_function}"')


def test_a_key_that_may_only_be_read_cannot_be_written(chain: ContractChain) -> None:
    auth = chain.record(ADA)
    simulated = ContractChain()
    simulated.add_holder(ADA, 1_000)
    simulated.advance(60)
    whole = footprint_of(simulated.call("plant", *plant_arguments(ADA, 5), auth=auth))
    read_only = Footprint(whole.read_only | whole.read_write, frozenset())
    outcome = chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=read_only)
    assert failure_text(outcome) == "Error(Storage, ExceededLimit)"


def test_a_footprint_for_both_sides_of_the_boundary_holds_on_either(chain: ContractChain) -> None:
    chain.plant(HOMESTEADER, 0)
    chain.advance(59)
    auth = chain.record(ADA)
    keys = {
        account_key(ADA).to_xdr_bytes(),
        instance_key(TOKEN).to_xdr_bytes(),
        code_key_bytes(FARM_CODE_HASH),
    }
    written = {
        farm_instance_key(FARM).to_xdr_bytes(),
        trustline_key("KALE", ISSUER, ADA).to_xdr_bytes(),
        *(block_key(FARM, index).to_xdr_bytes() for index in (1, 2)),
        *(pail_key(FARM, ADA, index).to_xdr_bytes() for index in (1, 2)),
    }
    both = Footprint(frozenset(keys), frozenset(written))
    assert chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=both).succeeded
    assert chain.farm().index == 1
    chain.advance(1)
    assert chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=both).succeeded
    assert chain.farm().index == 2


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
