"""getTransaction and getTransactions: what became of transactions."""

from typing import Any

from localnet.chain.chain_view import ChainView, HistoryView
from localnet.ledger.events import total_order
from localnet.ledger.meta import Stage, transaction_event
from localnet.ledger.wire import base64_text
from localnet.rpc.jsonrpc import INVALID_REQUEST, Params, Result
from localnet.rpc.paging import check_range, read_page
from localnet.rpc.parameters import invalid, require_base64_format, required_text
from localnet.transactions.application import AppliedTransaction

_HASH_LETTERS = 64
_FIRST_OPERATION = 1


class Transactions:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def get(self, params: Params) -> Result:
        require_base64_format(params)
        asked = required_text(params, "hash")
        found = self._chain.history.find_transaction(_decode_hash(asked))
        answer = _ledger_range(self._chain.history)
        answer["txHash"] = asked
        if found is None:
            answer |= {
                "status": "NOT_FOUND",
                "applicationOrder": 0,
                "feeBump": False,
                "ledger": 0,
                "createdAt": "0",
                "events": {},
            }
            return answer
        return answer | _describe(found) | {"createdAt": str(found.close_time)}

    def list(self, params: Params) -> Result:
        require_base64_format(params, INVALID_REQUEST)
        page = read_page(params)
        history = self._chain.history
        check_range(page, history)
        first, after = page.start_ledger, -1
        if page.cursor:
            after = _decode_cursor(page.cursor)
            first = after >> 32
        listed = [
            transaction
            for ledger in history.busy_ledgers(first, history.latest.sequence + 1)
            for transaction in ledger.transactions
            if _cursor(transaction) > after
        ][: page.limit]
        last = _cursor(listed[-1]) if listed else max(after, total_order(history.latest.sequence, 0, 0))
        return {
            "transactions": [
                {**_describe(found), "txHash": found.hash.hex(), "createdAt": found.close_time}
                for found in listed
            ],
            "latestLedger": history.latest.sequence,
            "latestLedgerCloseTimestamp": history.latest.close_time,
            "oldestLedger": history.oldest.sequence,
            "oldestLedgerCloseTimestamp": history.oldest.close_time,
            "cursor": str(last),
        }


def _ledger_range(history: HistoryView) -> dict[str, Any]:
    return {
        "latestLedger": history.latest.sequence,
        "latestLedgerCloseTime": str(history.latest.close_time),
        "oldestLedger": history.oldest.sequence,
        "oldestLedgerCloseTime": str(history.oldest.close_time),
    }


def _describe(found: AppliedTransaction) -> dict[str, Any]:
    described: dict[str, Any] = {
        "status": "SUCCESS" if found.succeeded else "FAILED",
        "applicationOrder": found.order,
        "feeBump": found.is_fee_bump,
        "envelopeXdr": base64_text(found.envelope),
        "resultXdr": base64_text(found.result),
        "resultMetaXdr": base64_text(found.meta),
        "ledger": found.ledger,
        "events": _describe_events(found),
    }
    if found.diagnostic_events:
        described["diagnosticEventsXdr"] = [base64_text(event) for event in found.diagnostic_events]
    return described


def _describe_events(found: AppliedTransaction) -> dict[str, Any]:
    staged = [transaction_event(Stage.BEFORE_ALL_TRANSACTIONS, found.fee_event)]
    if found.refund_event is not None:
        staged.append(transaction_event(Stage.AFTER_ALL_TRANSACTIONS, found.refund_event))
    described: dict[str, Any] = {"transactionEventsXdr": [base64_text(event) for event in staged]}
    if found.succeeded:
        described["contractEventsXdr"] = [
            [base64_text(event.encode()) for event in events] for events in found.operation_events
        ]
    return described


def _cursor(found: AppliedTransaction) -> int:
    return total_order(found.ledger, found.order, _FIRST_OPERATION)


def _decode_hash(text: str) -> bytes:
    if len(text) != _HASH_LETTERS:
        raise invalid(f"unexpected hash length ({len(text)})")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise invalid(f"incorrect hash: {error}") from error


def _decode_cursor(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise invalid(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if not -(2**63) <= int(text) < 2**63:
        raise invalid(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)
