"""What the host tells of calls: errors and their reports, and diagnostic events."""

import pytest
from stellar_sdk import StrKey, scval, xdr

from kale.addresses import address_value
from localnet.soroban.errors import contract_error
from tests.localnet.contract_chain import FARM, TOKEN, ContractChain, failure_text, keypair

ADA = keypair("ada").public_key
NOWHERE = StrKey.encode_contract(bytes(32))


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


def test_diagnostic_events_tell_the_calls_in_order(chain: ContractChain) -> None:
    outcome = chain.plant(ADA, 5)
    told = []
    for diagnostic in map(xdr.DiagnosticEvent.from_xdr_bytes, outcome.diagnostic_events):
        assert diagnostic.in_successful_contract_call
        assert diagnostic.event.body.v0 is not None
        told.append(scval.to_native(diagnostic.event.body.v0.topics[0]))
    assert told == ["fn_call", "fn_call", "burn", "fn_return", "fn_return"]
