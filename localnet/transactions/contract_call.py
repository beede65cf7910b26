"""Contract calls in transactions: run in the host, held to what the transaction declared and paid."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.xdr import InvokeHostFunctionResultCode, OperationType

from kale.addresses import account_text, contract_text
from localnet.contracts.registry import find_program
from localnet.ledger import wire
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.events import Event, encode_diagnostic, event_of
from localnet.ledger.meta import SorobanCharge, entry_bytes
from localnet.ledger.state import Layer
from localnet.ledger.value_wire import encode_value
from localnet.network_settings import NetworkSettings
from localnet.soroban.host import Host
from localnet.soroban.invocation import EnforceAuth, Footprint, Invocation, LedgerInfo
from localnet.transactions import results
from localnet.transactions.envelopes import Envelope
from localnet.transactions.fees import RentChange, events_stroops, non_refundable_stroops, rent_stroops
from localnet.transactions.soroban_limits import declared_resources

_CLASSIC_KEY_KINDS = frozenset(
    {wire.int32(xdr.LedgerEntryType.ACCOUNT), wire.int32(xdr.LedgerEntryType.TRUSTLINE)}
)

_SYMBOL = re.compile(rb"\w{0,32}")


@dataclass(frozen=True)
class CallEffect:
    """What a contract call came to."""

    succeeded: bool
    result: bytes
    charge: SorobanCharge
    return_value: bytes | None = None
    events: tuple[Event, ...] = ()
    diagnostic_events: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class CallTarget:
    """Who is called, and with what."""

    contract_id: str
    function: str
    args: list[xdr.SCVal]


def call_target(function: xdr.HostFunction) -> CallTarget | None:
    """What a host function calls; None if it is no call of a contract or its name is no symbol."""
    call = function.invoke_contract
    if call is None or call.contract_address.contract_id is None:
        return None
    name = call.function_name.sc_symbol
    if _SYMBOL.fullmatch(name) is None:
        return None
    contract_id = contract_text(call.contract_address.contract_id.contract_id.hash)
    return CallTarget(contract_id, name.decode("ascii"), call.args)


def apply_call(
    envelope: Envelope, source: bytes, layer: Layer, ledger: LedgerInfo, settings: NetworkSettings
) -> CallEffect:
    """Runs a transaction's call; writes into `layer` only if all went well."""
    data = envelope.soroban_data
    call = envelope.transaction.operations[0].body.invoke_host_function_op
    assert data is not None
    assert call is not None
    fixed = non_refundable_stroops(declared_resources(data, len(envelope.raw)), settings.rates)
    if _touches_archived(envelope, data, layer, ledger.sequence):
        return _failed(InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_ENTRY_ARCHIVED, fixed)
    target = call_target(call.host_function)
    if target is None:
        return _failed(InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED, fixed)
    invocation = _run(envelope, target, tuple(call.auth), source, layer, ledger)
    if invocation.failure is not None:
        return _trapped(invocation, fixed)
    return _settle(envelope, data, invocation, layer, ledger.sequence, fixed, settings)


def _run(
    envelope: Envelope,
    target: CallTarget,
    auth: tuple[xdr.SorobanAuthorizationEntry, ...],
    source: bytes,
    layer: Layer,
    ledger: LedgerInfo,
) -> Invocation:
    declared = envelope.footprint
    host = Host(
        layer,
        ledger,
        EnforceAuth(account_text(source), auth),
        find_program,
        Footprint(frozenset(declared.read_only), frozenset(declared.read_write)),
    )
    return host.invoke_root(target.contract_id, target.function, target.args)


def _settle(
    envelope: Envelope,
    data: xdr.SorobanTransactionData,
    invocation: Invocation,
    layer: Layer,
    sequence: int,
    fixed_stroops: int,
    settings: NetworkSettings,
) -> CallEffect:
    """Holds a successful call to the declared resources and to the refundable part of the fee."""
    assert invocation.value is not None
    value = encode_value(invocation.value)
    events = tuple(event_of(event) for event in invocation.events)
    encoded_events = [event.encode() for event in events]
    output_bytes = len(value) + sum(map(len, encoded_events))
    if not _fits(envelope, data, invocation, layer, output_bytes, settings):
        return _failed(
            InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_RESOURCE_LIMIT_EXCEEDED, fixed_stroops
        )
    rent = rent_stroops(rent_changes(invocation.writes, layer), sequence, settings.rates)
    refundable = rent + events_stroops(output_bytes, settings.rates)
    if refundable > data.resource_fee.int64 - fixed_stroops:
        return _failed(
            InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_INSUFFICIENT_REFUNDABLE_FEE, fixed_stroops
        )
    for key, entry in invocation.writes.items():
        layer.put(key, entry)
    success_hash = hashlib.sha256(value + wire.array(encoded_events)).digest()
    return CallEffect(
        succeeded=True,
        result=results.invocation_result(success_hash),
        charge=SorobanCharge(fixed_stroops, refundable, rent),
        return_value=value,
        events=events,
        diagnostic_events=_diagnostics(invocation),
    )


