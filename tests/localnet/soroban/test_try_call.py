"""Calls that may fail: what they did, wrote and used of authorisation is taken back."""

from collections.abc import Sequence
from types import MappingProxyType

import pytest
from stellar_sdk import StrKey, scval, xdr

from localnet.ledger import value_wire
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import contract_data_entry, data_key_bytes, instance_key_bytes
from localnet.ledger.value_wire import encode_value
from localnet.soroban.contract_env import ContractEnv, Program
from localnet.soroban.cost_table import FunctionCosts
from localnet.soroban.host import Host
from localnet.soroban.invocation import Invocation
from tests.localnet.contract_chain import ContractChain, failure_text, keypair

OUTER = StrKey.encode_contract(bytes(31) + b"\x01")
INNER = StrKey.encode_contract(bytes(31) + b"\x02")
ADA = keypair("ada").public_key
_PERSISTENT = xdr.ContractDataDurability.PERSISTENT
_NOTE = scval.to_symbol("note")
_CODES = {OUTER: bytes(31) + b"\x01", INNER: bytes(31) + b"\x02"}


class Outer:
    """Tries the inner contract's function twice and returns what came of it."""

    runs_in_vm = True
    costs: FunctionCosts = MappingProxyType({})

    def call(self, env: ContractEnv, function: str, args: Sequence[bytes]) -> bytes:
        env.require_auth(ADA)
        return value_wire.vector([env.try_call(INNER, function, []), env.try_call(INNER, "write", [])])


class Inner:
    """Asks for Ada's authorisation, writes a note, publishes it, and ends as its function is called."""

    runs_in_vm = True
    costs: FunctionCosts = MappingProxyType({})

    def call(self, env: ContractEnv, function: str, args: Sequence[bytes]) -> bytes:
        env.require_auth(ADA)
        name = value_wire.symbol(function.encode())
        env.put_data(encode_value(_NOTE), _PERSISTENT, name)
        env.publish([encode_value(_NOTE)], name)
        if function == "refuse":
            raise env.refuse(7)
        if function == "trap":
            raise env.trap()
        if function == "loop":
            env.call(OUTER, "write", [])
        return name


def find_program(executable: xdr.ContractExecutable) -> Program | None:
    assert executable.wasm_hash is not None
    return Outer() if executable.wasm_hash.hash == _CODES[OUTER] else Inner()


@pytest.fixture
def chain() -> ContractChain:
    chain = ContractChain()
    for contract_id, code_hash in _CODES.items():
        executable = xdr.ContractExecutable(
            xdr.ContractExecutableType.CONTRACT_EXECUTABLE_WASM, wasm_hash=xdr.Hash(code_hash)
        )
        instance = xdr.SCContractInstance(executable=executable, storage=None)
        value = xdr.SCVal(xdr.SCValType.SCV_CONTRACT_INSTANCE, instance=instance)
        key = xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE)
        data = contract_data_entry(contract_id, key, _PERSISTENT, value)
        code = xdr.LedgerEntryData(
            xdr.LedgerEntryType.CONTRACT_CODE,
            contract_code=xdr.ContractCodeEntry(xdr.ContractCodeEntryExt(0), xdr.Hash(code_hash), b"code"),
        )
        code_key = xdr.LedgerKey(
            xdr.LedgerEntryType.CONTRACT_CODE, contract_code=xdr.LedgerKeyContractCode(xdr.Hash(code_hash))
        )
        until = chain.ledger.max_live_until
        chain.entries.apply(
            {
                instance_key_bytes(contract_id): StoredEntry(data, 1, until),
                code_key.to_xdr_bytes(): StoredEntry(code, 1, until),
            }
        )
    return chain


def run(chain: ContractChain, function: str) -> Invocation:
    host = Host(chain.entries, chain.ledger, chain.record(), find_program)
    return host.invoke_root(OUTER, function, [])


def invocations(tree: xdr.SorobanAuthorizedInvocation) -> list[str]:
    """The function names of a tree's nodes, depth first."""
    assert tree.function.contract_fn is not None
    own = tree.function.contract_fn.function_name.sc_symbol.decode()
    return [own, *(name for child in tree.sub_invocations for name in invocations(child))]


@pytest.mark.parametrize(
    ("function", "error"),
    [
        ("refuse", xdr.SCError(xdr.SCErrorType.SCE_CONTRACT, contract_code=xdr.Uint32(7))),
        (
            "trap",
            xdr.SCError(xdr.SCErrorType.SCE_CONTEXT, code=xdr.SCErrorCode.SCEC_INVALID_ACTION),
        ),
        (
            "loop",
            xdr.SCError(xdr.SCErrorType.SCE_CONTEXT, code=xdr.SCErrorCode.SCEC_INVALID_ACTION),
        ),
    ],
)
def test_a_failed_call_leaves_its_error_and_nothing_else(
    chain: ContractChain, function: str, error: xdr.SCError
) -> None:
    outcome = run(chain, function)
    assert outcome.value is not None
    failed, written = scval.from_vec(outcome.value)
    assert failed == xdr.SCVal(xdr.SCValType.SCV_ERROR, error=error)
    assert written == scval.to_symbol("write")
    entry = outcome.writes[data_key_bytes(INNER, _NOTE, _PERSISTENT)]
    assert entry is not None
    assert entry.data.contract_data is not None
    assert entry.data.contract_data.val == scval.to_symbol("write")
    assert len(outcome.writes) == 2, "the note and Ada's nonce"
    assert len(outcome.events) == 1
    (recorded,) = outcome.auth
    assert invocations(recorded.root_invocation) == [function, "write"]


def test_both_calls_count_when_both_succeed(chain: ContractChain) -> None:
    outcome = run(chain, "write")
    (recorded,) = outcome.auth
    assert invocations(recorded.root_invocation) == ["write", "write", "write"]
    assert len(outcome.events) == 2


def test_a_reserved_function_can_be_tried_as_little_as_called(chain: ContractChain) -> None:
    outcome = run(chain, "__check_auth")
    assert failure_text(outcome) == "Error(Context, InvalidAction)"
