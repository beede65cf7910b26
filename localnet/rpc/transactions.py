"""getTransaction and getTransactions: what became of transactions."""

import re
from typing import Any, Final

from stellar_sdk import xdr

from localnet.chain.chain_view import ChainView, HistoryView
from localnet.ledger.events import total_order
from localnet.ledger.meta import AFTER_ALL, BEFORE_ALL, transaction_event
from localnet.rpc.go_numbers import parse_int64
from localnet.rpc.jsonrpc import Result
from localnet.rpc.paging import PAGE_FIELDS, Page, read_page
from localnet.rpc.parameters import TEXT, Params, Structure, invalid
from localnet.rpc.xdr_format import XdrFormat, read_format
from localnet.transactions.application import AppliedTransaction

GET_TRANSACTION: Final = Structure("GetTransactionRequest", {"hash": TEXT, "xdrFormat": TEXT})
GET_TRANSACTIONS: Final = Structure("GetTransactionsRequest", PAGE_FIELDS)

_HASH: Final = re.compile("[0-9a-fA-F]{64}")
_HASH_LETTERS: Final = (64, 65)
_FIRST_OPERATION: Final = 1


class Transactions:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def get(self, params: Params) -> Result:
        xdr_format = read_format(params)
        asked = params.get("hash", "")
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
        return answer | _describe(found, xdr_format) | {"createdAt": str(found.close_time)}

    def list(self, params: Params) -> Result:
        history = self._chain.history
        page = read_page(params, history)
        first, after = _start(page, history)
        listed = [
            transaction
            for ledger in history.busy_ledgers(first, history.latest.sequence + 1)
            for transaction in ledger.transactions
            if _cursor(transaction) > after
        ][: page.limit]
        return {
            "transactions": [
                {
                    **_describe(found, page.xdr_format),
                    "txHash": found.hash.hex(),
                    "createdAt": found.close_time,
                }
                for found in listed
            ],
            "latestLedger": history.latest.sequence,
            "latestLedgerCloseTimestamp": history.latest.close_time,
            "oldestLedger": history.oldest.sequence,
            "oldestLedgerCloseTimestamp": history.oldest.close_time,
            "cursor": str(_next_cursor(first, listed, page.limit, history)),
        }


def _start(page: Page, history: HistoryView) -> tuple[int, int]:
    """The first ledger to look into, and the cursor after whose transaction it begins."""
    if not page.cursor:
        return page.start_ledger, -1
    try:
        after = parse_int64(page.cursor)
    except ValueError as error:
        raise invalid(str(error)) from error
    if after < 0:
        raise invalid("cursor ledger sequence cannot be negative")
    first = after >> 32
    if first < history.oldest.sequence:
        raise invalid(f"database does not contain metadata for ledger: {first}")
    # Only ledger and transaction of a cursor count.
    return first, after | 0xFFF


def _next_cursor(first: int, listed: list[AppliedTransaction], limit: int, history: HistoryView) -> int:
    """Where a node says that the next page begins.

    A page that is not full ends with the latest ledger: with its last transaction, if the page has it. If
    not, a node answers with the ledger's begin, even where the client has read more of it.
    """
    latest = history.latest.sequence
    if len(listed) == limit or (listed and listed[-1].ledger == latest):
        return _cursor(listed[-1])
    return 0 if first > latest else total_order(latest, 0, _FIRST_OPERATION)


def _ledger_range(history: HistoryView) -> dict[str, Any]:
    latest, oldest = history.latest, history.oldest
    return {
        "latestLedger": latest.sequence,
        "latestLedgerCloseTime": str(latest.close_time),
        "oldestLedger": oldest.sequence,
        "oldestLedgerCloseTime": str(oldest.close_time),
    }


def _describe(found: AppliedTransaction, xdr_format: XdrFormat) -> dict[str, Any]:
    described: dict[str, Any] = {
        "status": "SUCCESS" if found.succeeded else "FAILED",
        "applicationOrder": found.order,
        "feeBump": found.is_fee_bump,
        **xdr_format.field("envelope", xdr.TransactionEnvelope, found.envelope),
        **xdr_format.field("result", xdr.TransactionResult, found.result),
        **xdr_format.field("resultMeta", xdr.TransactionMeta, found.meta),
        "ledger": found.ledger,
        "events": _describe_events(found, xdr_format),
    }
    if found.diagnostic_events:
        events = xdr_format.encode_all(xdr.DiagnosticEvent, found.diagnostic_events)
        described[f"diagnosticEvents{xdr_format.suffix}"] = events
    return described


def _describe_events(found: AppliedTransaction, xdr_format: XdrFormat) -> dict[str, Any]:
    staged = [transaction_event(BEFORE_ALL, found.fee_event)]
    if found.refund_event is not None:
        staged.append(transaction_event(AFTER_ALL, found.refund_event))
    suffix = xdr_format.suffix
    described: dict[str, Any] = {
        f"transactionEvents{suffix}": xdr_format.encode_all(xdr.TransactionEvent, staged)
    }
    if found.succeeded:
        described[f"contractEvents{suffix}"] = [
            xdr_format.encode_all(xdr.ContractEvent, (event.encode() for event in events))
            for events in found.operation_events
        ]
    return described


def _cursor(found: AppliedTransaction) -> int:
    return total_order(found.ledger, found.order, _FIRST_OPERATION)


def _decode_hash(text: str) -> bytes:
    if _HASH.fullmatch(text):
        return bytes.fromhex(text)
    size = len(text.encode("utf-8", errors="replace"))
    if size not in _HASH_LETTERS:
        raise invalid(f"unexpected hash length ({size})")
    for letter in text:
        if letter not in "0123456789abcdefABCDEF":
            raise invalid(f"incorrect hash: encoding/hex: invalid byte: {_rune(letter)}")
    raise invalid("incorrect hash: encoding/hex: odd length hex string")


def _rune(letter: str) -> str:
    """A byte as Go's %#U prints it."""
    byte = letter.encode("utf-8", errors="replace")[0]
    shown = chr(byte)
    return f"U+{byte:04X} '{shown}'" if shown.isprintable() else f"U+{byte:04X}"
