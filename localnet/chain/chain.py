"""The local chain: state, history and queue behind one door.

Everything here is synchronous and runs in one thread: a request sees one closed ledger, and a ledger closes
between requests.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from kale.networks import Network
from localnet.chain.background_load import NO_BACKGROUND_LOAD, BackgroundLoad
from localnet.chain.closed_ledger import GENESIS_SEQUENCE, ClosedLedger, genesis_ledger, next_ledger
from localnet.chain.history import History
from localnet.chain.past_states import PastStates
from localnet.chain.transaction_set import TransactionSet, build_transaction_set
from localnet.genesis import genesis_entries
from localnet.ledger.entries import EntryReader, StoredEntry
from localnet.ledger.state import LedgerState
from localnet.network_settings import NetworkSettings
from localnet.soroban.invocation import LedgerInfo
from localnet.soroban.side_door import SideDoor
from localnet.transactions.application import Application
from localnet.transactions.bids import ledger_capacity
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.queue import Submission, TransactionQueue
from localnet.transactions.validation import QUEUE_TIME_MARGIN_SECONDS, Moment, Validator

LedgerObserver = Callable[[ClosedLedger, Mapping[bytes, StoredEntry | None]], None]
"""Told of each ledger as soon as it has closed, with the entries that it changed (None: deleted)."""


@dataclass(frozen=True)
class Submitted:
    """A transaction that was offered to the queue, and the answer."""

    hash: bytes
    submission: Submission


class Chain:
    """One network: takes transactions, closes ledgers, answers about the past.

    `milliseconds_left` is the part of a second by which the last close time was early.
    `seed` decides what a real network leaves to chance: the order of application, between equal bids, and
    the background load.
    """

    def __init__(
        self,
        network: Network,
        settings: NetworkSettings,
        genesis: ClosedLedger,
        state: LedgerState,
        retention_ledgers: int,
    ) -> None:
        self.network = network
        self.settings = settings
        self.network_id = hashlib.sha256(network.passphrase.encode()).digest()
        self.state = state
        self.past_states = PastStates(state)
        self.history = History(genesis, retention_ledgers)
        self.queue = TransactionQueue(settings.ledger)
        self.seed = 0
        self._background_load = NO_BACKGROUND_LOAD
        self.side_door = SideDoor()
        self.observers: list[LedgerObserver] = []
        self.milliseconds_left = 0
        self._ledger_closed = asyncio.Event()

    def __repr__(self) -> str:
        return f"Chain({self.network.name}, ledger {self.latest.sequence}, {self.queue!r})"

    @property
    def background_load(self) -> BackgroundLoad:
        """What strangers ask of each ledger; a new load holds from the next ledger on."""
        return self._background_load

    @background_load.setter
    def background_load(self, load: BackgroundLoad) -> None:
        self._background_load = load
        self._draw_strangers()

    @property
    def latest(self) -> ClosedLedger:
        return self.history.latest

    def ledger_info(self, ledger: ClosedLedger | None = None) -> LedgerInfo:
        """What a simulated call sees of a closed ledger, the latest one if none is named."""
        latest = ledger or self.latest
        return self._ledger_info(latest.sequence, latest.close_time)

    def submit(
        self,
        raw_envelope: bytes,
        latest: ClosedLedger | None = None,
        state: EntryReader | None = None,
        *,
        keeps: bool = True,
    ) -> Submitted:
        """Offers a transaction to the queue. Raises EnvelopeError if the bytes are none.

        A node that lags judges it by an earlier `latest` ledger and its `state`. Without `keeps` the queue
        answers as ever and forgets the transaction.
        """
        envelope = decode_envelope(raw_envelope, self.network_id)
        latest = latest or self.latest
        reader = self.state if state is None else state
        submission = self.queue.offer(envelope, self._queue_validator(latest, reader), keeps=keeps)
        return Submitted(envelope.hash, submission)

    @property
    def next_close_time(self) -> int:
        """Of the next ledger, if it comes as the network's settings want it: unix seconds."""
        return self.latest.close_time + self._milliseconds_due // 1_000

    def close_ledger(self, seconds: int | None = None) -> ClosedLedger:
        """Closes the next ledger with what waits in the queue, `seconds` of chain time after the last.

        None: as the network's settings want it; close times are whole seconds, and what is left of one
        counts for the ledgers after.
        """
        if seconds is None:
            close_time = self.next_close_time
            self.milliseconds_left = self._milliseconds_due % 1_000
        else:
            close_time = self.latest.close_time + seconds
        info = self._ledger_info(self.latest.sequence + 1, close_time)
        evicted = self.state.remove_expired(info.sequence)
        chosen = self._choose_transactions(info)
        applied = Application(self.state, info, self.settings, chosen.inclusion).apply(chosen.envelopes)
        changes = self.state.take_changes()
        ledger = next_ledger(
            self.latest, close_time, applied, evicted, changes, self.settings, chosen.inclusion
        )
        self.history.append(ledger)
        self.past_states.ledger_closed()
        self.queue.ledger_closed(chosen.envelopes, self._queue_validator(ledger, self.state))
        self._draw_strangers()
        for observer in self.observers:
            observer(ledger, changes)
        self._announce()
        return ledger

    @property
    def _milliseconds_due(self) -> int:
        return self.milliseconds_left + self.settings.close_milliseconds

    async def next_ledger_closed(self) -> ClosedLedger:
        """Waits until one more ledger has closed."""
        await self._ledger_closed.wait()
        return self.latest

    def _ledger_info(self, sequence: int, close_time: int) -> LedgerInfo:
        settings = self.settings
        return LedgerInfo(
            sequence,
            close_time,
            self.network_id,
            settings.lifetimes,
            settings.base_reserve_stroops,
            self.side_door,
        )

    def _queue_validator(self, latest: ClosedLedger, reader: EntryReader) -> Validator:
        """Judges what shall wait for the ledger after `latest`, whose state `reader` has."""
        moment = Moment(
            latest.sequence + 1,
            earliest=latest.close_time,
            latest=latest.close_time + QUEUE_TIME_MARGIN_SECONDS,
        )
        return Validator(reader, moment, self.settings)

    def _choose_transactions(self, info: LedgerInfo) -> TransactionSet:
        moment = Moment(info.sequence, info.close_time, info.close_time)
        self.queue.drop_invalid(Validator(self.state, moment, self.settings))
        return build_transaction_set(
            self.queue.bids(soroban=False),
            self.queue.bids(soroban=True),
            self.settings,
            salt=f"{self.seed}:".encode() + self.latest.hash,
        )

    def _draw_strangers(self) -> None:
        """The background load of the next ledger: drawn by seed and sequence, so a run can be repeated."""
        load = self._background_load
        draw = Random(f"{self.seed}:{self.latest.sequence}") if load.is_any else None
        for soroban in (False, True):
            bids = []
            if draw is not None:
                capacity = ledger_capacity(self.settings.ledger, soroban=soroban)
                bids = load.bids(capacity, self.settings.base_fee_stroops, draw, soroban=soroban)
            self.queue.replace_strangers(bids, soroban=soroban)

    def _announce(self) -> None:
        closed, self._ledger_closed = self._ledger_closed, asyncio.Event()
        closed.set()


def new_chain(
    network: Network,
    settings: NetworkSettings,
    start_time: int,
    retention_ledgers: int,
    sequence: int = GENESIS_SEQUENCE,
    entries: Mapping[bytes, StoredEntry] | None = None,
) -> Chain:
    """A chain that has just begun, its first ledger closed at `start_time` (unix seconds).

    `entries` are laid over those that every chain begins with, and `sequence` is the ledger they are of.
    """
    network_id = hashlib.sha256(network.passphrase.encode()).digest()
    info = LedgerInfo(sequence, start_time, network_id, settings.lifetimes)
    state = LedgerState()
    state.commit({**genesis_entries(network, info), **(entries or {})})
    genesis = genesis_ledger(sequence, start_time, state.take_changes(), settings)
    return Chain(network, settings, genesis, state, retention_ledgers)
