"""One running contract call: the host as that contract sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from stellar_sdk import scval, xdr

from localnet.lazy import lazy
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import (
    code_key_bytes,
    contract_data_entry,
    data_key_bytes,
    instance_key_bytes,
    key_bytes,
)
from localnet.ledger.value_wire import encode_value
from localnet.soroban import cost_table
from localnet.soroban.auth import Call
from localnet.soroban.budget import Budget
from localnet.soroban.contract_env import Program
from localnet.soroban.errors import ErrorCode, ErrorType, HostError
from localnet.soroban.event_log import EventLog
from localnet.soroban.invocation import LedgerInfo
from localnet.soroban.values import value_order

_INSTANCE_KEY = xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE)
_PERSISTENT = xdr.ContractDataDurability.PERSISTENT
STORAGE_KEY = "contract data key"


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

    def put(self, key: bytes, data: xdr.LedgerEntryData, what: str) -> None: ...

    def delete(self, key: bytes, what: str) -> None: ...

    def extend(self, key: bytes, what: str, threshold: int, extend_to: int) -> None: ...

    def require_auth(self, address: str, call: Call) -> None:
        """`address` must have authorised `call`, the current one."""

    def call(self, contract_id: str, function: str, args: Sequence[xdr.SCVal]) -> xdr.SCVal:
        """Calls a contract from the current one."""

    def try_call(self, contract_id: str, function: str, args: Sequence[xdr.SCVal]) -> xdr.SCVal:
        """The same; what may be caught of its errors is the value."""

    def refuse(self, code: int, message: str, args: Sequence[xdr.SCVal]) -> HostError:
        """Logs a contract's own error number and returns it to be raised."""

    def fail(
        self, kind: xdr.SCErrorType, code: xdr.SCErrorCode, message: str, args: Sequence[xdr.SCVal] = ()
    ) -> HostError:
        """The same for an error of the host's own."""


