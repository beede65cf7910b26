"""One stored ledger entry, and where the host finds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from stellar_sdk import xdr

from localnet.lazy import lazy
from localnet.ledger import wire
from localnet.ledger.classic_wire import encode_account, encode_trustline
from localnet.ledger.value_wire import encode_address, encode_value

NO_EXTENSION: Final = wire.ABSENT
"""XDR `LedgerEntryExt` of an entry that never had a sponsor."""

_CONTRACT_DATA: Final = wire.int32(xdr.LedgerEntryType.CONTRACT_DATA)


@dataclass(frozen=True)
class StoredEntry:
    """A ledger entry with what the ledger keeps beside it.

    `last_modified` is the ledger of the last change of `data`. `live_until` is the last
    ledger in which contract data or code lives; None for classic entries. `extension` is
    the encoded LedgerEntryExt, which names the sponsor. The XDR object is shared: whoever
    wants to change it makes a new one.
    """

    data: xdr.LedgerEntryData
    last_modified: int
    live_until: int | None
    extension: bytes = NO_EXTENSION

    def rewritten(self, data: xdr.LedgerEntryData, sequence: int) -> "StoredEntry":
        """The entry with other data as of ledger `sequence`; lifetime and sponsor stay."""
        return StoredEntry(data, sequence, self.live_until, self.extension)

    def extended(self, live_until: int) -> "StoredEntry":
        """The entry with another last ledger; all else stays."""
        return StoredEntry(self.data, self.last_modified, live_until, self.extension)

    @lazy
    def data_xdr(self) -> bytes:
        """The encoded data: made once, read by every answer, meta and size that needs it."""
        return _encode(self.data)

    @property
    def is_temporary(self) -> bool:
        """Whether the entry vanishes when its life is over, instead of being archived."""
        data = self.data.contract_data
        return data is not None and data.durability is xdr.ContractDataDurability.TEMPORARY

    def is_live(self, sequence: int) -> bool:
        """Whether the entry can be used in ledger `sequence`."""
        return self.live_until is None or self.live_until >= sequence


class EntryReader(Protocol):
    """The state below a call. Keys are LedgerKey XDR bytes.

    It may return expired entries; what they mean is the host's to decide.
    """

    def find(self, key: bytes) -> StoredEntry | None: ...


class MemoryEntries:
    """Entries in a dictionary: the state of a replayed scenario."""

    def __init__(self, entries: Mapping[bytes, StoredEntry]) -> None:
        self._entries = dict(entries)

    def __repr__(self) -> str:
        return f"MemoryEntries({len(self._entries)} entries)"

    def find(self, key: bytes) -> StoredEntry | None:
        return self._entries.get(key)

    def apply(self, writes: Mapping[bytes, StoredEntry | None]) -> None:
        """Takes over the writes of a successful call; None deletes."""
        for key, entry in writes.items():
            if entry is None:
                self._entries.pop(key, None)
            else:
                self._entries[key] = entry

    def live(self, sequence: int) -> dict[bytes, StoredEntry]:
        """All entries that live in ledger `sequence`."""
        return {key: entry for key, entry in self._entries.items() if entry.is_live(sequence)}


def _encode(data: xdr.LedgerEntryData) -> bytes:
    if data.account is not None:
        return encode_account(data)
    if data.trust_line is not None:
        return encode_trustline(data)
    stored = data.contract_data
    if stored is None:
        return data.to_xdr_bytes()
    return (
        _CONTRACT_DATA
        + wire.ABSENT
        + encode_address(stored.contract)
        + encode_value(stored.key)
        + wire.int32(stored.durability)
        + encode_value(stored.val)
    )
