"""The host in which contracts run: one instance for one root call.

Source of behaviours and texts: the Soroban host of protocol 23 and later.
"""

from collections.abc import Sequence
from typing import Final

from stellar_sdk import xdr

from kale.addresses import account_key_bytes
from localnet.ledger import value_wire
from localnet.ledger.accounts import account_key
from localnet.ledger.contract_instance import ContractInstance
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.entry_keys import code_key_bytes, instance_key_bytes, key_values, value_key_bytes
from localnet.soroban import cost_table
from localnet.soroban.auth import Authorizer, EnforcingAuthorizer, RecordingAuthorizer
from localnet.soroban.auth_trees import Call
from localnet.soroban.budget import Budget
from localnet.soroban.contract_env import Program, ProgramFinder
from localnet.soroban.contract_frame import STORAGE_KEY, Frame
from localnet.soroban.errors import (
    EntryArchivedError,
    ErrorCode,
    ErrorType,
    FootprintExceededError,
    HostError,
    contract_error,
    host_error,
)
from localnet.soroban.event_log import EventLog
from localnet.soroban.invocation import EnforceAuth, Failure, Footprint, Invocation, LedgerInfo, RecordAuth
from localnet.soroban.storage import HostStorage
from localnet.soroban.values import describe_error

CHECK_AUTH: Final = "__check_auth"
#: What errors call the kinds of entries.
INSTANCE: Final = "contract instance key"
CODE: Final = "contract code key"
EXTEND_INSTANCE: Final = "extend_current_contract_instance_and_code_ttl"
_TEMPORARY: Final = xdr.ContractDataDurability.TEMPORARY
#: What an access to an entry may raise in the storage.
_INACCESSIBLE: Final = (FootprintExceededError, EntryArchivedError)


