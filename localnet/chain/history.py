"""The closed ledgers that a node still has, and the transactions in them."""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator

from localnet.chain.closed_ledger import ClosedLedger
from localnet.transactions.application import AppliedTransaction


class History:
    """The last `window` ledgers, without gaps."""

    def __init__(self, genesis: ClosedLedger, window: int) -> None:
        self._window = window
        self._ledgers: deque[ClosedLedger] = deque([genesis])
        self._transactions: dict[bytes, AppliedTransaction] = {}
        self._busy: list[int] = []

    def __repr__(self) -> str:
        return f"History({self.oldest.sequence} - {self.latest.sequence})"

    @property
    def window(self) -> int:
        return self._window

    @property
    def latest(self) -> ClosedLedger:
        return self._ledgers[-1]

    @property
    def oldest(self) -> ClosedLedger:
        return self._ledgers[0]

    def append(self, ledger: ClosedLedger) -> None:
        self._ledgers.append(ledger)
        if ledger.transactions:
            self._busy.append(ledger.sequence)
        for transaction in ledger.transactions:
            self._transactions[transaction.inner_hash] = transaction
            self._transactions[transaction.hash] = transaction
        if len(self._ledgers) > self._window:
            self._forget_oldest()

    def before(self, ledgers: int) -> ClosedLedger:
        """The ledger that was the latest `ledgers` ledgers ago."""
        return self._ledgers[-1 - ledgers]

    def ledger(self, sequence: int) -> ClosedLedger:
        """A ledger between the oldest and the latest."""
        return self._ledgers[sequence - self.oldest.sequence]

    def find_transaction(self, transaction_hash: bytes) -> AppliedTransaction | None:
        """By its hash; a fee bump also by the hash of its inner transaction."""
        return self._transactions.get(transaction_hash)

    def busy_ledgers(self, first: int, end: int) -> Iterator[ClosedLedger]:
        """The ledgers with transactions in [first, end), in order."""
        for sequence in self._busy[bisect_left(self._busy, first) : bisect_left(self._busy, end)]:
            yield self.ledger(sequence)

    def _forget_oldest(self) -> None:
        forgotten = self._ledgers.popleft()
        if forgotten.transactions:
            del self._busy[: bisect_left(self._busy, forgotten.sequence) + 1]
        for transaction in forgotten.transactions:
            self._transactions.pop(transaction.hash, None)
            self._transactions.pop(transaction.inner_hash, None)
