"""The ledger's live entries, and the layers on which a transaction tries its changes."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from localnet.ledger.entries import EntryReader, StoredEntry


class EntryChange(NamedTuple):
    """One entry before and after; None where it did not or does no longer exist."""

    key: bytes
    before: StoredEntry | None
    after: StoredEntry | None


class LedgerState:
    """All live entries by their LedgerKey XDR, as of the last closed ledger.

    Expired temporary entries are removed as a ledger begins, so whatever is found here is alive. Expired
    persistent entries stay: they are archived, not gone.
    """

    def __init__(self) -> None:
        self._entries: dict[bytes, StoredEntry] = {}
        self._temporary_by_last_ledger: defaultdict[int, set[bytes]] = defaultdict(set)
        self._changed: dict[bytes, StoredEntry | None] = {}
        self._replaced: dict[bytes, StoredEntry | None] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"LedgerState({len(self._entries)} entries)"

    def find(self, key: bytes) -> StoredEntry | None:
        return self._entries.get(key)

    def entries(self) -> Mapping[bytes, StoredEntry]:
        """Everything that lives, for whoever saves or counts it."""
        return self._entries

    def commit(self, changes: Mapping[bytes, StoredEntry | None]) -> None:
        self._changed.update(changes)
        if self._replaced is not None:
            for key in changes:
                self._replaced.setdefault(key, self._entries.get(key))
        for key, entry in changes.items():
            self._forget_expiry(key)
            if entry is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = entry
                if entry.live_until is not None and entry.is_temporary:
                    self._temporary_by_last_ledger[entry.live_until].add(key)

    def remove_expired(self, sequence: int) -> list[bytes]:
        """Removes the temporary entries whose last ledger was before `sequence`; returns their keys."""
        removed = []
        for key in sorted(self._temporary_by_last_ledger.pop(sequence - 1, ())):
            if self._replaced is not None:
                self._replaced.setdefault(key, self._entries[key])
            del self._entries[key]
            self._changed[key] = None
            removed.append(key)
        return removed

    def take_changes(self) -> Mapping[bytes, StoredEntry | None]:
        """Everything that changed since the last call: a ledger's difference to the one before."""
        changed, self._changed = self._changed, {}
        return changed

    def keep_replaced(self) -> None:
        """From now on what changes is kept as it was before, for `take_replaced`."""
        if self._replaced is None:
            self._replaced = {}

    def take_replaced(self) -> Mapping[bytes, StoredEntry | None]:
        """Everything that changed since the last call, as it was then; None where there was nothing."""
        assert self._replaced is not None, "somebody asked for it to be kept"
        replaced, self._replaced = self._replaced, {}
        return replaced

    def _forget_expiry(self, key: bytes) -> None:
        entry = self._entries.get(key)
        if entry is not None and entry.live_until is not None:
            self._temporary_by_last_ledger.get(entry.live_until, set()).discard(key)


class Layer:
    """Changes on top of a reader, kept until somebody commits them."""

    def __init__(self, below: EntryReader) -> None:
        self._below = below
        self._changed: dict[bytes, StoredEntry | None] = {}

    def __repr__(self) -> str:
        return f"Layer({len(self._changed)} changed)"

    def find(self, key: bytes) -> StoredEntry | None:
        if key in self._changed:
            return self._changed[key]
        return self._below.find(key)

    def put(self, key: bytes, entry: StoredEntry | None) -> None:
        """Writes an entry; None deletes it."""
        self._changed[key] = entry

    def put_all(self, entries: Mapping[bytes, StoredEntry | None]) -> None:
        self._changed.update(entries)

    def changed(self) -> Mapping[bytes, StoredEntry | None]:
        return self._changed

    def changes(self) -> list[EntryChange]:
        """What differs from below, in the order of first touch."""
        listed = []
        for key, after in self._changed.items():
            before = self._below.find(key)
            if before is not None or after is not None:
                listed.append(EntryChange(key, before, after))
        return listed
