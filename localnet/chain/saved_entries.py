"""Ledger entries as JSON Lines, in the words of getLedgerEntries: what a chain may be forked from.

The first line may say of which ledger the entries are: `latestLedger` and `latestLedgerCloseTime`. Each other
line is one entry: `key` and `xdr`, and if known `lastModifiedLedgerSeq`, `liveUntilLedgerSeq` and `extXdr`.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from stellar_sdk import xdr

from kale.constants import I64_MAX, U32_MAX
from localnet.ledger import wire
from localnet.ledger.entries import NO_EXTENSION, StoredEntry
from localnet.ledger.entry_xdr import EntryDecodeError, decode_ledger_entry, key_of
from localnet.network_settings import Lifetimes
from poolkit.startup_error import StartupError

_MORTAL: Final = (xdr.LedgerEntryType.CONTRACT_DATA, xdr.LedgerEntryType.CONTRACT_CODE)
_NO_EXTENSION_TEXT: Final = wire.base64_text(NO_EXTENSION)
#: A chain that begins later could not go on for long: ledgers are numbered by 32 bits.
_MAX_SEQUENCE: Final = U32_MAX // 2


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_L = TypeVar("_L", bound=_Line)


class _LedgerLine(_Line):
    latest_ledger: int = Field(alias="latestLedger", ge=1, le=_MAX_SEQUENCE)
    close_time: int = Field(alias="latestLedgerCloseTime", ge=0, le=I64_MAX)


class _EntryLine(_Line):
    key: str
    xdr: str
    last_modified: int | None = Field(None, alias="lastModifiedLedgerSeq", ge=0, le=U32_MAX)
    live_until: int | None = Field(None, alias="liveUntilLedgerSeq", ge=0, le=U32_MAX)
    extension: str = Field(_NO_EXTENSION_TEXT, alias="extXdr")


@dataclass(frozen=True)
class SavedEntries:
    """Entries by their keys, as of a ledger; `close_time` is None where nobody knows it."""

    sequence: int
    close_time: int | None
    entries: Mapping[bytes, StoredEntry]


def read_saved_entries(path: Path, lifetimes: Lifetimes) -> SavedEntries:
    """The entries of a file. Raises StartupError with the line that is wrong.

    Without a line that names the ledger it is that of the latest change. An entry whose life is not told
    lives as long as a new one; one whose life is 0 is archived, as a node says it, or gone if temporary.
    """
    ledger: _LedgerLine | None = None
    read: list[tuple[int, _EntryLine]] = []
    for number, text in _lines(path):
        if not read and ledger is None and '"latestLedger"' in text:
            ledger = _parsed(_LedgerLine, text, path, number)
        else:
            read.append((number, _parsed(_EntryLine, text, path, number)))
    latest_change = max((line.last_modified or 1 for _, line in read), default=1)
    sequence = latest_change if ledger is None else ledger.latest_ledger
    entries: dict[bytes, StoredEntry] = {}
    for number, line in read:
        try:
            key, entry = _entry(line, sequence, lifetimes)
        except EntryDecodeError as error:
            raise _refused(path, number, str(error)) from None
        if key in entries:
            raise _refused(path, number, f"key: {line.key} is there twice")
        entries[key] = entry
    for key in [key for key, entry in entries.items() if entry.is_temporary and not entry.is_live(sequence)]:
        del entries[key]
    return SavedEntries(sequence, None if ledger is None else ledger.close_time, entries)


def ledger_line(sequence: int, close_time: int) -> dict[str, Any]:
    """The first line of a file."""
    return {"latestLedger": sequence, "latestLedgerCloseTime": str(close_time)}


def entry_line(key: bytes, entry: StoredEntry) -> dict[str, Any]:
    """One of the others."""
    line: dict[str, Any] = {
        "key": wire.base64_text(key),
        "xdr": wire.base64_text(entry.data_xdr),
        "lastModifiedLedgerSeq": entry.last_modified,
        "extXdr": wire.base64_text(entry.extension),
    }
    if entry.live_until is not None:
        line["liveUntilLedgerSeq"] = entry.live_until
    return line


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StartupError(f"fork file {path} cannot be read: {error}") from None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield number, line


def _parsed(kind: type[_L], text: str, path: Path, number: int) -> _L:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        field = ".".join(map(str, fault["loc"]))
        value = "" if fault["type"] == "missing" or not field else f" (got {fault['input']!r})"
        raise _refused(path, number, f"{field}: {fault['msg']}{value}".removeprefix(": ")) from None


def _entry(line: _EntryLine, sequence: int, lifetimes: Lifetimes) -> tuple[bytes, StoredEntry]:
    key = _decoded("key", line.key)
    changed = wire.uint32(line.last_modified or sequence)
    raw = changed + _decoded("xdr", line.xdr) + _decoded("extXdr", line.extension)
    try:
        entry = decode_ledger_entry(raw, None)
    except EntryDecodeError as error:
        raise EntryDecodeError(f"xdr: no ledger entry: {error}") from None
    if key_of(entry.data) != key:
        raise EntryDecodeError("key: it is not the key of the entry in xdr")
    return key, StoredEntry(
        entry.data, entry.last_modified, _live_until(line, entry, sequence, lifetimes), entry.extension
    )


def _live_until(line: _EntryLine, entry: StoredEntry, sequence: int, lifetimes: Lifetimes) -> int | None:
    if entry.data.type not in _MORTAL:
        if line.live_until is not None:
            raise EntryDecodeError(f"liveUntilLedgerSeq: {entry.data.type.name} lives for ever")
        return None
    if line.live_until is None:
        life = lifetimes.min_temporary if entry.is_temporary else lifetimes.min_persistent
        return sequence + life - 1
    return line.live_until


def _decoded(field: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EntryDecodeError(f"{field}: no base64: {error}") from None


def _refused(path: Path, number: int, reason: str) -> StartupError:
    return StartupError(f"fork file {path}, line {number}: {reason}")
