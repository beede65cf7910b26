"""getLedgers: closed ledgers with their metas."""

from typing import Any, Final

from stellar_sdk import xdr

from localnet.chain.chain_view import ChainView
from localnet.chain.closed_ledger import ClosedLedger
from localnet.rpc.go_numbers import parse_uint32
from localnet.rpc.jsonrpc import Result
from localnet.rpc.paging import PAGE_FIELDS, Page, read_page
from localnet.rpc.parameters import Params, Structure, invalid
from localnet.rpc.xdr_format import XdrFormat

GET_LEDGERS: Final = Structure("GetLedgersRequest", PAGE_FIELDS)


class Ledgers:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def list(self, params: Params) -> Result:
        history = self._chain.history
        page = read_page(params, history)
        first = self._after_cursor(page) if page.cursor else page.start_ledger
        last = min(first + page.limit - 1, history.latest.sequence)
        return {
            "ledgers": [
                self._describe(history.ledger(sequence), page.xdr_format)
                for sequence in range(first, last + 1)
            ],
            "latestLedger": history.latest.sequence,
            "latestLedgerCloseTime": history.latest.close_time,
            "oldestLedger": history.oldest.sequence,
            "oldestLedgerCloseTime": history.oldest.close_time,
            "cursor": str(last),
        }

    def _after_cursor(self, page: Page) -> int:
        """The ledger after the cursor's. It must be there: a node refuses the latest ledger's cursor too."""
        oldest, latest = self._chain.history.oldest.sequence, self._chain.history.latest.sequence
        try:
            first = parse_uint32(page.cursor) + 1
        except ValueError as error:
            raise invalid(str(error)) from error
        if not oldest <= first <= latest:
            raise invalid(
                f"cursor ('{page.cursor}') must be between the oldest ledger: {oldest} and the latest "
                f"ledger: {latest} for this rpc instance"
            )
        return first

    def _describe(self, ledger: ClosedLedger, xdr_format: XdrFormat) -> dict[str, Any]:
        described: dict[str, Any] = {
            "hash": ledger.hash.hex(),
            "sequence": ledger.sequence,
            "ledgerCloseTime": str(ledger.close_time),
        }
        if xdr_format is XdrFormat.JSON:
            # The names of the base64 form stay, empty.
            described |= {"headerXdr": "", "metadataXdr": ""}
        header, meta = ledger.header_history_entry(), ledger.close_meta(self._chain.settings)
        described |= xdr_format.field("header", xdr.LedgerHeaderHistoryEntry, header)
        described |= xdr_format.field("metadata", xdr.LedgerCloseMeta, meta)
        return described
