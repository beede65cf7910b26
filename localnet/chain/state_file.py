"""The chain on disk: entries and ledgers in one SQLite file, each ledger in it before anybody hears of it.

One transaction a ledger, write-ahead logged and synchronous: a process that is killed, or a machine without
power, loses no ledger that was seen, and has no half of one. The file belongs to one process at a time.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from kale.networks import Network
from localnet.chain.closed_ledger import ClosedLedger
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_xdr import EntryDecodeError, decode_ledger_entry
from localnet.ledger.meta import ledger_entry
from localnet.network_settings import NetworkSettings
from poolkit.startup_error import StartupError

#: SQLite's mark of whose file it is: "KALE".
_APPLICATION_ID: Final = 0x4B414C45
_FORMAT: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE identity (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE ledgers (sequence INTEGER PRIMARY KEY, content BLOB NOT NULL,"
    " milliseconds_left INTEGER NOT NULL, checksum INTEGER NOT NULL)",
    "CREATE TABLE entries (key BLOB PRIMARY KEY, entry BLOB NOT NULL, live_until INTEGER,"
    " checksum INTEGER NOT NULL) WITHOUT ROWID",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_FORMAT}",
)


class _SavedLedger(BaseModel):
    """A ledger as JSON, field by field."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", extra="forbid")

    ledger: ClosedLedger


@dataclass(frozen=True)
class SavedChain:
    """What a file has of a chain: its last ledgers, the earliest first, and all entries.

    `milliseconds_left` is the chain's.
    """

    ledgers: list[ClosedLedger]
    entries: Mapping[bytes, StoredEntry]
    milliseconds_left: int


