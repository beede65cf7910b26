"""Contract calls in transactions: run in the host, held to what the transaction declared and paid."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stellar_sdk.xdr import InvokeHostFunctionResultCode, OperationType

from kale.addresses import account_text, contract_text
from localnet.contracts.registry import find_program
from localnet.ledger import wire
from localnet.ledger.call_reader import ContractCall
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.meta import SorobanCharge
from localnet.ledger.state import Layer
from localnet.network_settings import NetworkSettings
from localnet.soroban.host import Host
from localnet.soroban.invocation import EnforceAuth, Footprint, Invocation, LedgerInfo
from localnet.soroban.storage import restored_entry
from localnet.transactions import results
from localnet.transactions.envelopes import Envelope
from localnet.transactions.fees import events_stroops, non_refundable_stroops, rent_stroops
from localnet.transactions.resource_faults import (
    archived_fault,
    instructions_fault,
    output_fault,
    read_fault,
    refundable_fault,
    write_fault,
)
from localnet.transactions.resource_use import (
    are_entries_small_enough,
    disk_read_bytes,
    rent_changes,
    written_bytes,
)
from localnet.transactions.soroban_effect import SorobanEffect, failed_effect
from localnet.transactions.soroban_fault import SorobanFault

_Code = InvokeHostFunctionResultCode
_SYMBOL = re.compile(rb"\w{0,32}")


@dataclass(frozen=True)
class CallTarget:
    """Who is called (C…), and with what; arguments are encoded."""

    contract_id: str
    function: str
    args: tuple[bytes, ...]


def call_target(call: ContractCall | None) -> CallTarget | None:
    """What an invocation calls; None if it is no call of a contract or its name is no symbol."""
    if call is None or call.contract_hash is None or _SYMBOL.fullmatch(call.function) is None:
        return None
    return CallTarget(contract_text(call.contract_hash), call.function.decode("ascii"), call.args)


def apply_call(
    envelope: Envelope, source: bytes, layer: Layer, ledger: LedgerInfo, settings: NetworkSettings
) -> SorobanEffect:
    """Runs the call of the operation source `source`; writes into `layer` only if all went well."""
    invoked = envelope.transaction.operations[0].invoked
    assert invoked is not None
    fixed = non_refundable_stroops(envelope.declared_resources, settings.rates)
    archived = _archived_keys(envelope, layer, ledger.sequence)
    for key in archived:
        if key not in _keys_to_restore(envelope):
            code = _code(_Code.INVOKE_HOST_FUNCTION_ENTRY_ARCHIVED)
            return failed_effect(code, fixed, archived_fault(key))
    fault = _reads_fault(envelope, archived, layer)
    if fault is not None:
        return failed_effect(_code(_Code.INVOKE_HOST_FUNCTION_RESOURCE_LIMIT_EXCEEDED), fixed, fault)
    target = call_target(invoked.call)
    if target is None:
        return failed_effect(_code(_Code.INVOKE_HOST_FUNCTION_TRAPPED), fixed)
    restored = {key: _restored(key, layer, ledger) for key in archived}
    below = layer
    if restored:
        below = Layer(layer)
        below.put_all(restored)
    invocation = _run(envelope, target, EnforceAuth(account_text(source), invoked.auth), below, ledger)
    if invocation.failure is not None:
        return _trapped(envelope, invocation, fixed)
    writes = {**restored, **invocation.writes} if restored else invocation.writes
    return _settle(envelope, invocation, writes, layer, ledger.sequence, fixed, settings)


def _run(
    envelope: Envelope, target: CallTarget, auth: EnforceAuth, below: Layer, ledger: LedgerInfo
) -> Invocation:
    data = envelope.soroban_data
    assert data is not None
    declared = envelope.footprint
    footprint = Footprint(frozenset(declared.read_only), frozenset(declared.read_write))
    host = Host(below, ledger, auth, find_program, footprint, data.instructions)
    return host.invoke_root(target.contract_id, target.function, target.args)


def _settle(
    envelope: Envelope,
    invocation: Invocation,
    writes: Mapping[bytes, StoredEntry | None],
    layer: Layer,
    sequence: int,
    fixed_stroops: int,
    settings: NetworkSettings,
) -> SorobanEffect:
    """Holds a successful call to the declared resources and to the refundable part of the fee."""
    value = invocation.encoded_value
    assert value is not None
    encoded_events = [event.encode() for event in invocation.events]
    code = _Code.INVOKE_HOST_FUNCTION_RESOURCE_LIMIT_EXCEEDED
    fault = _writes_fault(envelope, writes, layer, settings) or output_fault(encoded_events, value, settings)
    rent = rent_stroops(rent_changes(writes, layer, sequence), sequence, settings.rates)
    for_events = events_stroops(len(value) + sum(map(len, encoded_events)), settings.rates)
    if fault is None:
        code = _Code.INVOKE_HOST_FUNCTION_INSUFFICIENT_REFUNDABLE_FEE
        fault = refundable_fault(rent, for_events, envelope.resource_fee_stroops - fixed_stroops)
    if fault is not None:
        return failed_effect(_code(code), fixed_stroops, fault, invocation.diagnostic_events)
    layer.put_all(writes)
    success_hash = hashlib.sha256(value + wire.array(encoded_events)).digest()
    return SorobanEffect(
        succeeded=True,
        result=results.invocation_result(success_hash),
        charge=SorobanCharge(fixed_stroops, rent + for_events, rent),
        return_value=value,
        events=invocation.events,
        diagnostic_events=invocation.diagnostic_events,
    )


def _reads_fault(envelope: Envelope, archived: Iterable[bytes], layer: Layer) -> SorobanFault | None:
    data = envelope.soroban_data
    assert data is not None
    keys = (*data.footprint.read_only, *data.footprint.read_write)
    if disk_read_bytes(keys, archived, layer) <= data.disk_read_bytes:
        return None
    return read_fault(keys, frozenset(archived), layer, data.disk_read_bytes)


def _writes_fault(
    envelope: Envelope,
    writes: Mapping[bytes, StoredEntry | None],
    layer: Layer,
    settings: NetworkSettings,
) -> SorobanFault | None:
    data = envelope.soroban_data
    assert data is not None
    keys = data.footprint.read_write
    written = written_bytes(keys, writes, layer)
    if written <= data.write_bytes and are_entries_small_enough(writes.values(), settings):
        return None
    return write_fault(keys, writes, layer, data.write_bytes, settings)


def _archived_keys(envelope: Envelope, reader: EntryReader, sequence: int) -> list[bytes]:
    """The persistent entries of the footprint whose lives are over."""
    archived = []
    for key in (*envelope.footprint.read_only, *envelope.footprint.read_write):
        entry = reader.find(key)
        if entry is not None and not entry.is_live(sequence) and not entry.is_temporary:
            archived.append(key)
    return archived


def _keys_to_restore(envelope: Envelope) -> set[bytes]:
    """The read-write keys that the transaction declares to be archived (CAP-66)."""
    data = envelope.soroban_data
    assert data is not None
    return {data.footprint.read_write[index] for index in data.archived}


def _restored(key: bytes, reader: EntryReader, ledger: LedgerInfo) -> StoredEntry:
    archived = reader.find(key)
    assert archived is not None
    return restored_entry(archived, ledger)


def _trapped(envelope: Envelope, invocation: Invocation, fixed_stroops: int) -> SorobanEffect:
    failure, data = invocation.failure, envelope.soroban_data
    assert failure is not None
    assert data is not None
    code, fault = _Code.INVOKE_HOST_FUNCTION_TRAPPED, None
    if invocation.instructions > data.instructions:
        code = _Code.INVOKE_HOST_FUNCTION_RESOURCE_LIMIT_EXCEEDED
        fault = instructions_fault(invocation.instructions, data.instructions)
    return failed_effect(_code(code), fixed_stroops, fault, invocation.diagnostic_events)


def _code(code: InvokeHostFunctionResultCode) -> bytes:
    return results.operation_result(OperationType.INVOKE_HOST_FUNCTION, code)
