"""One stored ledger entry, and where the host finds it."""

from collections.abc import Mapping
from typing import Final, Protocol

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.classic_wire import encode_account, encode_trustline
from localnet.ledger.contract_instance import ContractInstance, decode_instance
from localnet.ledger.value_wire import encode_address, encode_value

NO_EXTENSION: Final = wire.ABSENT
"""XDR `LedgerEntryExt` of an entry that never had a sponsor."""

_CONTRACT_DATA: Final = wire.int32(xdr.LedgerEntryType.CONTRACT_DATA)
_TEMPORARY: Final = wire.int32(xdr.ContractDataDurability.TEMPORARY)
_TYPE_BYTES: Final = len(_CONTRACT_DATA)
_LAST_MODIFIED_BYTES: Final = 4


class StoredEntry:
    """A ledger entry with what the ledger keeps beside it. Not to be changed, as little as its `data`.

    `last_modified` is the ledger of the last change of `data`. `live_until` is the last
    ledger in which contract data or code lives; None for classic entries. `extension` is
    the encoded LedgerEntryExt, which names the sponsor.

    Contract data is kept encoded alone, for contracts write and read it so; all else is kept as
    the SDK's object, and encoded when somebody first asks.
    """

    __slots__ = (
        "_data",
        "_data_xdr",
        "_instance",
        "_value_start",
        "extension",
        "last_modified",
        "live_until",
    )

    def __init__(
        self,
        data: xdr.LedgerEntryData,
        last_modified: int,
        live_until: int | None,
        extension: bytes = NO_EXTENSION,
    ) -> None:
        stored = data.contract_data
        if stored is None:
            self._data: xdr.LedgerEntryData | None = data
            self._data_xdr: bytes | None = None
            self._value_start = 0
        else:
            address, key = encode_address(stored.contract), encode_value(stored.key)
            before = _CONTRACT_DATA + wire.ABSENT + address + key + wire.int32(stored.durability)
            self._data = None
            self._data_xdr = before + encode_value(stored.val)
            self._value_start = len(before)
        self._instance: ContractInstance | None = None
        self.last_modified = last_modified
        self.live_until = live_until
        self.extension = extension

    @classmethod
    def of_value(cls, key: bytes, value: bytes, last_modified: int, live_until: int) -> "StoredEntry":
        """New contract data under a LedgerKey (XDR), with an encoded value."""
        entry = cls.__new__(cls)
        entry._data = None
        entry._data_xdr = key[:_TYPE_BYTES] + wire.ABSENT + key[_TYPE_BYTES:] + value
        entry._value_start = len(key) + len(wire.ABSENT)
        entry._instance = None
        entry.last_modified = last_modified
        entry.live_until = live_until
        entry.extension = NO_EXTENSION
        return entry

    def __repr__(self) -> str:
        kind = xdr.LedgerEntryType(int.from_bytes(self.data_xdr[:_TYPE_BYTES], "big")).name
        return f"StoredEntry({kind}, changed {self.last_modified}, lives until {self.live_until})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StoredEntry):
            return NotImplemented
        return (self.data_xdr, self.last_modified, self.live_until, self.extension) == (
            other.data_xdr,
            other.last_modified,
            other.live_until,
            other.extension,
        )

    def rewritten(self, data: xdr.LedgerEntryData, sequence: int) -> "StoredEntry":
        """The entry with other data as of ledger `sequence`; lifetime and sponsor stay."""
        return StoredEntry(data, sequence, self.live_until, self.extension)

    def with_value(self, value: bytes, sequence: int) -> "StoredEntry":
        """Contract data with another encoded value as of ledger `sequence`; all else stays."""
        entry = self._copy()
        entry._data_xdr = self.data_xdr[: self._value_start] + value
        entry._instance = None
        entry.last_modified = sequence
        return entry

    def with_instance(self, instance: ContractInstance, sequence: int) -> "StoredEntry":
        """The same for a contract's instance."""
        entry = self.with_value(instance.encode(), sequence)
        entry._instance = instance
        return entry

    def extended(self, live_until: int) -> "StoredEntry":
        """The entry with another last ledger; all else stays."""
        entry = self._copy()
        entry.live_until = live_until
        return entry

    def restored(self, sequence: int, live_until: int) -> "StoredEntry":
        """An archived entry rewritten as it is in ledger `sequence`."""
        entry = self.extended(live_until)
        entry.last_modified = sequence
        return entry

    def _copy(self) -> "StoredEntry":
        entry = StoredEntry.__new__(StoredEntry)
        entry._data = self._data
        entry._data_xdr = self._data_xdr
        entry._value_start = self._value_start
        entry._instance = self._instance
        entry.last_modified = self.last_modified
        entry.live_until = self.live_until
        entry.extension = self.extension
        return entry

    @property
    def data(self) -> xdr.LedgerEntryData:
        """The SDK's object. Contract data is decoded each time."""
        if self._data is not None:
            return self._data
        return xdr.LedgerEntryData.from_xdr_bytes(self.data_xdr)

    @property
    def data_xdr(self) -> bytes:
        """The encoded data, which every answer, meta and size needs."""
        if self._data_xdr is None:
            assert self._data is not None, "what is not encoded is an object"
            self._data_xdr = _encode(self._data)
        return self._data_xdr

    @property
    def size_bytes(self) -> int:
        """The size of the encoded `LedgerEntry`: what limits and rent count."""
        return _LAST_MODIFIED_BYTES + len(self._data_xdr or self.data_xdr) + len(self.extension)

    @property
    def value(self) -> bytes | None:
        """The encoded value of contract data; None for other entries."""
        return self.data_xdr[self._value_start :] if self._value_start else None

    @property
    def instance(self) -> ContractInstance | None:
        """What a contract's instance entry holds; None for other entries."""
        if self._instance is None and self._value_start:
            self._instance = decode_instance(self.data_xdr[self._value_start :])
        return self._instance

    @property
    def account(self) -> xdr.AccountEntry | None:
        return None if self._data is None else self._data.account

    @property
    def trustline(self) -> xdr.TrustLineEntry | None:
        return None if self._data is None else self._data.trust_line

    @property
    def is_contract_data(self) -> bool:
        return self._value_start > 0

    @property
    def is_code(self) -> bool:
        return self._data is not None and self._data.contract_code is not None

    @property
    def is_temporary(self) -> bool:
        """Whether the entry vanishes when its life is over, instead of being archived."""
        return self._value_start > 0 and self.data_xdr.startswith(_TEMPORARY, self._value_start - 4)

    def is_live(self, sequence: int) -> bool:
        """Whether the entry can be used in ledger `sequence`."""
        return self.live_until is None or self.live_until >= sequence

    def has_content_of(self, other: "StoredEntry") -> bool:
        """Whether the data was never written since `other`: not only equal, but the same."""
        if self._data is not None:
            return self._data is other._data
        return self._data_xdr is other._data_xdr


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
    return data.to_xdr_bytes()