def _fits(
    envelope: Envelope,
    data: xdr.SorobanTransactionData,
    invocation: Invocation,
    layer: Layer,
    output_bytes: int,
    settings: NetworkSettings,
) -> bool:
    written = written_bytes(envelope.footprint.read_write, invocation.writes, layer)
    read = disk_read_bytes((*envelope.footprint.read_only, *envelope.footprint.read_write), layer)
    return (
        output_bytes <= settings.transaction.events_bytes
        and written <= data.resources.write_bytes.uint32
        and read <= data.resources.disk_read_bytes.uint32
    )


def written_bytes(
    keys: Iterable[bytes], writes: Mapping[bytes, StoredEntry | None], below: EntryReader
) -> int:
    """The size of all read-write entries that exist after the call, touched or not."""
    entries = (writes[key] if key in writes else below.find(key) for key in keys)
    return sum(entry_bytes(entry) for entry in entries if entry is not None)


def disk_read_bytes(keys: Iterable[bytes], below: EntryReader) -> int:
    """The size of the classic entries among `keys`: live contract entries are in memory (CAP-62)."""
    entries = (below.find(key) for key in keys if key[:4] in _CLASSIC_KEY_KINDS)
    return sum(entry_bytes(entry) for entry in entries if entry is not None)


def is_classic_key(key: bytes) -> bool:
    return key[:4] in _CLASSIC_KEY_KINDS


def rent_changes(writes: Mapping[bytes, StoredEntry | None], below: EntryReader) -> list[RentChange]:
    """How the lives and sizes of contract entries change with the writes of a call."""
    changes = []
    for key, after in writes.items():
        if after is None or after.live_until is None:
            continue
        before = below.find(key)
        changes.append(
            RentChange(
                persistent=not after.is_temporary,
                old_bytes=0 if before is None else entry_bytes(before),
                new_bytes=entry_bytes(after),
                old_live_until=None if before is None else before.live_until,
                new_live_until=after.live_until,
            )
        )
    return changes


def _touches_archived(
    envelope: Envelope, data: xdr.SorobanTransactionData, reader: EntryReader, sequence: int
) -> bool:
    """Whether the footprint names an archived persistent entry without declaring it to be restored."""
    declared = data.ext.resource_ext.archived_soroban_entries if data.ext.resource_ext else []
    restored = {envelope.footprint.read_write[index.uint32] for index in declared}
    for key in (*envelope.footprint.read_only, *envelope.footprint.read_write):
        entry = reader.find(key)
        if entry is not None and not entry.is_live(sequence) and key not in restored:
            return not entry.is_temporary
    return False


def _trapped(invocation: Invocation, fixed_stroops: int) -> CallEffect:
    failure = invocation.failure
    assert failure is not None
    code = InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_TRAPPED
    if failure.error.type is xdr.SCErrorType.SCE_BUDGET:
        code = InvokeHostFunctionResultCode.INVOKE_HOST_FUNCTION_RESOURCE_LIMIT_EXCEEDED
    return CallEffect(
        succeeded=False,
        result=results.operation_result(OperationType.INVOKE_HOST_FUNCTION, code),
        charge=SorobanCharge(fixed_stroops),
        diagnostic_events=_diagnostics(invocation),
    )


def _failed(code: InvokeHostFunctionResultCode, fixed_stroops: int) -> CallEffect:
    result = results.operation_result(OperationType.INVOKE_HOST_FUNCTION, code)
    return CallEffect(succeeded=False, result=result, charge=SorobanCharge(fixed_stroops))


def _diagnostics(invocation: Invocation) -> tuple[bytes, ...]:
    return tuple(map(encode_diagnostic, invocation.diagnostic_events))
