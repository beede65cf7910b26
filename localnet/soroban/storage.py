"""What a call reads and writes: buffered, recorded, and held to its footprint."""

from stellar_sdk import xdr

from localnet.ledger.contract_instance import ContractInstance
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.key_kinds import is_temporary
from localnet.soroban import cost_table
from localnet.soroban.budget import Budget
from localnet.soroban.errors import EntryArchivedError, FootprintExceededError
from localnet.soroban.invocation import Footprint, LedgerInfo


def restored_entry(archived: StoredEntry, ledger: LedgerInfo) -> StoredEntry:
    """An archived entry rewritten in this ledger: it lives the network's minimum again."""
    return archived.restored(ledger.sequence, ledger.new_live_until(temporary=False))


class HostStorage:
    """The buffer between a call and the state below it.

    Raises FootprintExceededError for a key outside of the footprint. An expired temporary
    entry is absent. An expired persistent one is restored while the footprint is recorded;
    with a footprint whoever applies restores it before, and EntryArchivedError says that
    nobody did.
    """

    def __init__(
        self, reader: EntryReader, ledger: LedgerInfo, footprint: Footprint | None, budget: Budget
    ) -> None:
        self._reader = reader
        self._ledger = ledger
        self._footprint = footprint
        self._budget = budget
        self._read: dict[bytes, StoredEntry | None] = {}
        self._written: dict[bytes, StoredEntry | None] = {}
        self._touched: dict[bytes, bool] = {}
        self._restored: dict[bytes, StoredEntry] = {}

    def __repr__(self) -> str:
        return f"HostStorage({len(self._touched)} touched, {len(self._written)} written)"

    def find(self, key: bytes) -> StoredEntry | None:
        """The live entry of a key."""
        is_first = key not in self._touched
        entry = self._to_read(key)
        if entry is None or not is_first:
            self._budget.charge(cost_table.ACCESS)
        else:
            # An entry that was not read before is decoded.
            self._budget.charge(cost_table.ENTRY + cost_table.ENTRY_BYTE * len(entry.data_xdr))
        return entry

    def put(self, key: bytes, data: xdr.LedgerEntryData) -> None:
        """Creates or replaces a classic entry."""
        before = self._to_write(key)
        sequence = self._ledger.sequence
        entry = StoredEntry(data, sequence, None) if before is None else before.rewritten(data, sequence)
        self._write(key, entry)

    def put_value(self, key: bytes, value: bytes, live_until: int | None = None) -> None:
        """Creates or replaces contract data with an encoded value.

        A rewrite never changes how long an entry lives. A new one lives the network's
        minimum, or until `live_until`.
        """
        before = self._to_write(key)
        sequence = self._ledger.sequence
        if before is not None:
            self._write(key, before.with_value(value, sequence))
            return
        if live_until is None:
            live_until = self._ledger.new_live_until(temporary=is_temporary(key))
        self._write(key, StoredEntry.of_value(key, value, sequence, live_until))

    def put_instance(self, key: bytes, instance: ContractInstance) -> None:
        """Replaces a contract's instance, which is there: its code runs."""
        before = self._to_write(key)
        assert before is not None
        self._write(key, before.with_instance(instance, self._ledger.sequence))

    def delete(self, key: bytes) -> None:
        self._touch(key, writing=True)
        self._written[key] = None
        self._budget.charge(cost_table.WRITE)

    def extend(self, key: bytes, threshold: int, extend_to: int) -> None:
        """Lets an entry live `extend_to` ledgers more if it has at most `threshold` left.

        Lengthening a life is no write: a key that may only be read can be extended.
        """
        entry = self._to_read(key)
        self._budget.charge(cost_table.EXTENSION)
        if entry is None or entry.live_until is None:
            return
        target = min(self._ledger.sequence + extend_to, self._ledger.max_live_until)
        if target > entry.live_until and entry.live_until - self._ledger.sequence <= threshold:
            self._written[key] = entry.extended(target)

    def snapshot(self) -> dict[bytes, StoredEntry | None]:
        """What is written so far, for `restore` when a call within the call fails."""
        return dict(self._written)

    def restore(self, snapshot: dict[bytes, StoredEntry | None]) -> None:
        """Takes back writes. What was touched stays touched."""
        self._written = snapshot

    def writes(self) -> dict[bytes, StoredEntry | None]:
        """What differs from the state below."""
        return {
            key: entry
            for key, entry in self._written.items()
            if entry is not None or self._reader.find(key) is not None
        }

    def restored(self) -> dict[bytes, StoredEntry]:
        """The archived entries that were touched, as their restoration left them."""
        return self._restored

    def touched(self) -> dict[bytes, bool]:
        """The keys that were read, and whether they were written too."""
        return self._touched

    def _to_read(self, key: bytes) -> StoredEntry | None:
        """The entry as the call sees it."""
        if key not in self._touched:
            self._touch(key, writing=False)
        return self._current(key)

    def _to_write(self, key: bytes) -> StoredEntry | None:
        """The same for who is going to change it."""
        if not self._touched.get(key):
            self._touch(key, writing=True)
        return self._current(key)

    def _write(self, key: bytes, entry: StoredEntry) -> None:
        self._written[key] = entry
        self._budget.charge(cost_table.WRITE + cost_table.WRITTEN_BYTE * len(entry.data_xdr))

    def _touch(self, key: bytes, *, writing: bool) -> None:
        if self._footprint is not None:
            allowed = key in self._footprint.read_write
            if not allowed and (writing or key not in self._footprint.read_only):
                raise FootprintExceededError(key)
        self._touched[key] = writing

    def _current(self, key: bytes) -> StoredEntry | None:
        if key in self._written:
            return self._written[key]
        if key not in self._read:
            self._read[key] = self._find_live(key)
        return self._read[key]

    def _find_live(self, key: bytes) -> StoredEntry | None:
        entry = self._reader.find(key)
        if entry is None or entry.is_live(self._ledger.sequence):
            return entry
        if is_temporary(key):
            return None
        if self._footprint is not None:
            raise EntryArchivedError(key)
        return self._restore(key, entry)

    def _restore(self, key: bytes, archived: StoredEntry) -> StoredEntry:
        """Restoring is a write, whatever else the call does with the entry (CAP-66)."""
        self._touched[key] = True
        restored = self._restored[key] = restored_entry(archived, self._ledger)
        return restored
