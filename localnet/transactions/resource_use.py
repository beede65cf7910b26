"""What a Soroban operation really used of the ledger: bytes, and rent for longer lives and larger entries."""

from collections.abc import Iterable, Mapping

from localnet.ledger.accounts import account_growth_bytes
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.key_kinds import is_classic_key
from localnet.network_settings import NetworkSettings
from localnet.transactions.fees import RentChange


def written_bytes(
    keys: Iterable[bytes], writes: Mapping[bytes, StoredEntry | None], below: EntryReader
) -> int:
    """The size of all read-write entries that exist after the call, touched or not."""
    entries = (writes[key] if key in writes else below.find(key) for key in keys)
    return sum(entry.size_bytes for entry in entries if entry is not None)


def disk_read_bytes(keys: Iterable[bytes], restored: Iterable[bytes], below: EntryReader) -> int:
    """The size of the classic entries among `keys` and of all `restored` ones.

    Live contract entries are in memory (CAP-62).
    """
    entries = (below.find(key) for key in (*filter(is_classic_key, keys), *restored))
    return sum(entry.size_bytes for entry in entries if entry is not None)


def largest_disk_read_bytes(keys: Iterable[bytes], restored: Iterable[bytes], below: EntryReader) -> int:
    """The same with every account at the size to which its extensions may have grown by the time of apply."""
    keys = tuple(keys)
    accounts = (below.find(key) for key in keys if is_classic_key(key))
    growth = sum(account_growth_bytes(entry.account) for entry in accounts if entry is not None)
    return disk_read_bytes(keys, restored, below) + growth


def are_entries_small_enough(entries: Iterable[StoredEntry | None], settings: NetworkSettings) -> bool:
    """Whether no contract data entry is larger than the network lets one be."""
    return all(
        entry is None or not entry.is_contract_data or entry.size_bytes <= settings.transaction.entry_bytes
        for entry in entries
    )


def rent_changes(
    writes: Mapping[bytes, StoredEntry | None], below: EntryReader, sequence: int
) -> list[RentChange]:
    """How the lives and sizes of contract entries change with the writes of ledger `sequence`.

    What had expired before pays like a new entry.
    """
    changes = []
    for key, after in writes.items():
        if after is None or after.live_until is None:
            continue
        before = below.find(key)
        if before is not None and not before.is_live(sequence):
            before = None
        changes.append(
            RentChange(
                persistent=not after.is_temporary,
                old_bytes=0 if before is None else before.size_bytes,
                new_bytes=after.size_bytes,
                old_live_until=None if before is None else before.live_until,
                new_live_until=after.live_until,
                is_code=after.is_code,
            )
        )
    return changes
