"""simulateTransaction: a call tried on the latest closed ledger, and what it would need and cost."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationType

from kale.addresses import account_text
from localnet.contracts.registry import find_program
from localnet.ledger import wire
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.events import encode_diagnostic, event_of
from localnet.ledger.state import EntryChange
from localnet.ledger.value_wire import encode_value
from localnet.network_settings import NetworkSettings
from localnet.soroban.host import Host
from localnet.soroban.invocation import EnforceAuth, Invocation, LedgerInfo, RecordAuth
from localnet.transactions.contract_call import (
    call_target,
    disk_read_bytes,
    is_classic_key,
    rent_changes,
    written_bytes,
)
from localnet.transactions.envelopes import Envelope
from localnet.transactions.fees import Resources, events_stroops, non_refundable_stroops, rent_stroops
from localnet.transactions.validation import operation_source

# The localnet does not meter. What a call is said to cost grows with what it touches; the real KALE calls
# lie between 2 and 6 million instructions.
_INSTRUCTIONS_A_CALL = 1_500_000
_INSTRUCTIONS_AN_ENTRY = 400_000
_INSTRUCTIONS_A_SIGNER = 500_000
_LEEWAY_INSTRUCTIONS = 50_000

# An envelope with everything optional in it: multiplexed sources, all preconditions, a hash memo and 20
# signatures; without host function, authorisation and resources.
_WORST_ENVELOPE_BYTES = 1_872


class SimulationError(Exception):
    """The simulation cannot be done or came to an error; the text is what the node answers."""

    def __init__(self, text: str, events: tuple[bytes, ...] = (), latest_ledger: int = 0) -> None:
        super().__init__(text)
        self.events = events
        self.latest_ledger = latest_ledger


class AuthMode(Enum):
    """How authorisation is treated; the values are the RPC's words."""

    ENFORCE = "enforce"
    RECORD = "record"
    RECORD_ALLOW_NONROOT = "record_allow_nonroot"


@dataclass(frozen=True)
class SimulationOptions:
    """What the caller may ask for; without a mode it follows from whether the call brings authorisation."""

    auth_mode: AuthMode | None = None
    instruction_leeway: int = 0
    address_bound_auth: bool = False


@dataclass(frozen=True)
class Simulation:
    """A call that would succeed; everything in bytes is XDR."""

    transaction_data: bytes
    resource_fee_stroops: int
    return_value: bytes
    auth: tuple[bytes, ...]
    events: tuple[bytes, ...]
    changes: tuple[EntryChange, ...]
    latest_ledger: int


