"""What a Soroban operation used beyond what it declared or paid for, in stellar-core's words."""

from collections.abc import Iterable, Mapping, Sequence

from stellar_sdk.xdr import SCErrorCode, SCErrorType

from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.entry_keys import key_values
from localnet.ledger.key_kinds import is_classic_key, is_data_key
from localnet.network_settings import NetworkSettings
from localnet.soroban.key_order import key_order
from localnet.transactions.soroban_fault import SorobanFault


def archived_fault(key: bytes) -> SorobanFault:
    """A call reads an entry whose life is over, and does not say that it is to be restored."""
    kind = "data" if is_data_key(key) else "code"
    message = f"trying to access an archived contract {kind} entry"
    return SorobanFault(
        SCErrorType.SCE_VALUE, SCErrorCode.SCEC_INVALID_INPUT, message, tuple(key_values(key))
    )


def read_fault(
    keys: Iterable[bytes], restored: frozenset[bytes], below: EntryReader, declared_bytes: int
) -> SorobanFault | None:
    """Classic entries and restored ones are read from disk, in the order of `keys`."""
    read = 0
    for key in keys:
        if not is_classic_key(key) and key not in restored:
            continue
        entry = below.find(key)
        read += 0 if entry is None else entry.size_bytes
        if read > declared_bytes:
            return _exceeded("operation byte-read resources exceeds amount specified", read, declared_bytes)
    return None


def write_fault(
    keys: Iterable[bytes],
    writes: Mapping[bytes, StoredEntry | None],
    below: EntryReader,
    declared_bytes: int,
    settings: NetworkSettings,
) -> SorobanFault | None:
    """All read-write entries that exist after the call are written, in the ledger's order of keys."""
    largest = settings.transaction.entry_bytes
    written = 0
    for key in sorted(keys, key=key_order):
        entry = writes[key] if key in writes else below.find(key)
        if entry is None:
            continue
        size = entry.size_bytes
        if is_data_key(key) and size > largest:
            return _exceeded("ContractData size exceeds network config maximum size", size, largest)
        written += size
        if written > declared_bytes:
            return _exceeded(
                "operation byte-write resources exceeds amount specified", written, declared_bytes
            )
    return None


def output_fault(events: Sequence[bytes], value: bytes, settings: NetworkSettings) -> SorobanFault | None:
    """Encoded events and the return value have one limit."""
    most = settings.transaction.events_bytes
    size = 0
    for event in events:
        size += len(event)
        if size > most:
            return _exceeded("total events size exceeds network config maximum", size, most)
    size += len(value)
    if size > most:
        return _exceeded("return value pushes events size above network config maximum", size, most)
    return None


def refundable_fault(rent_stroops: int, events_stroops: int, most_stroops: int) -> SorobanFault | None:
    """Rent and events are paid from what the resource fee leaves. The braces are stellar-core's."""
    if rent_stroops > most_stroops:
        return _exceeded(
            "refundable resource fee was not sufficient to cover the ledger storage rent: {} > {}",
            rent_stroops,
            most_stroops,
        )
    if rent_stroops + events_stroops > most_stroops:
        return _exceeded(
            "refundable resource fee was not sufficient to cover the events fee after paying for ledger "
            "storage rent: {} > {}",
            events_stroops,
            most_stroops,
        )
    return None


def instructions_fault(used: int, declared: int) -> SorobanFault:
    """The call took more instructions than it declared."""
    return _exceeded("operation instructions exceeds amount specified", used, declared)


def _exceeded(message: str, used: int, limit: int) -> SorobanFault:
    return SorobanFault(SCErrorType.SCE_BUDGET, SCErrorCode.SCEC_EXCEEDED_LIMIT, message, (used, limit))
