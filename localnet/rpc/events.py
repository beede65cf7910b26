"""getEvents: contract events of past ledgers, page by page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from kale.addresses import contract_text
from localnet.chain.chain_view import ChainView
from localnet.chain.closed_ledger import ClosedLedger
from localnet.ledger.events import (
    LAST_EVENT,
    LAST_OPERATION,
    OPERATION_OF_REFUNDS,
    TRANSACTION_OF_REFUNDS,
    Event,
    EventPosition,
)
from localnet.ledger.wire import base64_text
from localnet.rpc.event_filters import EventFilter, read_filters
from localnet.rpc.jsonrpc import INVALID_REQUEST, Params, Result, RpcError
from localnet.rpc.parameters import (
    invalid,
    optional,
    optional_uint32,
    require_base64_format,
)
from localnet.transactions.application import AppliedTransaction

DEFAULT_EVENTS = 100
MAX_EVENTS = 10_000
MAX_SCANNED_LEDGERS = 10_000


@dataclass(frozen=True)
class _Found:
    position: EventPosition
    event: Event
    transaction: AppliedTransaction


@dataclass(frozen=True)
class _Request:
    """The ledgers and the page asked for; `end` is 0 where there is none."""

    first: int
    end: int
    after: EventPosition | None
    limit: int


@dataclass(frozen=True)
class _Range:
    """Ledgers [first, end); in the first one only what is after the cursor."""

    first: int
    end: int
    after: EventPosition | None


class Events:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def get(self, params: Params) -> Result:
        require_base64_format(params)
        asked = _read_request(params)
        filters = read_filters(params)
        scanned = self._range(asked)
        found = list(islice(self._matching(scanned, filters), asked.limit))
        if len(found) == asked.limit:
            cursor = found[-1].position
        else:
            cursor = EventPosition(scanned.end - 1, TRANSACTION_OF_REFUNDS, LAST_OPERATION, LAST_EVENT)
        latest, oldest = self._chain.latest, self._chain.history.oldest
        return {
            "events": [_describe(event) for event in found],
            "cursor": str(cursor),
            "latestLedger": latest.sequence,
            "oldestLedger": oldest.sequence,
            "latestLedgerCloseTime": str(latest.close_time),
            "oldestLedgerCloseTime": str(oldest.close_time),
        }

    def _range(self, asked: _Request) -> _Range:
        """At most 10,000 ledgers, up to the latest one."""
        oldest, latest = self._chain.history.oldest.sequence, self._chain.latest.sequence
        if not oldest <= asked.first <= latest:
            raise RpcError(
                INVALID_REQUEST, f"startLedger must be within the ledger range: {oldest} - {latest}"
            )
        end = min(asked.first + MAX_SCANNED_LEDGERS, latest + 1)
        return _Range(asked.first, min(end, asked.end) if asked.end else end, asked.after)

    def _matching(self, scanned: _Range, filters: tuple[EventFilter, ...]) -> Iterator[_Found]:
        for ledger in self._chain.history.busy_ledgers(scanned.first, scanned.end):
            for found in _events_of(ledger):
                if scanned.after is not None and found.position <= scanned.after:
                    continue
                if not filters or any(wanted.matches(found.event) for wanted in filters):
                    yield found


def _read_request(params: Params) -> _Request:
    pagination: Mapping[str, Any] = optional(params, "pagination", dict) or {}
    start, end = optional_uint32(params, "startLedger"), optional_uint32(params, "endLedger")
    cursor = optional(pagination, "cursor", str) or ""
    limit = optional_uint32(pagination, "limit")
    if cursor and (start or end):
        raise invalid("ledger ranges and cursor cannot both be set")
    if not cursor and not start:
        raise invalid("startLedger must be positive")
    if limit > MAX_EVENTS:
        raise invalid(f"limit must not exceed {MAX_EVENTS}")
    after = _read_cursor(cursor) if cursor else None
    return _Request(start if after is None else after.ledger, end, after, limit or DEFAULT_EVENTS)


def _events_of(ledger: ClosedLedger) -> Iterator[_Found]:
    """All events of a ledger in their order: fees, operations, refunds."""
    for index, transaction in enumerate(ledger.transactions):
        yield _Found(EventPosition(ledger.sequence, 0, 0, index), transaction.fee_event, transaction)
    for transaction in ledger.transactions:
        for operation, events in enumerate(transaction.operation_events):
            for index, event in enumerate(events):
                position = EventPosition(ledger.sequence, transaction.order, operation, index)
                yield _Found(position, event, transaction)
    refunded = (transaction for transaction in ledger.transactions if transaction.refund_event is not None)
    for index, transaction in enumerate(refunded):
        assert transaction.refund_event is not None
        position = EventPosition(ledger.sequence, TRANSACTION_OF_REFUNDS, OPERATION_OF_REFUNDS, index)
        yield _Found(position, transaction.refund_event, transaction)


def _describe(found: _Found) -> dict[str, Any]:
    event, transaction = found.event, found.transaction
    closed_at = datetime.fromtimestamp(transaction.close_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": event.kind.name.lower(),
        "ledger": transaction.ledger,
        "ledgerClosedAt": closed_at,
        "contractId": "" if event.contract_id is None else contract_text(event.contract_id),
        "id": str(found.position),
        "operationIndex": found.position.operation,
        "transactionIndex": found.position.transaction,
        "txHash": transaction.hash.hex(),
        "topic": [base64_text(topic) for topic in event.topics],
        "value": base64_text(event.data),
        "inSuccessfulContractCall": True,
    }


def _read_cursor(text: str) -> EventPosition:
    try:
        return EventPosition.parse(text)
    except ValueError as error:
        raise invalid("invalid cursor", str(error)) from error