class Simulator:
    """Tries calls on the state of a closed ledger; changes nothing."""

    def __init__(
        self,
        state: EntryReader,
        ledger: LedgerInfo,
        settings: NetworkSettings,
        nonces: Callable[[], int] | None = None,
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._settings = settings
        self._nonces = nonces or _random_nonce

    def simulate(self, envelope: Envelope, options: SimulationOptions) -> Simulation:
        """Raises SimulationError."""
        call = _checked_call(envelope, options)
        target = call_target(call.host_function)
        if target is None:
            raise SimulationError(
                "HostError: Error(Value, InvalidInput)\n\nDebugInfo not available\n",
                latest_ledger=self._ledger.sequence,
            )
        host = Host(self._state, self._ledger, self._auth(envelope, call, options), find_program)
        invocation = host.invoke_root(target.contract_id, target.function, target.args)
        events = tuple(map(encode_diagnostic, invocation.diagnostic_events))
        if invocation.failure is not None:
            raise SimulationError(invocation.failure.report, events, self._ledger.sequence)
        return self._priced(call, invocation, events, options)

    def _auth(
        self, envelope: Envelope, call: xdr.InvokeHostFunctionOp, options: SimulationOptions
    ) -> RecordAuth | EnforceAuth:
        operation = envelope.transaction.operations[0]
        source = account_text(operation_source(operation, envelope))
        mode = options.auth_mode or (AuthMode.ENFORCE if call.auth else AuthMode.RECORD)
        if mode is AuthMode.ENFORCE:
            return EnforceAuth(source, tuple(call.auth))
        return RecordAuth(
            source,
            self._nonces,
            root_only=mode is AuthMode.RECORD,
            address_bound=options.address_bound_auth,
        )

    def _priced(
        self,
        call: xdr.InvokeHostFunctionOp,
        invocation: Invocation,
        events: tuple[bytes, ...],
        options: SimulationOptions,
    ) -> Simulation:
        assert invocation.value is not None
        value = encode_value(invocation.value)
        auth = tuple(entry.to_xdr_bytes() for entry in invocation.auth)
        resources = self._resources(invocation, options)
        data_bytes = len(_transaction_data(invocation, resources, 0))
        call_bytes = len(call.host_function.to_xdr_bytes()) + sum(map(len, auth))
        envelope_bytes = _WORST_ENVELOPE_BYTES + call_bytes + data_bytes
        fee = self._fee(invocation, value, resources, max(envelope_bytes * 11 // 10, envelope_bytes + 500))
        return Simulation(
            transaction_data=_transaction_data(invocation, resources, fee),
            resource_fee_stroops=fee,
            return_value=value,
            auth=auth,
            events=events,
            changes=self._changes(invocation.writes),
            latest_ledger=self._ledger.sequence,
        )

    def _resources(self, invocation: Invocation, options: SimulationOptions) -> Resources:
        keys = (*invocation.touched_read_only, *invocation.touched_read_write)
        return Resources(
            instructions=_instructions(invocation, options.instruction_leeway),
            disk_read_entries=sum(map(is_classic_key, keys)),
            write_entries=len(invocation.touched_read_write),
            disk_read_bytes=disk_read_bytes(keys, self._state),
            write_bytes=written_bytes(invocation.touched_read_write, invocation.writes, self._state),
            transaction_bytes=0,
        )

    def _fee(self, invocation: Invocation, value: bytes, resources: Resources, envelope_bytes: int) -> int:
        """The fee for the declared resources, and for events, value and rent with 15 % to spare."""
        rates = self._settings.rates
        declared = replace(resources, transaction_bytes=envelope_bytes)
        output = len(value) + sum(len(event_of(event).encode()) for event in invocation.events)
        sequence = self._ledger.sequence
        refundable = events_stroops(output, rates) + rent_stroops(
            rent_changes(invocation.writes, self._state), sequence, rates
        )
        return non_refundable_stroops(declared, rates) + refundable * 115 // 100

    def _changes(self, writes: Mapping[bytes, StoredEntry | None]) -> tuple[EntryChange, ...]:
        return tuple(EntryChange(key, self._state.find(key), after) for key, after in writes.items())


def _checked_call(envelope: Envelope, options: SimulationOptions) -> xdr.InvokeHostFunctionOp:
    """The one call of a transaction that may be simulated."""
    operations = envelope.transaction.operations
    if len(operations) != 1:
        raise SimulationError("Transaction contains more than one operation")
    if envelope.transaction.memo.type is not xdr.MemoType.MEMO_NONE:
        raise SimulationError("Transaction contains a memo. Soroban transactions do not support memos.")
    body = operations[0].body
    if body.type is not OperationType.INVOKE_HOST_FUNCTION or body.invoke_host_function_op is None:
        kind = "".join(part.capitalize() for part in body.type.name.split("_"))
        raise SimulationError(f"transaction contains unsupported operation type: OperationType{kind}")
    call = body.invoke_host_function_op
    if call.auth and options.auth_mode in (AuthMode.RECORD, AuthMode.RECORD_ALLOW_NONROOT):
        raise SimulationError("cannot set authMode to 'record' with an auth footprint")
    return call


def _instructions(invocation: Invocation, leeway: int) -> int:
    touched = len(invocation.touched_read_only) + len(invocation.touched_read_write)
    used = (
        _INSTRUCTIONS_A_CALL
        + touched * _INSTRUCTIONS_AN_ENTRY
        + len(invocation.auth) * _INSTRUCTIONS_A_SIGNER
    )
    return max(used * 104 // 100, used + max(leeway, _LEEWAY_INSTRUCTIONS))


def _transaction_data(invocation: Invocation, resources: Resources, fee_stroops: int) -> bytes:
    """XDR `SorobanTransactionData`, its footprint in the ledger's order of keys."""
    return (
        wire.ABSENT
        + wire.array(invocation.touched_read_only)
        + wire.array(invocation.touched_read_write)
        + wire.uint32(resources.instructions)
        + wire.uint32(resources.disk_read_bytes)
        + wire.uint32(resources.write_bytes)
        + wire.int64(fee_stroops)
    )


def _random_nonce() -> int:
    return secrets.randbits(64) - 2**63