class StateFile:
    """An open file, locked. Every method raises StartupError for a file that cannot be used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._explained("cannot be opened"):
            self._database = sqlite3.connect(path, timeout=0, isolation_level=None)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._is_new = not self._one("SELECT count(*) FROM sqlite_master")
            if not self._is_new:
                self._check_format()
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._lock()

    def __repr__(self) -> str:
        return f"StateFile({self._path})"

    @property
    def is_new(self) -> bool:
        """Whether there is no chain in it."""
        return self._is_new

    def begin(
        self,
        network: Network,
        settings: NetworkSettings,
        genesis: ClosedLedger,
        entries: Mapping[bytes, StoredEntry],
    ) -> None:
        """Writes a chain that has just begun into a new file."""
        with self._transaction():
            for statement in _SCHEMA:
                self._database.execute(statement)
            self._database.executemany(
                "INSERT INTO identity VALUES (?, ?)", _identity(network, settings).items()
            )
            self._write(genesis, entries, 0)
        self._is_new = False

    def append(
        self,
        ledger: ClosedLedger,
        changes: Mapping[bytes, StoredEntry | None],
        milliseconds_left: int,
        oldest: int,
    ) -> None:
        """Writes a ledger and the entries that it changed, and forgets those before `oldest`."""
        with self._transaction():
            self._write(ledger, changes, milliseconds_left)
            self._database.execute("DELETE FROM ledgers WHERE sequence < ?", (oldest,))

    def load(self, network: Network, settings: NetworkSettings) -> SavedChain:
        """The chain of a file that has one; it must be this network's."""
        with self._explained("cannot be read"):
            self._check_identity(network, settings)
            problem = self._one("PRAGMA quick_check(1)")
            if problem != "ok":
                raise self._broken(f"{problem}")
            rows = self._database.execute(
                "SELECT sequence, CAST(content AS BLOB), checksum FROM ledgers ORDER BY sequence"
            )
            ledgers = [self._ledger(*row) for row in rows]
            self._check_ledgers(ledgers)
            rows = self._database.execute(
                "SELECT key, CAST(entry AS BLOB), CAST(live_until AS INTEGER), checksum FROM entries"
            )
            entries = {row[0]: self._entry(*row) for row in rows}
            rows = self._database.execute(
                "SELECT milliseconds_left FROM ledgers WHERE sequence = ?", (ledgers[-1].sequence,)
            )
        return SavedChain(ledgers, entries, rows.fetchone()[0])

    def close(self) -> None:
        self._database.close()

    def _write(
        self, ledger: ClosedLedger, changes: Mapping[bytes, StoredEntry | None], milliseconds_left: int
    ) -> None:
        content = _SavedLedger(ledger=ledger).model_dump_json().encode()
        self._database.execute(
            "INSERT INTO ledgers VALUES (?, ?, ?, ?)",
            (ledger.sequence, content, milliseconds_left, zlib.crc32(content)),
        )
        for key, entry in changes.items():
            if entry is None:
                self._database.execute("DELETE FROM entries WHERE key = ?", (key,))
            else:
                raw = ledger_entry(entry)
                row = (key, raw, entry.live_until, _entry_checksum(key, raw, entry.live_until))
                self._database.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", row)

    def _ledger(self, sequence: int, content: bytes, checksum: int) -> ClosedLedger:
        if zlib.crc32(content) != checksum:
            raise self._broken(f"ledger {sequence} is damaged")
        try:
            return _SavedLedger.model_validate_json(content).ledger
        except ValidationError:
            raise StartupError(f"state file {self._path} is of another version of the localnet") from None

    def _entry(self, key: bytes, raw: bytes, live_until: int | None, checksum: int) -> StoredEntry:
        if _entry_checksum(key, raw, live_until) != checksum:
            raise self._broken(f"the entry {key.hex()} is damaged")
        try:
            return decode_ledger_entry(raw, live_until)
        except EntryDecodeError as error:
            raise self._broken(f"the entry {key.hex()} cannot be decoded: {error}") from error

    def _check_ledgers(self, ledgers: list[ClosedLedger]) -> None:
        if not ledgers:
            raise self._broken("it has no ledger")
        for before, ledger in pairwise(ledgers):
            if ledger.sequence != before.sequence + 1 or ledger.previous_hash != before.hash:
                raise self._broken(f"ledger {ledger.sequence} does not follow ledger {before.sequence}")

    def _check_format(self) -> None:
        if self._one("PRAGMA application_id") != _APPLICATION_ID:
            raise StartupError(f"{self._path} is no state file of a localnet")
        if self._one("PRAGMA user_version") != _FORMAT:
            raise StartupError(f"state file {self._path} is of another version of the localnet")

    def _check_identity(self, network: Network, settings: NetworkSettings) -> None:
        saved = dict(self._database.execute("SELECT name, value FROM identity"))
        for name, value in _identity(network, settings).items():
            if saved.get(name) != value:
                raise StartupError(
                    f"state file {self._path} is of another network: {name} is {saved.get(name)} there, "
                    f"and {value} here"
                )

    def _lock(self) -> None:
        """A reader's lock would let a second process in until the first ledger is written."""
        self._database.execute("BEGIN IMMEDIATE")
        self._database.execute("COMMIT")

    def _one(self, question: str) -> object:
        return self._database.execute(question).fetchone()[0]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained("cannot be written"):
            self._database.execute("BEGIN")
            yield
            self._database.execute("COMMIT")

    @contextmanager
    def _explained(self, problem: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if "locked" in str(error):
                raise StartupError(f"state file {self._path} is in use by another process") from None
            raise StartupError(f"state file {self._path} {problem}: {error}") from error

    def _broken(self, reason: str) -> StartupError:
        return StartupError(f"state file {self._path} is broken: {reason}; it cannot be repaired")


def _identity(network: Network, settings: NetworkSettings) -> dict[str, str]:
    """What must be the same for the chain to go on: whose it is, and by which rules it came about."""
    described = {f"network.{name}": value for name, value in asdict(network).items()}
    described |= _flat("settings", asdict(settings))
    return {name: json.dumps(value) for name, value in described.items()}


def _flat(name: str, value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: each for part, inner in value.items() for key, each in _flat(f"{name}.{part}", inner).items()
    }


def _entry_checksum(key: bytes, raw: bytes, live_until: int | None) -> int:
    return zlib.crc32(b"%d" % (live_until or 0), zlib.crc32(raw, zlib.crc32(key)))
