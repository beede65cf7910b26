"""What a Stellar RPC node answers, as typed values: read from JSON, XDR left as base64 text.

Sources: the field list of Stellar RPC 28 (JSON types differ between methods: most close times are
strings). Numbers are accepted as JSON numbers or decimal strings. Ledger headers and close meta
are never decoded: the SDKs lag behind protocol upgrades there.
"""

import base64
import binascii
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from stellar_sdk import xdr


class MalformedAnswer(Exception):
    """The node's answer lacks a field or has it in another type; the text names it."""


@dataclass(frozen=True)
class LedgerHead:
    """A closed ledger: its sequence and close time (unix seconds on the chain)."""

    sequence: int
    close_time: int


@dataclass(frozen=True)
class NodeHealth:
    """The window of ledgers that a node holds."""

    latest: LedgerHead
    oldest: LedgerHead


@dataclass(frozen=True)
class NetworkInfo:
    """Which network a node follows."""

    passphrase: str
    protocol_version: int
    friendbot_url: str | None


@dataclass(frozen=True)
class EntryView:
    """A ledger entry as of the answer's latest ledger.

    `live_until` is the last ledger in which a contract entry lives, None for classic entries,
    0 for a persistent entry that expired.
    """

    data: xdr.LedgerEntryData
    last_modified: int
    live_until: int | None


@dataclass(frozen=True)
class Entries:
    """Ledger entries by the base64 XDR of their key; what doesn't exist is left out."""

    latest_ledger: int
    by_key: Mapping[str, EntryView] = field(default_factory=dict)

    def find(self, key: xdr.LedgerKey) -> EntryView | None:
        return self.by_key.get(key.to_xdr())


@dataclass(frozen=True)
class Simulation:
    """A trial run at the node's latest ledger. Exactly one of `error` and `transaction_data_xdr` is set."""

    latest_ledger: int
    error: str | None
    transaction_data_xdr: str | None
    min_resource_fee_stroops: int
    auth_xdr: tuple[str, ...]
    return_value_xdr: str | None
    events_xdr: tuple[str, ...]


class SendStatus(enum.Enum):
    """A node's answer to a transaction; none of them says that it is in a ledger."""

    PENDING = "PENDING"
    DUPLICATE = "DUPLICATE"
    TRY_AGAIN_LATER = "TRY_AGAIN_LATER"
    ERROR = "ERROR"


@dataclass(frozen=True)
class SendOutcome:
    """The answer to a send.

    `after_unknown` is set when an earlier try within the same call ended without an answer: that
    node may have taken the envelope, so an ERROR or TRY_AGAIN_LATER then proves nothing and the
    hash must be looked up.
    """

    status: SendStatus
    hash: str
    latest_ledger: int
    latest_close_time: int
    error_result_xdr: str | None
    diagnostic_events_xdr: tuple[str, ...]
    after_unknown: bool = False


