"""What a call reads and writes: buffered, recorded, and held to its footprint."""

from stellar_sdk import xdr

from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.soroban import cost_table
from localnet.soroban.budget import Budget
from localnet.soroban.errors import EntryArchivedError, FootprintExceededError
from localnet.soroban.invocation import Footprint, LedgerInfo
from localnet.soroban.values import key_order

_CONTRACT_DATA = xdr.LedgerEntryType.CONTRACT_DATA.value.to_bytes(4, "big")
_CONTRACT_CODE = xdr.LedgerEntryType.CONTRACT_CODE.value.to_bytes(4, "big")
_TEMPORARY = xdr.ContractDataDurability.TEMPORARY.value.to_bytes(4, "big")


def is_temporary(key: bytes) -> bool:
    """Whether a LedgerKey (XDR) is of a temporary entry: durability is its last field."""
    return key[:4] == _CONTRACT_DATA and key[-4:] == _TEMPORARY


def has_lifetime(key: bytes) -> bool:
    """Whether entries of this LedgerKey (XDR) expire: contract data and code do."""
    return key[:4] in (_CONTRACT_DATA, _CONTRACT_CODE)


def restored_entry(archived: StoredEntry, ledger: LedgerInfo) -> StoredEntry:
    """An archived entry rewritten in this ledger: it lives the network's minimum again."""
    live_until = ledger.new_live_until(temporary=False)
    return StoredEntry(archived.data, ledger.sequence, live_until, archived.extension)


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
        self._written: dict[bytes, StoredEntry | None] = {}
        self._touched: dict[bytes, bool] = {}
        self._restored: dict[bytes, StoredEntry] = {}

    def __repr__(self) -> str:
        return f"HostStorage({len(self._touched)} touched, {len(self._written)} written)"

    def find(self, key: bytes) -> StoredEntry | None:
        """The live entry of a key."""
        is_first = key not in self._touched
        self._touch(key, writing=False)
        entry = self._current(key)
        self._charge_read(entry if is_first else None)
        return entry

    def put(self, key: bytes, data: xdr.LedgerEntryData, live_until: int | None = None) -> None:
        """Creates or replaces an entry.

        A rewrite never changes how long an entry lives. A new one lives the network's
        minimum, or until `live_until`.
        """
        self._touch(key, writing=True)
        before = self._current(key)
        if before is not None:
            entry = before.rewritten(data, self._ledger.sequence)
        else:
            if live_until is None and has_lifetime(key):
                live_until = self._ledger.new_live_until(temporary=is_temporary(key))
            entry = StoredEntry(data, self._ledger.sequence, live_until)
        self._written[key] = entry
        self._budget.charge(cost_table.WRITE + cost_table.WRITTEN_BYTE * len(entry.data_xdr))

    def delete(self, key: bytes) -> None:
        self._touch(key, writing=True)
        self._written[key] = None
        self._budget.charge(cost_table.WRITE)

    def extend(self, key: bytes, threshold: int, extend_to: int) -> None:
        """Lets an entry live `extend_to` ledgers more if it has at most `threshold` left.

        Lengthening a life is no write: a key that may only be read can be extended.
        """
        self._touch(key, writing=False)
        self._budget.charge(cost_table.EXTENSION)
        entry = self._current(key)
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

    def touched(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """(only read, also written) keys in the ledger's order."""
        ordered = sorted(self._touched, key=key_order)
        return (
            tuple(key for key in ordered if not self._touched[key]),
            tuple(key for key in ordered if self._touched[key]),
        )

    def _charge_read(self, decoded: StoredEntry | None) -> None:
        """An access, and the decoding of an entry that was not read before."""
        if decoded is None:
            self._budget.charge(cost_table.ACCESS)
        else:
            self._budget.charge(cost_table.ENTRY + cost_table.ENTRY_BYTE * len(decoded.data_xdr))

    def _touch(self, key: bytes, *, writing: bool) -> None:
        if self._footprint is not None:
            allowed = key in self._footprint.read_write
            if not allowed and (writing or key not in self._footprint.read_only):
                raise FootprintExceededError(key)
        self._touched[key] = self._touched.get(key, False) or writing

    def _current(self, key: bytes) -> StoredEntry | None:
        if key in self._written:
            return self._written[key]
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
        return self._restored.setdefault(key, restored_entry(archived, self._ledger))
