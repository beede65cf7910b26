"""The ledger range and page that getTransactions and getLedgers share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localnet.chain.chain_view import HistoryView
from localnet.rpc.jsonrpc import INVALID_REQUEST, Params, RpcError
from localnet.rpc.parameters import optional, optional_uint32

DEFAULT_PAGE = 50
MAX_PAGE = 200


@dataclass(frozen=True)
class Page:
    """Where to start and how much to give; exactly one of `start_ledger` and `cursor` counts."""

    start_ledger: int
    cursor: str
    limit: int


def read_page(params: Params, default: int = DEFAULT_PAGE, most: int = MAX_PAGE) -> Page:
    """Decodes the request's page; what it means for the history is checked apart."""
    pagination: Mapping[str, Any] = optional(params, "pagination", dict) or {}
    limit = optional_uint32(pagination, "limit")
    if limit > most:
        raise RpcError(INVALID_REQUEST, f"limit must not exceed {most}")
    return Page(
        start_ledger=optional_uint32(params, "startLedger"),
        cursor=optional(pagination, "cursor", str) or "",
        limit=limit or default,
    )


def check_range(page: Page, history: HistoryView) -> None:
    """A page begins with a ledger that is in the history, or goes on from a cursor; not both."""
    if page.cursor:
        if page.start_ledger:
            raise RpcError(
                INVALID_REQUEST,
                f"startLedger ({page.start_ledger}) and cursor ({page.cursor}) cannot both be set",
            )
        return
    oldest, latest = history.oldest.sequence, history.latest.sequence
    if not oldest <= page.start_ledger <= latest:
        raise RpcError(
            INVALID_REQUEST,
            f"start ledger ({page.start_ledger}) must be between the oldest ledger: {oldest} and the "
            f"latest ledger: {latest} for this rpc instance",
        )
