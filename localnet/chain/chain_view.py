"""The chain as one of its RPC nodes sees it: some ledgers late, with a window of its own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import Enum, auto

from kale.networks import Network
from localnet.chain.chain import Chain, Submitted
from localnet.chain.closed_ledger import ClosedLedger
from localnet.chain.history import History
from localnet.chain.past_states import MAX_LAG_LEDGERS
from localnet.ledger.entries import EntryReader
from localnet.network_settings import NetworkSettings
from localnet.soroban.invocation import LedgerInfo
from localnet.transactions.application import AppliedTransaction
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.queue import SendStatus, Submission


class SubmissionFault(Enum):
    """What goes wrong with a transaction at the node that it is sent to.

    DROPPED: the node answers as ever, and nobody ever sees the transaction. TRY_AGAIN_LATER: the answer of a
    full queue.
    """

    DROPPED = auto()
    TRY_AGAIN_LATER = auto()


class ChainView:
    """What a node knows of the chain.

    A node that is told to lag stands still until it is that far behind, and never goes back; one that is
    told to lag less catches up at once. `simulation_time` (unix seconds) is what simulated calls see as their
    ledger's close time, None for that of the node's latest ledger.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._lag_ledgers = 0
        self._window: int | None = None
        self._reached = 0
        self.simulation_time: Callable[[], int] | None = None
        self.submission_fault: Callable[[], SubmissionFault | None] | None = None
        self.history = HistoryView(self, chain.history)
        self.network: Network = chain.network
        self.network_id: bytes = chain.network_id
        self.settings: NetworkSettings = chain.settings

    def __repr__(self) -> str:
        return f"ChainView(ledger {self.latest.sequence}, {self.behind_ledgers} behind)"

    @property
    def lag_ledgers(self) -> int:
        """How far behind the node stays."""
        return self._lag_ledgers

    @property
    def behind_ledgers(self) -> int:
        """How far behind the node is now: its lag, or less while it falls behind."""
        if not self._lag_ledgers:
            return 0
        return min(self._lag_ledgers, self._chain.latest.sequence - self._reached)

    @property
    def network_ledger(self) -> int:
        """The latest ledger of the network, which this node may not have."""
        return self._chain.latest.sequence

    @property
    def behind_seconds(self) -> int:
        """How much later, in chain time, the network closed its latest ledger than the node's."""
        return self._chain.latest.close_time - self.latest.close_time

    @property
    def latest(self) -> ClosedLedger:
        behind = self.behind_ledgers
        return self._chain.history.before(behind) if behind else self._chain.latest

    @property
    def state(self) -> EntryReader:
        """All live entries as of the latest ledger that the node has."""
        behind = self.behind_ledgers
        return self._chain.past_states.before(behind) if behind else self._chain.state

    @property
    def window(self) -> int:
        """How many ledgers back the node answers."""
        kept = self._chain.history.window
        return kept if self._window is None else min(kept, self._window)

    def lag(self, ledgers: int) -> None:
        """Falls `ledgers` behind. Raises ValueError for more than MAX_LAG_LEDGERS or the chain keeps."""
        most = min(MAX_LAG_LEDGERS, self._chain.history.window - 1)
        if not 0 <= ledgers <= most:
            raise ValueError(f"lag is {ledgers} ledgers, must be between 0 and {most}")
        self._reached = self.latest.sequence
        self._lag_ledgers = ledgers
        if ledgers:
            self._chain.past_states.keep()

    def shorten(self, window: int | None) -> None:
        """Answers for the last `window` ledgers only; None for all that the chain keeps."""
        self._window = window

    def ledger_info(self) -> LedgerInfo:
        """What a simulated call sees of the node's latest ledger."""
        info = self._chain.ledger_info(self.latest)
        return info if self.simulation_time is None else replace(info, close_time=self.simulation_time())

    def submit(self, raw_envelope: bytes) -> Submitted:
        """Offers a transaction to the network's queue, judged by what this node knows.

        Raises EnvelopeError if the bytes are none.
        """
        fault = None if self.submission_fault is None else self.submission_fault()
        if fault is SubmissionFault.TRY_AGAIN_LATER:
            envelope = decode_envelope(raw_envelope, self.network_id)
            return Submitted(envelope.hash, Submission(SendStatus.TRY_AGAIN_LATER))
        keeps = fault is not SubmissionFault.DROPPED
        return self._chain.submit(raw_envelope, self.latest, self.state, keeps=keeps)


class HistoryView:
    """The closed ledgers that a node has, and the transactions in them."""

    def __init__(self, view: ChainView, history: History) -> None:
        self._view = view
        self._history = history

    def __repr__(self) -> str:
        return f"HistoryView({self.oldest.sequence} - {self.latest.sequence})"

    @property
    def window(self) -> int:
        return self._view.window

    @property
    def latest(self) -> ClosedLedger:
        return self._view.latest

    @property
    def oldest(self) -> ClosedLedger:
        kept = self._history.oldest
        first = self.latest.sequence - self.window + 1
        return kept if first <= kept.sequence else self._history.ledger(first)

    def ledger(self, sequence: int) -> ClosedLedger:
        """A ledger between the oldest and the latest."""
        return self._history.ledger(sequence)

    def find_transaction(self, transaction_hash: bytes) -> AppliedTransaction | None:
        """By its hash; a fee bump also by the hash of its inner transaction."""
        found = self._history.find_transaction(transaction_hash)
        if found is None or not self.oldest.sequence <= found.ledger <= self.latest.sequence:
            return None
        return found

    def busy_ledgers(self, first: int, end: int) -> Iterator[ClosedLedger]:
        """The ledgers with transactions in [first, end), in order."""
        within = max(first, self.oldest.sequence), min(end, self.latest.sequence + 1)
        return self._history.busy_ledgers(*within)
