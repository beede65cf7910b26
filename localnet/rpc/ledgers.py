"""getLedgers: closed ledgers with their metas."""

from typing import Any

from localnet.chain.chain_view import ChainView
from localnet.chain.closed_ledger import ClosedLedger
from localnet.ledger.wire import base64_text
from localnet.rpc.jsonrpc import INVALID_REQUEST, Params, Result
from localnet.rpc.paging import Page, check_range, read_page
from localnet.rpc.parameters import invalid, require_base64_format


class Ledgers:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def list(self, params: Params) -> Result:
        require_base64_format(params, INVALID_REQUEST)
        page = read_page(params)
        history = self._chain.history
        check_range(page, history)
        first = self._after_cursor(page) if page.cursor else page.start_ledger
        last = min(first + page.limit - 1, history.latest.sequence)
        return {
            "ledgers": [self._describe(history.ledger(sequence)) for sequence in range(first, last + 1)],
            "latestLedger": history.latest.sequence,
            "latestLedgerCloseTime": history.latest.close_time,
            "oldestLedger": history.oldest.sequence,
            "oldestLedgerCloseTime": history.oldest.close_time,
            "cursor": str(max(last, first - 1)),
        }

    def _after_cursor(self, page: Page) -> int:
        """The ledger after the cursor's; after the latest there is nothing yet, which is no error."""
        oldest, latest = self._chain.history.oldest.sequence, self._chain.history.latest.sequence
        if not (page.cursor.isascii() and page.cursor.isdecimal()):
            raise invalid(f'strconv.ParseUint: parsing "{page.cursor}": invalid syntax')
        if not oldest <= int(page.cursor) + 1 <= latest + 1:
            raise invalid(
                f"cursor ('{page.cursor}') must be between the oldest ledger: {oldest} and the latest "
                f"ledger: {latest} for this rpc instance"
            )
        return int(page.cursor) + 1

    def _describe(self, ledger: ClosedLedger) -> dict[str, Any]:
        return {
            "hash": ledger.hash.hex(),
            "sequence": ledger.sequence,
            "ledgerCloseTime": str(ledger.close_time),
            "headerXdr": base64_text(ledger.header_history_entry()),
            "metadataXdr": base64_text(ledger.close_meta(self._chain.settings)),
        }
