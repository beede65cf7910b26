"""simulateTransaction: a call tried on the latest closed ledger, and what it would need and cost."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationType

from kale.addresses import account_text
from kale.constants import U32_MAX
from localnet.contracts.registry import find_program
from localnet.ledger import wire
from localnet.ledger.call_reader import InvokedFunction
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.key_kinds import has_lifetime, is_classic_key, is_temporary
from localnet.ledger.state import EntryChange, Layer
from localnet.network_settings import NetworkSettings
from localnet.soroban.host import Host
from localnet.soroban.invocation import EnforceAuth, Invocation, LedgerInfo, RecordAuth
from localnet.soroban.key_order import key_order
from localnet.transactions.contract_call import call_target
from localnet.transactions.envelopes import Envelope, Operation
from localnet.transactions.lifetime_operations import extended_entries, restored_entries
from localnet.transactions.proposal import Proposal, ResourceUse, propose
from localnet.transactions.resource_use import (
    largest_disk_read_bytes,
    rent_changes,
    written_bytes,
)
from localnet.transactions.validation import operation_source

_LEEWAY_INSTRUCTIONS = 50_000

# The two other operations' own fields, encoded.
_EXTEND_BYTES = 8
_RESTORE_BYTES = 4


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


class SimulationOptions(NamedTuple):
    """What the caller may ask for; without a mode it follows from whether the call brings authorisation."""

    auth_mode: AuthMode | None = None
    instruction_leeway: int = 0
    address_bound_auth: bool = False


class CallResult(NamedTuple):
    """What a simulated call returned and has to have authorised; XDR."""

    return_value: bytes
    auth: tuple[bytes, ...]


class Simulation(NamedTuple):
    """An operation that would succeed; everything in bytes is XDR.

    Only a call has a `result`. `restoring` is what a RestoreFootprint needs that must come before.
    """

    proposal: Proposal
    latest_ledger: int
    result: CallResult | None = None
    events: tuple[bytes, ...] = ()
    changes: tuple[EntryChange, ...] = ()
    restoring: Proposal | None = None


class Simulator:
    """Tries operations on the state of a closed ledger; changes nothing."""

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
        operation = _checked_operation(envelope, options)
        if operation.invoked is not None:
            return self._simulate_call(envelope, operation.invoked, options)
        assert operation.body is not None
        if operation.body.extend_footprint_ttl_op is not None:
            return self._simulate_extend(envelope, operation.body.extend_footprint_ttl_op)
        return self._simulate_restore(envelope)

    # ExtendFootprintTTL and RestoreFootprint

    def _simulate_extend(self, envelope: Envelope, operation: xdr.ExtendFootprintTTLOp) -> Simulation:
        """Only what would live longer stays; what is archived has to be restored before."""
        keys = envelope.footprint.read_only
        for key in keys:
            if not has_lifetime(key):
                raise self._refusal(
                    f"Can't extend TTL for ledger entry with key {_shown(key)}. Only entries with TTL "
                    "(contract data or code entries) can have it extended"
                )
        sequence = self._ledger.sequence
        restored = restored_entries((key for key in keys if not is_temporary(key)), self._state, self._ledger)
        alive = Layer(self._state)
        alive.put_all(restored)
        extended = extended_entries(keys, operation.extend_to.uint32, alive, sequence)
        use = ResourceUse(
            read_only=_in_ledger_order(extended), rent_changes=tuple(rent_changes(extended, alive, sequence))
        )
        return Simulation(
            self._propose(use, _EXTEND_BYTES),
            sequence,
            restoring=self._restoring(restored) if restored else None,
        )

    def _simulate_restore(self, envelope: Envelope) -> Simulation:
        """Only what is archived stays."""
        keys = envelope.footprint.read_write
        for key in keys:
            if not has_lifetime(key) or is_temporary(key):
                raise self._refusal(
                    f"Can't restore a ledger entry with key: {_shown(key)}. Only persistent ledger entries "
                    "with TTL can be restored."
                )
            if self._state.find(key) is None:
                raise self._refusal(f"Missing entry to restore for key {_shown(key)}")
        restored = restored_entries(keys, self._state, self._ledger)
        return Simulation(self._restoring(restored), self._ledger.sequence)

    def _restoring(self, restored: Mapping[bytes, StoredEntry]) -> Proposal:
        size = sum(entry.size_bytes for entry in restored.values())
        use = ResourceUse(
            read_write=_in_ledger_order(restored),
            disk_read_entries=len(restored),
            disk_read_bytes=size,
            write_bytes=size,
            rent_changes=tuple(rent_changes(restored, self._state, self._ledger.sequence)),
        )
        return self._propose(use, _RESTORE_BYTES)

    def _refusal(self, text: str) -> SimulationError:
        return SimulationError(text, latest_ledger=self._ledger.sequence)

    def _propose(self, use: ResourceUse, operation_bytes: int) -> Proposal:
        return propose(use, operation_bytes, self._ledger.sequence, self._settings.rates)

    # Calls

    def _simulate_call(
        self, envelope: Envelope, invoked: InvokedFunction, options: SimulationOptions
    ) -> Simulation:
        target = call_target(invoked.call)
        if target is None:
            raise self._refusal("HostError: Error(Value, InvalidInput)\n\nDebugInfo not available\n")
        auth = self._auth(envelope, invoked, options)
        host = Host(self._state, self._ledger, auth, find_program)
        invocation = host.invoke_root(target.contract_id, target.function, target.args)
        events = invocation.diagnostic_events
        if invocation.failure is not None:
            raise SimulationError(invocation.failure.report, events, self._ledger.sequence)
        assert invocation.encoded_value is not None
        asked = invocation.recorded_auth
        if isinstance(auth, EnforceAuth):
            asked = tuple(entry.encoded for entry in auth.entries)
        result = CallResult(invocation.encoded_value, asked)
        call_bytes = len(invoked.function) + len(wire.array(result.auth))
        use = self._call_use(invocation, result.return_value, options)
        return Simulation(
            self._propose(use, call_bytes), self._ledger.sequence, result, events, self._changes(invocation)
        )

    def _auth(
        self, envelope: Envelope, invoked: InvokedFunction, options: SimulationOptions
    ) -> RecordAuth | EnforceAuth:
        operation = envelope.transaction.operations[0]
        source = account_text(operation_source(operation, envelope))
        mode = options.auth_mode or (AuthMode.ENFORCE if invoked.auth else AuthMode.RECORD)
        if mode is AuthMode.ENFORCE:
            return EnforceAuth(source, invoked.auth)
        return RecordAuth(
            source,
            self._nonces,
            root_only=mode is AuthMode.RECORD,
            address_bound=options.address_bound_auth,
        )

    def _call_use(self, invocation: Invocation, value: bytes, options: SimulationOptions) -> ResourceUse:
        keys = (*invocation.touched_read_only, *invocation.touched_read_write)
        restored = invocation.restored
        writes = {**restored, **invocation.writes} if restored else invocation.writes
        archived = [index for index, key in enumerate(invocation.touched_read_write) if key in restored]
        return ResourceUse(
            read_only=invocation.touched_read_only,
            read_write=invocation.touched_read_write,
            archived=tuple(archived),
            instructions=_instructions(invocation.instructions, options.instruction_leeway),
            disk_read_entries=sum(map(is_classic_key, keys)) + len(archived),
            disk_read_bytes=largest_disk_read_bytes(keys, restored, self._state),
            write_bytes=written_bytes(invocation.touched_read_write, writes, self._state),
            output_bytes=len(value) + sum(len(event.encode()) for event in invocation.events),
            rent_changes=tuple(rent_changes(writes, self._state, self._ledger.sequence)),
        )

    def _changes(self, invocation: Invocation) -> tuple[EntryChange, ...]:
        """All read-write entries that exist before or after, changed or not."""
        changes = []
        for key in invocation.touched_read_write:
            before = self._state.find(key)
            after = invocation.writes.get(key, invocation.restored.get(key, before))
            if before is not None or after is not None:
                changes.append(EntryChange(key, before, after))
        return tuple(changes)


def _checked_operation(envelope: Envelope, options: SimulationOptions) -> Operation:
    """The one operation of a transaction that may be simulated."""
    operations = envelope.transaction.operations
    if len(operations) != 1:
        raise SimulationError("Transaction contains more than one operation")
    operation = operations[0]
    if operation.invoked is None:
        _check_lifetime_operation(envelope, options)
        return operation
    if envelope.transaction.memo.type is not xdr.MemoType.MEMO_NONE:
        raise SimulationError("Transaction contains a memo. Soroban transactions do not support memos.")
    if operation.invoked.auth and options.auth_mode in (AuthMode.RECORD, AuthMode.RECORD_ALLOW_NONROOT):
        raise SimulationError(f"cannot set authMode to '{options.auth_mode.value}' with an auth footprint")
    return operation


def _check_lifetime_operation(envelope: Envelope, options: SimulationOptions) -> None:
    kind = envelope.transaction.operations[0].type
    if kind not in (OperationType.EXTEND_FOOTPRINT_TTL, OperationType.RESTORE_FOOTPRINT):
        name = "".join(part.capitalize() for part in kind.name.split("_"))
        raise SimulationError(f"transaction contains unsupported operation type: OperationType{name}")
    if options.auth_mode is not None:
        raise SimulationError("cannot set authMode with non-InvokeHostFunction operations")
    if envelope.soroban_data is None:
        raise SimulationError(
            "To perform a SimulateTransaction for ExtendFootprintTtl or RestoreFootprint operations, "
            "SorobanTransactionData must be provided"
        )


def _instructions(used: int, leeway: int) -> int:
    proposed = max(used * 104 // 100, used + max(leeway, _LEEWAY_INSTRUCTIONS))
    return min(proposed, U32_MAX)


def _in_ledger_order(keys: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(sorted(keys, key=key_order))


def _shown(key: bytes) -> str:
    """A key in an error's text."""
    return f"`{wire.base64_text(key)}`"


def _random_nonce() -> int:
    return secrets.randbits(64) - 2**63