class TransactionStatus(enum.Enum):
    """NOT_FOUND says nothing by itself: compare the ledger window with the transaction's validity."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    NOT_FOUND = "NOT_FOUND"


@dataclass(frozen=True)
class TransactionLookup:
    """What a node knows about a transaction hash, and the window in which it looked."""

    status: TransactionStatus
    hash: str
    latest_ledger: int
    latest_close_time: int
    oldest_ledger: int
    oldest_close_time: int
    ledger: int | None = None
    close_time: int | None = None
    application_order: int | None = None
    fee_bump: bool = False
    envelope_xdr: str | None = None
    result_xdr: str | None = None
    result_meta_xdr: str | None = None
    diagnostic_events_xdr: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChainTransaction:
    """A transaction in a ledger. `hash` is hex, the outer one of a fee bump."""

    hash: str
    ledger: int
    succeeded: bool
    envelope_xdr: str
    result_meta_xdr: str


@dataclass(frozen=True)
class TransactionPage:
    """Transactions in the order of the chain; the next page begins behind `cursor`."""

    transactions: tuple[ChainTransaction, ...]
    cursor: str
    latest_ledger: int


@dataclass(frozen=True)
class EventFilter:
    """Contract events of these contracts (≤ 5) that match one of the topic lists (≤ 5).

    A topic segment is the base64 of an ScVal, `*` for any one, or a last `**` for any more.
    """

    contract_ids: tuple[str, ...] = ()
    topics: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class ChainEvent:
    """One contract event, in the order of the chain by `id`."""

    id: str
    ledger: int
    closed_at: str
    contract_id: str
    transaction_hash: str
    transaction_index: int
    operation_index: int
    topics_xdr: tuple[str, ...]
    value_xdr: str


@dataclass(frozen=True)
class EventPage:
    """Events of a part of the chain; continue strictly after `cursor`."""

    events: tuple[ChainEvent, ...]
    cursor: str
    latest_ledger: int
    oldest_ledger: int


@dataclass(frozen=True)
class FeeDistribution:
    """Inclusion fees of recent ledgers, in stroops an operation; all 0 where there was no transaction."""

    least: int
    most: int
    mode: int
    p50: int
    p90: int
    p99: int
    transaction_count: int
    ledger_count: int


@dataclass(frozen=True)
class FeeStats:
    """What recent transactions paid for inclusion."""

    soroban: FeeDistribution
    classic: FeeDistribution
    latest_ledger: int


Json = Mapping[str, Any]
E = TypeVar("E", bound=enum.Enum)


def integer(answer: Json, name: str) -> int:
    value = answer.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    raise MalformedAnswer(f"{name} must be a whole number (got {type(value).__name__})")


def text(answer: Json, name: str) -> str:
    value = answer.get(name)
    if isinstance(value, str):
        return value
    raise MalformedAnswer(f"{name} must be text (got {type(value).__name__})")


def optional_text(answer: Json, name: str) -> str | None:
    return None if answer.get(name) is None else text(answer, name)


def optional_integer(answer: Json, name: str) -> int | None:
    return None if answer.get(name) is None else integer(answer, name)


def texts(answer: Json, name: str) -> tuple[str, ...]:
    """A list of strings; absent and null count as empty."""
    values = answer.get(name) or []
    if isinstance(values, Sequence) and all(isinstance(value, str) for value in values):
        return tuple(values)
    raise MalformedAnswer(f"{name} must be a list of texts")


def objects(answer: Json, name: str) -> list[Json]:
    """A list of objects; absent and null count as empty."""
    values = answer.get(name) or []
    if isinstance(values, list) and all(isinstance(value, dict) for value in values):
        return values
    raise MalformedAnswer(f"{name} must be a list of objects")


def parse_health(answer: Json) -> NodeHealth:
    return NodeHealth(
        latest=LedgerHead(integer(answer, "latestLedger"), integer(answer, "latestLedgerCloseTime")),
        oldest=LedgerHead(integer(answer, "oldestLedger"), integer(answer, "oldestLedgerCloseTime")),
    )


def parse_network(answer: Json) -> NetworkInfo:
    return NetworkInfo(
        passphrase=text(answer, "passphrase"),
        protocol_version=integer(answer, "protocolVersion"),
        friendbot_url=optional_text(answer, "friendbotUrl"),
    )


def parse_entries(answer: Json) -> Entries:
    return Entries(
        latest_ledger=integer(answer, "latestLedger"),
        by_key={text(entry, "key"): _parse_entry(entry) for entry in objects(answer, "entries")},
    )


def _parse_entry(entry: Json) -> EntryView:
    try:
        data = xdr.LedgerEntryData.from_xdr_bytes(base64.b64decode(text(entry, "xdr"), validate=True))
    except (binascii.Error, ValueError, EOFError) as error:
        raise MalformedAnswer(f"xdr must be a LedgerEntryData ({error})") from error
    return EntryView(
        data=data,
        last_modified=integer(entry, "lastModifiedLedgerSeq"),
        live_until=optional_integer(entry, "liveUntilLedgerSeq"),
    )


def parse_simulation(answer: Json) -> Simulation:
    error = optional_text(answer, "error")
    results = objects(answer, "results")
    result: Json = results[0] if results else {}
    return Simulation(
        latest_ledger=integer(answer, "latestLedger"),
        error=error,
        transaction_data_xdr=None if error is not None else text(answer, "transactionData"),
        min_resource_fee_stroops=0 if error is not None else integer(answer, "minResourceFee"),
        auth_xdr=texts(result, "auth"),
        return_value_xdr=optional_text(result, "xdr"),
        events_xdr=texts(answer, "events"),
    )


def parse_send(answer: Json) -> SendOutcome:
    return SendOutcome(
        status=_member(SendStatus, answer),
        hash=text(answer, "hash"),
        latest_ledger=integer(answer, "latestLedger"),
        latest_close_time=integer(answer, "latestLedgerCloseTime"),
        error_result_xdr=optional_text(answer, "errorResultXdr"),
        diagnostic_events_xdr=texts(answer, "diagnosticEventsXdr"),
    )


def parse_transaction(answer: Json) -> TransactionLookup:
    status = _member(TransactionStatus, answer)
    window = TransactionLookup(
        status=status,
        hash=text(answer, "txHash"),
        latest_ledger=integer(answer, "latestLedger"),
        latest_close_time=integer(answer, "latestLedgerCloseTime"),
        oldest_ledger=integer(answer, "oldestLedger"),
        oldest_close_time=integer(answer, "oldestLedgerCloseTime"),
    )
    # A node sends zeros in place of these fields when it did not find the transaction.
    if status is TransactionStatus.NOT_FOUND:
        return window
    return replace(
        window,
        ledger=integer(answer, "ledger"),
        close_time=integer(answer, "createdAt"),
        application_order=integer(answer, "applicationOrder"),
        fee_bump=bool(answer.get("feeBump")),
        envelope_xdr=text(answer, "envelopeXdr"),
        result_xdr=text(answer, "resultXdr"),
        result_meta_xdr=text(answer, "resultMetaXdr"),
        diagnostic_events_xdr=texts(answer, "diagnosticEventsXdr"),
    )


def parse_transactions(answer: Json) -> TransactionPage:
    return TransactionPage(
        transactions=tuple(
            ChainTransaction(
                hash=text(transaction, "txHash"),
                ledger=integer(transaction, "ledger"),
                succeeded=_member(TransactionStatus, transaction) is TransactionStatus.SUCCESS,
                envelope_xdr=text(transaction, "envelopeXdr"),
                result_meta_xdr=text(transaction, "resultMetaXdr"),
            )
            for transaction in objects(answer, "transactions")
        ),
        cursor=text(answer, "cursor"),
        latest_ledger=integer(answer, "latestLedger"),
    )


def parse_events(answer: Json) -> EventPage:
    return EventPage(
        events=tuple(_parse_event(event) for event in objects(answer, "events")),
        cursor=text(answer, "cursor"),
        latest_ledger=integer(answer, "latestLedger"),
        oldest_ledger=integer(answer, "oldestLedger"),
    )


def _parse_event(event: Json) -> ChainEvent:
    return ChainEvent(
        id=text(event, "id"),
        ledger=integer(event, "ledger"),
        closed_at=text(event, "ledgerClosedAt"),
        contract_id=text(event, "contractId"),
        transaction_hash=text(event, "txHash"),
        transaction_index=integer(event, "transactionIndex"),
        operation_index=integer(event, "operationIndex"),
        topics_xdr=texts(event, "topic"),
        value_xdr=text(event, "value"),
    )


def parse_fee_stats(answer: Json) -> FeeStats:
    return FeeStats(
        soroban=_parse_distribution(answer, "sorobanInclusionFee"),
        classic=_parse_distribution(answer, "inclusionFee"),
        latest_ledger=integer(answer, "latestLedger"),
    )


def _parse_distribution(answer: Json, name: str) -> FeeDistribution:
    fees = answer.get(name)
    if not isinstance(fees, dict):
        raise MalformedAnswer(f"{name} must be an object (got {type(fees).__name__})")
    return FeeDistribution(
        least=integer(fees, "min"),
        most=integer(fees, "max"),
        mode=integer(fees, "mode"),
        p50=integer(fees, "p50"),
        p90=integer(fees, "p90"),
        p99=integer(fees, "p99"),
        transaction_count=integer(fees, "transactionCount"),
        ledger_count=integer(fees, "ledgerCount"),
    )


def _member(kind: type[E], answer: Json) -> E:
    value = text(answer, "status")
    try:
        return kind(value)
    except ValueError:
        raise MalformedAnswer(f"status {value!r} is unknown") from None
