"""ExtendFootprintTTL and RestoreFootprint: longer lives for a footprint's entries (CAP-46-12, CAP-62)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stellar_sdk.xdr import (
    ExtendFootprintTTLResultCode,
    OperationType,
    RestoreFootprintResultCode,
    SCErrorCode,
    SCErrorType,
)

from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.key_kinds import has_lifetime, is_temporary
from localnet.ledger.meta import SorobanCharge
from localnet.ledger.state import Layer
from localnet.network_settings import NetworkSettings
from localnet.soroban.invocation import LedgerInfo
from localnet.transactions import results
from localnet.transactions.envelopes import Envelope
from localnet.transactions.fees import non_refundable_stroops, rent_stroops
from localnet.transactions.resource_faults import read_fault, refundable_fault, write_fault
from localnet.transactions.resource_use import rent_changes
from localnet.transactions.soroban_effect import SorobanEffect, failed_effect
from localnet.transactions.soroban_fault import RefusedOperation, SorobanFault


def extend_refusal(envelope: Envelope, settings: NetworkSettings) -> RefusedOperation | None:
    """Why an ExtendFootprintTTL is malformed: only contract entries, only read, not beyond the maximum."""
    keys, longest = envelope.footprint, settings.lifetimes.max_entry - 1
    extend_to = _extend_to(envelope)
    if keys.read_write:
        fault = _unsound("read-write footprint must be empty for ExtendFootprintTTL operation")
    elif not all(map(has_lifetime, keys.read_only)):
        fault = _unsound("only entries with TTL (contract data or code entries) can have it extended")
    elif extend_to > longest:
        # The braces are stellar-core's: it fills nothing in.
        fault = _unsound("TTL extension is too large: {} > {}", (extend_to, longest))
    else:
        return None
    result = _EXTEND.result(ExtendFootprintTTLResultCode.EXTEND_FOOTPRINT_TTL_MALFORMED)
    return RefusedOperation(result, fault)


def restore_refusal(envelope: Envelope) -> RefusedOperation | None:
    """Why a RestoreFootprint is malformed: persistent contract entries only, all of them read-write."""
    keys = envelope.footprint
    if keys.read_only:
        fault = _unsound("read-only footprint must be empty for RestoreFootprint operation")
    elif not all(has_lifetime(key) and not is_temporary(key) for key in keys.read_write):
        fault = _unsound("only persistent Soroban entries can be restored")
    else:
        return None
    result = _RESTORE.result(RestoreFootprintResultCode.RESTORE_FOOTPRINT_MALFORMED)
    return RefusedOperation(result, fault)


def _unsound(message: str, values: tuple[int, ...] = ()) -> SorobanFault:
    return SorobanFault(SCErrorType.SCE_STORAGE, SCErrorCode.SCEC_INVALID_INPUT, message, values)


def extended_entries(
    keys: Iterable[bytes], extend_to: int, below: EntryReader, sequence: int
) -> dict[bytes, StoredEntry]:
    """The live entries among `keys` whose lives get longer by living `extend_to` ledgers from now."""
    live_until = sequence + extend_to
    extended = {}
    for key in keys:
        entry = below.find(key)
        if entry is None or entry.live_until is None or not entry.is_live(sequence):
            continue
        if entry.live_until < live_until:
            extended[key] = entry.extended(live_until)
    return extended


def restored_entries(
    keys: Iterable[bytes], below: EntryReader, ledger: LedgerInfo
) -> dict[bytes, StoredEntry]:
    """The archived entries among `keys` as RestoreFootprint leaves them: the data untouched."""
    live_until = ledger.new_live_until(temporary=False)
    restored = {}
    for key in keys:
        entry = below.find(key)
        if entry is not None and not entry.is_live(ledger.sequence):
            restored[key] = entry.extended(live_until)
    return restored


def apply_extend(
    envelope: Envelope, layer: Layer, ledger: LedgerInfo, settings: NetworkSettings
) -> SorobanEffect:
    """Extends what is alive; missing and archived entries are passed over."""
    writes = extended_entries(envelope.footprint.read_only, _extend_to(envelope), layer, ledger.sequence)
    fault = write_fault(
        tuple(writes), writes, layer, sum(entry.size_bytes for entry in writes.values()), settings
    )
    return _settle(envelope, _EXTEND, writes, fault, layer, ledger, settings)


def apply_restore(
    envelope: Envelope, layer: Layer, ledger: LedgerInfo, settings: NetworkSettings
) -> SorobanEffect:
    """Restores what is archived; missing and live entries are passed over."""
    data = envelope.soroban_data
    assert data is not None
    writes = restored_entries(envelope.footprint.read_write, layer, ledger)
    keys = tuple(writes)
    fault = read_fault(keys, frozenset(keys), layer, data.disk_read_bytes) or write_fault(
        keys, writes, layer, data.write_bytes, settings
    )
    return _settle(envelope, _RESTORE, writes, fault, layer, ledger, settings)


def _extend_to(envelope: Envelope) -> int:
    """How many ledgers an ExtendFootprintTTL wants its entries to live."""
    body = envelope.transaction.operations[0].body
    assert body is not None
    assert body.extend_footprint_ttl_op is not None
    return body.extend_footprint_ttl_op.extend_to.uint32


def _settle(
    envelope: Envelope,
    codes: "_Codes",
    writes: Mapping[bytes, StoredEntry],
    fault: SorobanFault | None,
    layer: Layer,
    ledger: LedgerInfo,
    settings: NetworkSettings,
) -> SorobanEffect:
    """Writes the longer lives if the declared resources and the refundable part of the fee cover them."""
    data = envelope.soroban_data
    assert data is not None
    fixed = non_refundable_stroops(envelope.declared_resources, settings.rates)
    if fault is not None:
        return failed_effect(codes.result(codes.resource_limit_exceeded), fixed, fault)
    rent = rent_stroops(rent_changes(writes, layer, ledger.sequence), ledger.sequence, settings.rates)
    fault = refundable_fault(rent, 0, data.resource_fee_stroops - fixed)
    if fault is not None:
        return failed_effect(codes.result(codes.insufficient_refundable_fee), fixed, fault)
    layer.put_all(writes)
    return SorobanEffect(succeeded=True, result=codes.result(0), charge=SorobanCharge(fixed, rent, rent))


@dataclass(frozen=True)
class _Codes:
    """The result codes of one of the two operations; success is 0."""

    operation: OperationType
    resource_limit_exceeded: int
    insufficient_refundable_fee: int

    def result(self, code: int) -> bytes:
        """XDR `OperationResult`."""
        return results.operation_result(self.operation, code)


_EXTEND = _Codes(
    OperationType.EXTEND_FOOTPRINT_TTL,
    ExtendFootprintTTLResultCode.EXTEND_FOOTPRINT_TTL_RESOURCE_LIMIT_EXCEEDED,
    ExtendFootprintTTLResultCode.EXTEND_FOOTPRINT_TTL_INSUFFICIENT_REFUNDABLE_FEE,
)
_RESTORE = _Codes(
    OperationType.RESTORE_FOOTPRINT,
    RestoreFootprintResultCode.RESTORE_FOOTPRINT_RESOURCE_LIMIT_EXCEEDED,
    RestoreFootprintResultCode.RESTORE_FOOTPRINT_INSUFFICIENT_REFUNDABLE_FEE,
)
