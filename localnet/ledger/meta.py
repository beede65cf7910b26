"""What transactions and ledgers did, in the form of the network's metas (transactions 4, ledgers 2)."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from stellar_sdk.xdr import LedgerEntryChangeType, LedgerEntryType, TransactionEventStage

from localnet.ledger import wire
from localnet.ledger.entries import StoredEntry
from localnet.ledger.events import Event
from localnet.ledger.state import EntryChange

_TTL = wire.int32(LedgerEntryType.TTL)
_CREATED = wire.int32(LedgerEntryChangeType.LEDGER_ENTRY_CREATED)
_UPDATED = wire.int32(LedgerEntryChangeType.LEDGER_ENTRY_UPDATED)
_REMOVED = wire.int32(LedgerEntryChangeType.LEDGER_ENTRY_REMOVED)
_STATE = wire.int32(LedgerEntryChangeType.LEDGER_ENTRY_STATE)
_RESTORED = wire.int32(LedgerEntryChangeType.LEDGER_ENTRY_RESTORED)

#: When fees were charged and given back.
BEFORE_ALL = TransactionEventStage.TRANSACTION_EVENT_STAGE_BEFORE_ALL_TXS
AFTER_ALL = TransactionEventStage.TRANSACTION_EVENT_STAGE_AFTER_ALL_TXS

NO_CHANGES = wire.ABSENT


class SorobanCharge(NamedTuple):
    """Where a Soroban transaction's resource fee went, in stroops; rent is a part of the refundable."""

    non_refundable_stroops: int
    refundable_stroops: int = 0
    rent_stroops: int = 0


def ledger_entry(entry: StoredEntry) -> bytes:
    """XDR `LedgerEntry`."""
    return ledger_entry_as_of(entry, entry.last_modified)


def ledger_entry_as_of(entry: StoredEntry, last_modified: int) -> bytes:
    """The same with another ledger as that of its last change."""
    return wire.uint32(last_modified) + entry.data_xdr + entry.extension


def entry_changes(changes: Iterable[EntryChange], sequence: int) -> bytes:
    """XDR `LedgerEntryChanges`; contract entries bring the changes of their lifetimes along."""
    encoded: list[bytes] = []
    for change in changes:
        if change.before is not None and not change.before.is_live(sequence):
            encoded += _restoring_changes(change.key, change.before, change.after, sequence)
            continue
        if not _only_life_changed(change):
            encoded += _data_changes(change)
        encoded += _lifetime_changes(change, sequence)
    return wire.array(encoded)


def _restoring_changes(
    key: bytes, archived: StoredEntry, after: StoredEntry | None, sequence: int
) -> list[bytes]:
    """An archived entry came back, and may have been changed at once (CAP-66)."""
    if after is not None and after.live_until is not None and after.has_content_of(archived):
        return [
            _RESTORED + ledger_entry(after),
            _RESTORED + _ttl_entry(key, after.live_until, sequence),
        ]
    restored = _RESTORED + ledger_entry_as_of(archived, sequence)
    assert archived.live_until is not None, "what has no lifetime never expires"
    if after is None or after.live_until is None:
        return [
            restored,
            _REMOVED + key,
            _RESTORED + _ttl_entry(key, archived.live_until, sequence),
            _REMOVED + _TTL + _key_hash(key),
        ]
    return [
        restored,
        _UPDATED + ledger_entry(after),
        _RESTORED + _ttl_entry(key, after.live_until, sequence),
    ]


def _data_changes(change: EntryChange) -> list[bytes]:
    if change.before is None:
        assert change.after is not None
        return [_CREATED + ledger_entry(change.after)]
    state = _STATE + ledger_entry(change.before)
    if change.after is None:
        return [state, _REMOVED + change.key]
    return [state, _UPDATED + ledger_entry(change.after)]


def _lifetime_changes(change: EntryChange, sequence: int) -> list[bytes]:
    before, after = change.before, change.after
    if after is not None and (before is None or before.live_until is None):
        if after.live_until is None:
            return []
        return [_CREATED + _ttl_entry(change.key, after.live_until, sequence)]
    if before is None or before.live_until is None:
        return []
    state = _STATE + _ttl_entry(change.key, before.live_until, before.last_modified)
    if after is None or after.live_until is None:
        return [state, _REMOVED + _TTL + _key_hash(change.key)]
    if after.live_until == before.live_until:
        return []
    return [state, _UPDATED + _ttl_entry(change.key, after.live_until, sequence)]


def _only_life_changed(change: EntryChange) -> bool:
    before, after = change.before, change.after
    if before is None or after is None:
        return False
    return after.has_content_of(before) and before.extension == after.extension


def _ttl_entry(key: bytes, live_until: int, last_modified: int) -> bytes:
    return wire.uint32(last_modified) + _TTL + _key_hash(key) + wire.uint32(live_until) + wire.ABSENT


def _key_hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def operation_meta(changes: bytes, events: Iterable[Event]) -> bytes:
    """XDR `OperationMetaV2`."""
    return wire.ABSENT + changes + wire.array(event.encode() for event in events)


def soroban_meta(charge: SorobanCharge, return_value: bytes | None) -> bytes:
    """XDR `SorobanTransactionMetaV2`, with the fee's parts as an RPC's node writes them."""
    return (
        wire.int32(1)
        + wire.ABSENT
        + wire.int64(charge.non_refundable_stroops)
        + wire.int64(charge.refundable_stroops)
        + wire.int64(charge.rent_stroops)
        + (wire.ABSENT if return_value is None else wire.present(return_value))
    )


def transaction_event(stage: TransactionEventStage, event: Event) -> bytes:
    """XDR `TransactionEvent`."""
    return wire.int32(stage) + event.encode()


def transaction_meta(
    before: bytes,
    operations: Iterable[bytes],
    soroban: bytes | None,
    events: Iterable[bytes],
    diagnostic_events: Iterable[bytes],
) -> bytes:
    """XDR `TransactionMeta` of version 4; all parts are encoded."""
    return (
        wire.int32(4)
        + wire.ABSENT
        + before
        + wire.array(operations)
        + NO_CHANGES
        + (wire.ABSENT if soroban is None else wire.present(soroban))
        + wire.array(events)
        + wire.array(diagnostic_events)
    )
