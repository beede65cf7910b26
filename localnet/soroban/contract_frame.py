"""One running contract call: the host as that contract sees it."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from stellar_sdk import xdr

from localnet.ledger import value_wire, wire
from localnet.ledger.contract_instance import ContractInstance
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import code_key_bytes, instance_key_bytes, value_key_bytes
from localnet.soroban import cost_table
from localnet.soroban.auth_trees import Call
from localnet.soroban.budget import Budget
from localnet.soroban.contract_env import Program
from localnet.soroban.errors import ErrorCode, ErrorType, HostError
from localnet.soroban.event_log import EventLog
from localnet.soroban.invocation import LedgerInfo
from localnet.soroban.values import value_order

_INSTANCE_KEY = "contract instance key"
STORAGE_KEY = "contract data key"
_ACCOUNT = wire.int32(xdr.LedgerEntryType.ACCOUNT)


class FrameHost(Protocol):
    """What a running call needs of the host. Keys are LedgerKey XDR; `what` names their kind in errors."""

    @property
    def ledger(self) -> LedgerInfo: ...

    @property
    def events(self) -> EventLog: ...

    @property
    def budget(self) -> Budget: ...

    def find(self, key: bytes, what: str) -> StoredEntry | None:
        """A live entry."""

    def put(self, key: bytes, data: xdr.LedgerEntryData, what: str) -> None:
        """A classic entry."""

    def put_value(self, key: bytes, value: bytes, what: str) -> None:
        """Contract data."""

    def put_instance(self, key: bytes, instance: ContractInstance, what: str) -> None: ...

    def delete(self, key: bytes, what: str) -> None: ...

    def extend(self, key: bytes, what: str, threshold: int, extend_to: int) -> None: ...

    def require_auth(self, address: str, call: Call) -> None:
        """`address` must have authorised `call`, the current one."""

    def call(self, contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
        """Calls a contract from the current one."""

    def try_call(self, contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
        """The same; what may be caught of its errors is the value."""

    def refuse(self, code: int, message: str, args: Sequence[bytes]) -> HostError:
        """Logs a contract's own error number and returns it to be raised."""

    def fail(
        self, kind: xdr.SCErrorType, code: xdr.SCErrorCode, message: str, args: Sequence[bytes] = ()
    ) -> HostError:
        """The same for an error of the host's own."""


