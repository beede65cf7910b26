"""Where a localnet's chain comes from: a new one, one that saved entries lead to, or a state file's."""

import hashlib
import time
from typing import TYPE_CHECKING

from localnet.chain.chain import Chain, new_chain
from localnet.chain.closed_ledger import ClosedLedger
from localnet.chain.saved_entries import read_saved_entries
from localnet.ledger.state import LedgerState
from localnet.settings import LocalnetSettings
from localnet.transactions.queue import BANNED_LEDGERS
from poolkit.startup_error import StartupError

if TYPE_CHECKING:
    from localnet.chain.state_file import SavedChain, StateFile


def open_state_file(settings: LocalnetSettings) -> "StateFile | None":
    """The file that keeps the chain, if it is to be kept. Raises StartupError."""
    if settings.state is None:
        return None
    from localnet.chain.state_file import StateFile  # most chains are not kept, and start sooner without

    return StateFile(settings.state)


def start_chain(settings: LocalnetSettings, state_file: "StateFile | None") -> Chain:
    """The chain, which keeps itself in the file if there is one. Raises StartupError."""
    if state_file is None:
        return _begin(settings)
    try:
        chain = _open(settings, state_file)
    except StartupError:
        state_file.close()
        raise
    chain.observers.append(
        lambda ledger, changes: state_file.append(
            ledger, changes, chain.milliseconds_left, chain.history.oldest.sequence
        )
    )
    return chain


def _open(settings: LocalnetSettings, state_file: "StateFile") -> Chain:
    if not state_file.is_new:
        if settings.fork is not None:
            raise StartupError(f"state file {settings.state} has a chain already; a fork needs a new one")
        return _restore(settings, state_file.load(settings.network, settings.network_settings))
    chain = _begin(settings)
    state_file.begin(chain.network, chain.settings, chain.latest, chain.state.entries())
    return chain


def _begin(settings: LocalnetSettings) -> Chain:
    start_time = int(time.time()) if settings.start_time is None else settings.start_time
    network, of_network, retention = settings.network, settings.network_settings, settings.retention_ledgers
    if settings.fork is None:
        return new_chain(network, of_network, start_time, retention)
    saved = read_saved_entries(settings.fork, of_network.lifetimes)
    if saved.close_time is not None:
        start_time = saved.close_time
    return new_chain(network, of_network, start_time, retention, saved.sequence, saved.entries)


def _restore(settings: LocalnetSettings, saved: "SavedChain") -> Chain:
    """The saved chain, as it was when its last ledger had closed; what waited in the queue is gone."""
    kept = saved.ledgers[-settings.retention_ledgers :]
    state = LedgerState()
    state.commit(saved.entries)
    state.take_changes()
    chain = Chain(settings.network, settings.network_settings, kept[0], state, settings.retention_ledgers)
    for ledger in kept[1:]:
        chain.history.append(ledger)
    chain.milliseconds_left = saved.milliseconds_left
    chain.queue.restore_bans(map(_envelope_hashes, saved.ledgers[-BANNED_LEDGERS:]))
    return chain


def _envelope_hashes(ledger: ClosedLedger) -> set[bytes]:
    return {hashlib.sha256(transaction.envelope).digest() for transaction in ledger.transactions}