class Frame:
    """A `ContractEnv`, and the instance storage that lives as long as the call."""

    def __init__(
        self, host: FrameHost, call: Call, instance: xdr.SCContractInstance, program: Program
    ) -> None:
        self._host = host
        self._call = call
        self._instance = instance
        self._program = program
        self._values_changed = False

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

    def instance_value(self, name: str) -> xdr.SCVal | None:
        self._host.budget.charge(cost_table.INSTANCE_VALUE)
        entry = self._values.get(_instance_name(name).encoded)
        return entry.val if entry is not None else None

    def instance_symbol(self, name: str) -> xdr.SCVal | None:
        self._host.budget.charge(cost_table.INSTANCE_VALUE)
        entry = self._values.get(encode_value(scval.to_symbol(name)))
        return entry.val if entry is not None else None

    def required_instance_value(self, name: str) -> xdr.SCVal:
        value = self.instance_value(name)
        if value is None:
            raise self._host.fail(
                ErrorType.SCE_STORAGE,
                ErrorCode.SCEC_MISSING_VALUE,
                "key is missing from instance storage",
                [_instance_name(name).value],
            )
        return value

    def set_instance_value(self, name: str, value: xdr.SCVal) -> None:
        self._host.budget.charge(cost_table.INSTANCE_VALUE)
        key = _instance_name(name)
        self._values[key.encoded] = xdr.SCMapEntry(key=key.value, val=value)
        self._values_changed = True

    def extend_instance(self, threshold: int, extend_to: int) -> None:
        self._host.extend(instance_key_bytes(self.contract_id), "contract instance key", threshold, extend_to)
        wasm_hash = self._instance.executable.wasm_hash
        if wasm_hash is not None:
            self._host.extend(code_key_bytes(wasm_hash.hash), "contract code key", threshold, extend_to)

    def write_instance(self) -> None:
        """Puts the instance back if its storage changed; the host calls it when the call succeeds."""
        if not self._values_changed:
            return
        values = list(self._values.values())
        if len(values) > self._stored_values:
            values.sort(key=lambda entry: value_order(entry.key))
        storage = xdr.SCMap(values)
        instance = xdr.SCContractInstance(executable=self._instance.executable, storage=storage)
        value = xdr.SCVal(xdr.SCValType.SCV_CONTRACT_INSTANCE, instance=instance)
        entry = contract_data_entry(self.contract_id, _INSTANCE_KEY, _PERSISTENT, value)
        self._host.put(instance_key_bytes(self.contract_id), entry, "contract instance key")

    @lazy
    def _values(self) -> dict[bytes, xdr.SCMapEntry]:
        """The instance storage by its encoded keys, in the host's order until a key is added."""
        stored = self._instance.storage.sc_map if self._instance.storage is not None else ()
        return {encode_value(entry.key): entry for entry in stored}

    @property
    def _stored_values(self) -> int:
        return len(self._instance.storage.sc_map) if self._instance.storage is not None else 0

    # Data entries

    def data(self, key: xdr.SCVal, durability: xdr.ContractDataDurability) -> xdr.SCVal | None:
        entry = self._host.find(self._key_bytes(key, durability), STORAGE_KEY)
        if entry is None or entry.data.contract_data is None:
            return None
        return entry.data.contract_data.val

    def put_data(self, key: xdr.SCVal, durability: xdr.ContractDataDurability, value: xdr.SCVal) -> None:
        entry = contract_data_entry(self.contract_id, key, durability, value)
        self._host.put(self._key_bytes(key, durability), entry, STORAGE_KEY)

    def delete_data(self, key: xdr.SCVal, durability: xdr.ContractDataDurability) -> None:
        self._host.delete(self._key_bytes(key, durability), STORAGE_KEY)

    def extend_data(
        self, key: xdr.SCVal, durability: xdr.ContractDataDurability, threshold: int, extend_to: int
    ) -> None:
        self._host.extend(self._key_bytes(key, durability), STORAGE_KEY, threshold, extend_to)

    def classic_entry(self, key: xdr.LedgerKey) -> xdr.LedgerEntryData | None:
        entry = self._host.find(key_bytes(key), _classic_kind(key))
        return entry.data if entry is not None else None

    def put_classic_entry(self, key: xdr.LedgerKey, data: xdr.LedgerEntryData) -> None:
        self._host.put(key_bytes(key), data, _classic_kind(key))

    def _key_bytes(self, key: xdr.SCVal, durability: xdr.ContractDataDurability) -> bytes:
        return data_key_bytes(self.contract_id, key, durability)

    # The rest of the host

    def require_auth(self, address: str) -> None:
        self._host.require_auth(address, self._call)

    def call(self, contract_id: str, function: str, args: Sequence[xdr.SCVal]) -> xdr.SCVal:
        return self._host.call(contract_id, function, args)

    def try_call(self, contract_id: str, function: str, args: Sequence[xdr.SCVal]) -> xdr.SCVal:
        return self._host.try_call(contract_id, function, args)

    def publish(self, topics: Sequence[xdr.SCVal], data: xdr.SCVal) -> None:
        self._host.budget.charge(cost_table.EVENT)
        self._host.events.contract_event(self.contract_id, topics, data)

    def refuse(self, code: int, message: str = "", args: Sequence[xdr.SCVal] = ()) -> HostError:
        return self._host.refuse(code, message, args)

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
    def _function(self) -> xdr.SCVal:
        return scval.to_symbol(self._call.function)


@dataclass(frozen=True)
class _InstanceName:
    value: xdr.SCVal
    encoded: bytes


@lru_cache(maxsize=256)
def _instance_name(name: str) -> _InstanceName:
    """The key of a value in the instance storage, as a contract's enum of keys encodes it."""
    value = scval.to_vec([scval.to_symbol(name)])
    return _InstanceName(value, encode_value(value))


def _classic_kind(key: xdr.LedgerKey) -> str:
    return "account" if key.account is not None else "trustline"
