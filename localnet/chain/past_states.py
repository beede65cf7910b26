"""The state as of one of the last ledgers: what later ledgers replaced, kept beside the state of now."""

from collections import deque
from collections.abc import Mapping
from typing import Final

from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.state import LedgerState

MAX_LAG_LEDGERS: Final = 64

Replaced = Mapping[bytes, StoredEntry | None]
"""Each entry that a ledger changed, as it was before; None where there was none."""


class PastStates:
    """The entries as they were up to MAX_LAG_LEDGERS ago, from when on somebody wants to look back."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state
        self._replaced: deque[Replaced] = deque(maxlen=MAX_LAG_LEDGERS)
        self._keeps = False

    def __repr__(self) -> str:
        return f"PastStates({len(self._replaced)} ledgers)"

    def keep(self) -> None:
        """From now on what a ledger replaces is kept; before, it costs nothing."""
        self._keeps = True
        self._state.keep_replaced()

    def ledger_closed(self) -> None:
        if self._keeps:
            self._replaced.append(self._state.take_replaced())

    def before(self, ledgers: int) -> EntryReader:
        """The state as it was `ledgers` ledgers ago; those must have closed since `keep`."""
        if not ledgers:
            return self._state
        since = [self._replaced[position] for position in range(-ledgers, 0)]
        return _StateBefore(self._state, since)


class _StateBefore:
    """The state before some ledgers, the earliest of them first."""

    def __init__(self, state: LedgerState, since: list[Replaced]) -> None:
        self._state = state
        self._since = since

    def find(self, key: bytes) -> StoredEntry | None:
        for replaced in self._since:
            if key in replaced:
                return replaced[key]
        return self._state.find(key)
