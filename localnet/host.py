"""The host in which contracts run: one instance for one call."""

from collections.abc import Sequence

from stellar_sdk import xdr

from localnet.entries import EntryReader
from localnet.invocation import EnforceAuth, Footprint, Invocation, LedgerInfo, RecordAuth


class Host:
    """Runs one root call of a contract on the state that `reader` gives.

    Without a `footprint` every access is allowed and only recorded (simulation); with
    one, an access outside of it fails with Error(Storage, ExceededLimit) (apply).
    Deterministic: everything it knows is in its arguments.
    """

    def __init__(
        self,
        reader: EntryReader,
        ledger: LedgerInfo,
        auth: RecordAuth | EnforceAuth,
        footprint: Footprint | None = None,
    ) -> None:
        self._reader = reader
        self._ledger = ledger
        self._auth = auth
        self._footprint = footprint

    def invoke_root(self, contract_id: str, function: str, args: Sequence[xdr.SCVal]) -> Invocation:
        """Calls `function` of the contract `contract_id` (C…); never raises for what a contract does."""
        raise NotImplementedError