class Frame:
    """A `ContractEnv`, and the instance storage that lives as long as the call."""

    def __init__(self, host: FrameHost, call: Call, instance: ContractInstance, program: Program) -> None:
        self._host = host
        self._call = call
        self._instance = instance
        self._program = program
        self._values = instance.values
        self._changed_values: dict[bytes, bytes] | None = None

    def __repr__(self) -> str:
        return f"Frame({self._call.contract_id}.{self._call.function})"

    @property
    def contract_id(self) -> str:
        return self._call.contract_id

    @property
    def ledger(self) -> LedgerInfo:
        return self._host.ledger

    @property
    def runs_in_vm(self) -> bool:
        """Whether the running code is Wasm on the chain."""
        return self._program.runs_in_vm

    # Instance storage

    def instance_value(self, name: str) -> bytes | None:
        self._host.budget.charge(cost_table.INSTANCE_VALUE)
        return self._values.get(_instance_name(name))

    def instance_symbol(self, name: str) -> bytes | None:
        self._host.budget.charge(cost_table.INSTANCE_VALUE)
        return self._values.get(value_wire.symbol(name.encode()))

    def required_instance_value(self, name: str) -> bytes:
        value = self.instance_value(name)
        if value is None:
            raise self.storage_error(
                ErrorCode.SCEC_MISSING_VALUE,
                "key is missing from instance storage",
                [_instance_name(name)],
            )
        return value

    def set_instance_value(self, name: str, value: bytes) -> None:
        self._host.budget.charge(cost_table.INSTANCE_VALUE)
        if self._changed_values is None:
            self._values = self._changed_values = dict(self._values)
        self._changed_values[_instance_name(name)] = value

    def extend_instance(self, threshold: int, extend_to: int) -> None:
        self._host.extend(instance_key_bytes(self.contract_id), _INSTANCE_KEY, threshold, extend_to)
        wasm_hash = self._instance.wasm_hash
        if wasm_hash is not None:
            self._host.extend(code_key_bytes(wasm_hash), "contract code key", threshold, extend_to)

    def write_instance(self) -> None:
        """Puts the instance back if its storage changed; the host calls it when the call succeeds."""
        values = self._changed_values
        if values is None:
            return
        if len(values) > len(self._instance.values):
            ordered = sorted(values, key=lambda key: value_order(xdr.SCVal.from_xdr_bytes(key)))
            values = {key: values[key] for key in ordered}
        instance = self._instance.with_values(values)
        self._host.put_instance(instance_key_bytes(self.contract_id), instance, _INSTANCE_KEY)

    # Data entries

    def data(self, key: bytes, durability: xdr.ContractDataDurability) -> bytes | None:
        entry = self._host.find(self._key_bytes(key, durability), STORAGE_KEY)
        return None if entry is None else entry.value

    def put_data(self, key: bytes, durability: xdr.ContractDataDurability, value: bytes) -> None:
        self._host.put_value(self._key_bytes(key, durability), value, STORAGE_KEY)

    def delete_data(self, key: bytes, durability: xdr.ContractDataDurability) -> None:
        self._host.delete(self._key_bytes(key, durability), STORAGE_KEY)

    def extend_data(
        self, key: bytes, durability: xdr.ContractDataDurability, threshold: int, extend_to: int
    ) -> None:
        self._host.extend(self._key_bytes(key, durability), STORAGE_KEY, threshold, extend_to)

    def classic_entry(self, key: bytes) -> xdr.LedgerEntryData | None:
        entry = self._host.find(key, _classic_kind(key))
        return entry.data if entry is not None else None

    def put_classic_entry(self, key: bytes, data: xdr.LedgerEntryData) -> None:
        self._host.put(key, data, _classic_kind(key))

    def _key_bytes(self, key: bytes, durability: xdr.ContractDataDurability) -> bytes:
        return value_key_bytes(self._call.contract_id, key, durability)

    # The rest of the host

    def require_auth(self, address: str) -> None:
        self._host.require_auth(address, self._call)

    def call(self, contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
        return self._host.call(contract_id, function, args)

    def try_call(self, contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
        return self._host.try_call(contract_id, function, args)

    def publish(self, topics: Sequence[bytes], data: bytes) -> None:
        self._host.budget.charge(cost_table.EVENT)
        self._host.events.contract_event(self.contract_id, topics, data)

    def refuse(self, code: int, message: str = "", args: Sequence[bytes] = ()) -> HostError:
        return self._host.refuse(code, message, args)

    def storage_error(self, code: xdr.SCErrorCode, message: str, args: Sequence[bytes] = ()) -> HostError:
        return self._host.fail(ErrorType.SCE_STORAGE, code, message, args)

    def wrong_type(self) -> HostError:
        if self.runs_in_vm:
            return self.trap()
        message = "unexpected type of argument"
        return self._host.fail(ErrorType.SCE_VALUE, ErrorCode.SCEC_UNEXPECTED_TYPE, message)

    def wrong_count(self) -> HostError:
        kind, message = ErrorType.SCE_CONTEXT, "wrong number of args to func"
        if self.runs_in_vm:
            kind, message = ErrorType.SCE_WASM_VM, "VM call failed: Func(MismatchingParameterLen)"
        return self._host.fail(kind, ErrorCode.SCEC_UNEXPECTED_SIZE, message, [self._function])

    def missing_function(self) -> HostError:
        kind, code = ErrorType.SCE_VALUE, ErrorCode.SCEC_INVALID_INPUT
        message = "symbol not found in slice of strs"
        if self.runs_in_vm:
            kind, code = ErrorType.SCE_WASM_VM, ErrorCode.SCEC_MISSING_VALUE
            message = "trying to invoke non-existent contract function"
        return self._host.fail(kind, code, message, [self._function])

    def trap(self) -> HostError:
        return self._host.fail(
            ErrorType.SCE_WASM_VM,
            ErrorCode.SCEC_INVALID_ACTION,
            "VM call trapped: UnreachableCodeReached",
            [self._function],
        )

    @property
    def _function(self) -> bytes:
        return value_wire.symbol(self._call.function.encode())


@lru_cache(maxsize=256)
def _instance_name(name: str) -> bytes:
    """The key of a value in the instance storage, as a contract's enum of keys encodes it."""
    return value_wire.vector([value_wire.symbol(name.encode())])


def _classic_kind(key: bytes) -> str:
    return "account" if key.startswith(_ACCOUNT) else "trustline"
