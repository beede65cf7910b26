"""getEvents: contract events of past ledgers, page by page."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from stellar_sdk import xdr

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
from localnet.rpc.event_filters import FILTER, EventFilter, read_filters
from localnet.rpc.go_numbers import parse_int64, parse_uint32
from localnet.rpc.jsonrpc import INVALID_REQUEST, Result, RpcError
from localnet.rpc.parameters import (
    TEXT,
    UINT,
    UINT32,
    Many,
    Params,
    Parsed,
    Structure,
    invalid,
    invalid_value,
)
from localnet.rpc.xdr_format import XdrFormat, read_format
from localnet.transactions.application import AppliedTransaction

DEFAULT_EVENTS: Final = 100
MAX_EVENTS: Final = 10_000
MAX_SCANNED_LEDGERS: Final = 10_000


def parse_cursor(text: str) -> EventPosition:
    """The position that an event's id names. Raises RpcError if it names none."""
    order_text, separator, event_text = text.partition("-")
    if not separator:
        raise invalid_value(f"invalid event id {text}")
    try:
        return EventPosition.of_order(parse_int64(order_text), parse_uint32(event_text))
    except ValueError as error:
        raise invalid_value(f"invalid event id {text}: {error}") from error


GET_EVENTS: Final = Structure(
    "GetEventsRequest",
    {
        "startLedger": UINT32,
        "endLedger": UINT32,
        "filters": Many(FILTER, "[]protocol.EventFilter"),
        "pagination": Structure("PaginationOptions", {"cursor": Parsed(parse_cursor), "limit": UINT}),
        "xdrFormat": TEXT,
    },
)


@dataclass(frozen=True)
class _Request:
    """The ledgers and the page asked for; `end` is 0 where there is none."""

    first: int
    end: int
    after: EventPosition | None
    limit: int
    filters: tuple[EventFilter, ...]
    xdr_format: XdrFormat


@dataclass(frozen=True)
class _Found:
    position: EventPosition
    event: Event
    transaction: AppliedTransaction


class Events:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def get(self, params: Params) -> Result:
        asked = _read_request(params)
        end = self._end(asked)
        found = list(islice(self._matching(asked, end), asked.limit))
        if len(found) == asked.limit:
            cursor = found[-1].position
        else:
            cursor = EventPosition(end - 1, TRANSACTION_OF_REFUNDS, LAST_OPERATION, LAST_EVENT)
        latest, oldest = self._chain.latest, self._chain.history.oldest
        return {
            "events": [_describe(event, asked.xdr_format) for event in found],
            "cursor": str(cursor),
            "latestLedger": latest.sequence,
            "oldestLedger": oldest.sequence,
            "latestLedgerCloseTime": str(latest.close_time),
            "oldestLedgerCloseTime": str(oldest.close_time),
        }

    def _end(self, asked: _Request) -> int:
        """The ledger before which the search ends: after 10,000 ledgers, or after the latest one."""
        oldest, latest = self._chain.history.oldest.sequence, self._chain.latest.sequence
        if not oldest <= asked.first <= latest:
            raise RpcError(
                INVALID_REQUEST, f"startLedger must be within the ledger range: {oldest} - {latest}"
            )
        end = min(asked.first + MAX_SCANNED_LEDGERS, latest + 1)
        return min(end, asked.end) if asked.end else end

    def _matching(self, asked: _Request, end: int) -> Iterator[_Found]:
        filters, after = asked.filters, asked.after
        for ledger in self._chain.history.busy_ledgers(asked.first, end):
            for transaction, order, operation, index, event in _events_of(ledger):
                if filters and not any(wanted.matches(event) for wanted in filters):
                    continue
                position = EventPosition(ledger.sequence, order, operation, index)
                if after is None or position > after:
                    yield _Found(position, event, transaction)


def _read_request(params: Params) -> _Request:
    """The order of checks is stellar-rpc's."""
    xdr_format = read_format(params)
    pagination: Params = params.get("pagination", {})
    start, end = params.get("startLedger", 0), params.get("endLedger", 0)
    after: EventPosition | None = pagination.get("cursor")
    limit = pagination.get("limit", 0)
    if after is not None and (start or end):
        raise invalid("ledger ranges and cursor cannot both be set")
    if after is None and not start:
        raise invalid("startLedger must be positive")
    if limit > MAX_EVENTS:
        raise invalid(f"limit must not exceed {MAX_EVENTS}")
    filters = read_filters(params.get("filters", []))
    first = start if after is None else after.ledger
    return _Request(first, end, after, limit or DEFAULT_EVENTS, filters, xdr_format)


def _events_of(ledger: ClosedLedger) -> Iterator[tuple[AppliedTransaction, int, int, int, Event]]:
    """All events of a ledger in their order: fees, operations, refunds; each with its position."""
    transactions = ledger.transactions
    for index, transaction in enumerate(transactions):
        yield transaction, 0, 0, index, transaction.fee_event
    for transaction in transactions:
        for operation, events in enumerate(transaction.operation_events):
            for index, event in enumerate(events):
                yield transaction, transaction.order, operation, index, event
    index = 0
    for transaction in transactions:
        if transaction.refund_event is not None:
            yield transaction, TRANSACTION_OF_REFUNDS, OPERATION_OF_REFUNDS, index, transaction.refund_event
            index += 1


def _describe(found: _Found, xdr_format: XdrFormat) -> dict[str, Any]:
    event, transaction = found.event, found.transaction
    closed_at = datetime.fromtimestamp(transaction.close_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    described: dict[str, Any] = {
        "type": event.kind.name.lower(),
        "ledger": transaction.ledger,
        "ledgerClosedAt": closed_at,
        "contractId": "" if event.contract_id is None else contract_text(event.contract_id),
        "id": str(found.position),
        "operationIndex": found.position.operation,
        "transactionIndex": found.position.transaction,
        "txHash": transaction.hash.hex(),
        "inSuccessfulContractCall": transaction.succeeded,
    }
    suffix = xdr_format.bare_suffix
    if event.topics:
        described[f"topic{suffix}"] = xdr_format.encode_all(xdr.SCVal, event.topics)
    described[f"value{suffix}"] = xdr_format.encode(xdr.SCVal, event.data)
    return described
