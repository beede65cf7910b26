"""`/entries`: everything that lives in the ledger, for a file that another chain can be forked from."""

from localnet.admin.requests import NoFields, Result
from localnet.chain.chain import Chain
from localnet.chain.saved_entries import entry_line, ledger_line


class EntryAdmin:
    """Serves `/entries`."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    async def get(self, _: NoFields) -> Result:
        """As of one ledger: none closes meanwhile."""
        latest = self._chain.latest
        entries = self._chain.state.entries()
        return {
            "ledger": ledger_line(latest.sequence, latest.close_time),
            "entries": [entry_line(key, entry) for key, entry in sorted(entries.items())],
        }
