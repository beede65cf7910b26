"""The ledger range and page that getTransactions and getLedgers share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from localnet.chain.chain_view import HistoryView
from localnet.rpc.jsonrpc import INVALID_REQUEST, RpcError
from localnet.rpc.parameters import TEXT, UINT, UINT32, Params, Shape, Structure
from localnet.rpc.xdr_format import XdrFormat, chosen_format, format_refusal

DEFAULT_PAGE: Final = 50
MAX_PAGE: Final = 200

PAGE_FIELDS: Final[Mapping[str, Shape]] = {
    "startLedger": UINT32,
    "pagination": Structure("LedgerPaginationOptions", {"cursor": TEXT, "limit": UINT}),
    "xdrFormat": TEXT,
}


@dataclass(frozen=True)
class Page:
    """Where to start and how much to give; exactly one of `start_ledger` and `cursor` counts."""

    start_ledger: int
    cursor: str
    limit: int
    xdr_format: XdrFormat


def read_page(params: Params, history: HistoryView) -> Page:
    """The page asked for: from a ledger of the history on, or from a cursor. Raises RpcError."""
    pagination: Params = params.get("pagination", {})
    start, cursor = params.get("startLedger", 0), pagination.get("cursor", "")
    limit = pagination.get("limit", 0)
    faults = (_range_fault(start, cursor, limit, history), format_refusal(params))
    texts = [fault for fault in faults if fault is not None]
    if texts:
        raise RpcError(INVALID_REQUEST, "\n".join(texts))
    return Page(start, cursor, limit or DEFAULT_PAGE, chosen_format(params))


def _range_fault(start: int, cursor: str, limit: int, history: HistoryView) -> str | None:
    oldest, latest = history.oldest.sequence, history.latest.sequence
    if cursor and start:
        return f"startLedger ({start}) and cursor ({cursor}) cannot both be set"
    if not cursor and not oldest <= start <= latest:
        return (
            f"start ledger ({start}) must be between the oldest ledger: {oldest} and the "
            f"latest ledger: {latest} for this rpc instance"
        )
    return f"limit must not exceed {MAX_PAGE}" if limit > MAX_PAGE else None