class Host:
    """Runs one root call of a contract on the state that `reader` gives, with the code that
    `find_program` gives.

    Without a `footprint` every access is allowed and only recorded (simulation); with
    one, an access outside of it fails with Error(Storage, ExceededLimit) (apply). What takes
    more than `most_instructions` ends with Error(Budget, ExceededLimit).
    Deterministic: everything it knows is in its arguments. Not to be used twice.
    """

    def __init__(
        self,
        reader: EntryReader,
        ledger: LedgerInfo,
        auth: RecordAuth | EnforceAuth,
        find_program: ProgramFinder,
        footprint: Footprint | None = None,
        most_instructions: int | None = None,
    ) -> None:
        self.ledger = ledger
        self.budget = Budget(most_instructions)
        self.storage = HostStorage(reader, ledger, footprint, self.budget)
        self.events = EventLog()
        self._auth_settings = auth
        self._find_program = find_program
        self._authorizer: Authorizer | None = None
        self._frames: list[Frame] = []

    def __repr__(self) -> str:
        return f"Host(ledger {self.ledger.sequence}, {len(self._frames)} calls deep)"

    def invoke_root(self, contract_id: str, function: str, args: Sequence[bytes]) -> Invocation:
        """Calls `function` of the contract `contract_id` (C…); never raises for what a contract does."""
        try:
            self._authorizer = self._new_authorizer()
            value = self.call(contract_id, function, args)
        except HostError as error:
            report = self.events.report(error.error)
            self.events.fail_from(0)
            return self._outcome(None, Failure(error.error, describe_error(error.error), report))
        else:
            return self._outcome(value, None)
        finally:
            # The authorizer knows its host: without this the two, and all they hold, would be cyclic garbage.
            self._authorizer = None

    # Calls

    def call(self, contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
        """A call from the current frame, or the root call."""
        return self._call(self._callable(contract_id, function, args))

    def try_call(self, contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
        """A call from the current frame that may fail: then its error is the value, and it changed nothing.

        A contract's own error comes through, others of the host become Error(Context, InvalidAction); what no
        contract may catch is raised.
        """
        written, authorized = self.storage.snapshot(), self._require_authorizer().snapshot()
        try:
            return self._call(self._callable(contract_id, function, args), is_tried=True)
        except HostError as error:
            if not error.is_recoverable:
                raise
            self.storage.restore(written)
            self._require_authorizer().restore(authorized)
            caught = error.error
            if caught.contract_code is None:
                caught = host_error(ErrorType.SCE_CONTEXT, ErrorCode.SCEC_INVALID_ACTION)
            return value_wire.error(caught)

    def check_custom_account(self, contract_id: str, args: tuple[bytes, ...]) -> None:
        """Asks an account contract; only authentication may call this reserved function."""
        self._call(Call(contract_id, CHECK_AUTH, args))

    def _callable(self, contract_id: str, function: str, args: Sequence[bytes]) -> Call:
        if function.startswith("__"):
            raise self.fail(
                ErrorType.SCE_CONTEXT,
                ErrorCode.SCEC_INVALID_ACTION,
                "can't invoke a reserved function directly",
                [value_wire.symbol(function.encode())],
            )
        return Call(contract_id, function, tuple(args))

    def _call(self, call: Call, *, is_tried: bool = False) -> bytes:
        caller = self.current_contract
        self.events.called(caller, call.contract_id, call.function, call.args)
        mark = self.events.mark()
        try:
            value = self._run(call)
        except HostError as error:
            if caller is None:
                raise
            self.events.fail_from(mark)
            raise self._failed_call(call, error, is_tried=is_tried) from error
        self.events.returned(call.contract_id, call.function, value)
        return value

    def _failed_call(self, call: Call, error: HostError, *, is_tried: bool) -> HostError:
        """Logged for the caller, and for its VM if that ends with it."""
        host_function = "try_call" if is_tried else "call"
        arguments = [value_wire.symbol(call.function.encode()), value_wire.vector(call.args)]
        logged = self.error(error.error, f"contract {host_function} failed", arguments)
        if is_tried and error.is_recoverable:
            return logged
        return self._escalated(logged, host_function)

    def _run(self, call: Call) -> bytes:
        if call.contract_id in [frame.contract_id for frame in self._frames]:
            raise self.fail(
                ErrorType.SCE_CONTEXT, ErrorCode.SCEC_INVALID_ACTION, "Contract re-entry is not allowed"
            )
        instance, program = self._load(call.contract_id)
        self.budget.charge(cost_table.CALL + program.costs.get(call.function, 0))
        if program.runs_in_vm:
            self.budget.charge(cost_table.VM_INSTANTIATION)
        frame = Frame(self, call, instance, program)
        self._frames.append(frame)
        self._require_authorizer().enter()
        try:
            value = program.call(frame, call.function, call.args)
            frame.write_instance()
        except HostError as error:
            if error.ends_vm:
                self.events.vm_trapped(call.contract_id, call.function, error.error)
            raise
        finally:
            self._require_authorizer().leave()
            self._frames.pop()
        return value

    def _load(self, contract_id: str) -> tuple[ContractInstance, Program]:
        entry = self.find(instance_key_bytes(contract_id), INSTANCE)
        instance = None if entry is None else entry.instance
        if instance is None:
            raise self.fail(
                ErrorType.SCE_STORAGE,
                ErrorCode.SCEC_MISSING_VALUE,
                "trying to get non-existing value for contract instance",
                [value_wire.address(contract_id)],
            )
        if instance.wasm_hash is not None:
            self._load_code(instance.wasm_hash)
        program = self._find_program(instance.executable)
        if program is None:
            raise self.fail(
                ErrorType.SCE_WASM_VM, ErrorCode.SCEC_INVALID_ACTION, "the localnet has no such contract code"
            )
        return instance, program

    def _load_code(self, wasm_hash: bytes) -> None:
        if self.find(code_key_bytes(wasm_hash), CODE) is None:
            raise self.fail(
                ErrorType.SCE_STORAGE,
                ErrorCode.SCEC_MISSING_VALUE,
                "Wasm does not exist",
                [value_wire.binary(wasm_hash)],
            )

    # Storage

    def find(self, key: bytes, what: str) -> StoredEntry | None:
        """A live entry; `what` names its kind in errors."""
        try:
            return self.storage.find(key)
        except _INACCESSIBLE as error:
            raise self._inaccessible(key, what, "has_contract_data", error) from error

    def put(self, key: bytes, data: xdr.LedgerEntryData, what: str) -> None:
        """Creates or rewrites a classic entry."""
        try:
            self.storage.put(key, data)
        except _INACCESSIBLE as error:
            raise self._inaccessible(key, what, "put_contract_data", error) from error

    def put_value(self, key: bytes, value: bytes, what: str) -> None:
        """Creates or rewrites contract data."""
        try:
            self.storage.put_value(key, value)
        except _INACCESSIBLE as error:
            raise self._inaccessible(key, what, "put_contract_data", error) from error

    def put_instance(self, key: bytes, instance: ContractInstance, what: str) -> None:
        """Rewrites a contract's instance."""
        try:
            self.storage.put_instance(key, instance)
        except _INACCESSIBLE as error:
            raise self._inaccessible(key, what, "put_contract_data", error) from error

    def delete(self, key: bytes, what: str) -> None:
        """Removes an entry."""
        try:
            self.storage.delete(key)
        except _INACCESSIBLE as error:
            raise self._inaccessible(key, what, "del_contract_data", error) from error

    def extend(self, key: bytes, what: str, threshold: int, extend_to: int) -> None:
        """Lengthens an entry's life."""
        try:
            self.storage.extend(key, threshold, extend_to)
        except _INACCESSIBLE as error:
            raise self._inaccessible(key, what, EXTEND_INSTANCE, error) from error

    def _inaccessible(self, key: bytes, what: str, host_function: str, error: Exception) -> HostError:
        """`host_function` is the one by which a VM asks for that access to its data."""
        code, message = ErrorCode.SCEC_INTERNAL_ERROR, "accessing no-longer-live entry"
        if isinstance(error, FootprintExceededError):
            code, message = ErrorCode.SCEC_EXCEEDED_LIMIT, f"trying to access {what} outside of the footprint"
        failed = self.fail(ErrorType.SCE_STORAGE, code, message, key_values(key))
        if what == STORAGE_KEY or host_function == EXTEND_INSTANCE:
            return self._escalated(failed, host_function)
        return failed

    # Authorisation

    def require_auth(self, address: str, call: Call) -> None:
        """The direct caller's own authorisation is implied by its calling."""
        self.budget.charge(cost_table.AUTH_CHECK)
        if len(self._frames) > 1 and self._frames[-2].contract_id == address:
            return
        try:
            self._require_authorizer().require(address, call)
        except HostError as error:
            raise self._escalated(error, "require_auth") from error

    def find_account(self, address: str) -> xdr.AccountEntry | None:
        """The account entry of a G address."""
        entry = self.find(account_key(account_key_bytes(address)), "account")
        return None if entry is None else entry.account

    def touch_signer(self, address: str) -> None:
        """Counts what authenticating an address will read to the footprint."""
        if address.startswith("G"):
            self.find_account(address)
            return
        entry = self.find(instance_key_bytes(address), INSTANCE)
        instance = None if entry is None else entry.instance
        if instance is not None and instance.wasm_hash is not None:
            self.find(code_key_bytes(instance.wasm_hash), CODE)

    def put_nonce(self, address: str, nonce: int, live_until: int) -> bool:
        """Uses up a nonce of an address; False if it is used already."""
        key = value_key_bytes(address, value_wire.nonce(nonce), _TEMPORARY)
        try:
            if self.storage.find(key) is not None:
                return False
            self.storage.put_value(key, value_wire.VOID, live_until)
        except FootprintExceededError as error:
            raise self.fail(
                ErrorType.SCE_STORAGE,
                ErrorCode.SCEC_EXCEEDED_LIMIT,
                "trying to access nonce outside of footprint for address",
                [value_wire.address(address)],
            ) from error
        return True

    def _new_authorizer(self) -> Authorizer:
        if isinstance(self._auth_settings, RecordAuth):
            return RecordingAuthorizer(self._auth_settings, self)
        return EnforcingAuthorizer(self._auth_settings, self)

    def _require_authorizer(self) -> Authorizer:
        if self._authorizer is None:
            raise RuntimeError("contracts run only below invoke_root")
        return self._authorizer

    # Errors

    @property
    def current_contract(self) -> str | None:
        """The contract that is running; None before the root call."""
        return self._frames[-1].contract_id if self._frames else None

    def error(self, error: xdr.SCError, message: str, args: Sequence[bytes] = ()) -> HostError:
        """Logs an error and returns it to be raised."""
        self.events.error(self.current_contract, error, message, args)
        return HostError(error)

    def fail(
        self, kind: xdr.SCErrorType, code: xdr.SCErrorCode, message: str, args: Sequence[bytes] = ()
    ) -> HostError:
        """The same for an error of the host's own."""
        return self.error(host_error(kind, code), message, args)

    def refuse(self, code: int, message: str, args: Sequence[bytes]) -> HostError:
        """A contract's own error number, as its code or the host's built-in contract reports it."""
        if not self._frames[-1].runs_in_vm:
            return self.error(contract_error(code), message, args)
        error = self.error(contract_error(code), "failing with contract error", [value_wire.uint32(code)])
        return self._escalated(error, "fail_with_error")

    def _escalated(self, error: HostError, host_function: str) -> HostError:
        """A VM ends with a host function that failed; the log says so."""
        if self._frames and self._frames[-1].runs_in_vm:
            self.error(
                error.error, f"escalating error to VM trap from failed host function call: {host_function}"
            )
            return HostError(error.error, ends_vm=True)
        return error

    def _outcome(self, value: bytes | None, failure: Failure | None) -> Invocation:
        authorizer = self._authorizer
        return Invocation(
            encoded_value=value,
            failure=failure,
            writes=self.storage.writes() if failure is None else {},
            touched=self.storage.touched(),
            restored=self.storage.restored(),
            events=self.events.contract_events(),
            diagnostic_events=self.events.diagnostic_events(),
            recorded_auth=() if authorizer is None else authorizer.recorded(),
            instructions=self.budget.used,
        )
