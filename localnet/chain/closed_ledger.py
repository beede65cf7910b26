"""A closed ledger: header, transaction set and meta, each ledger bound to the one before by its hash."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stellar_sdk.xdr import LedgerEntryType

from localnet.ledger import wire
from localnet.ledger.entries import StoredEntry
from localnet.ledger.meta import ledger_entry
from localnet.network_settings import TOTAL_COINS_STROOPS, NetworkSettings
from localnet.transactions.application import AppliedTransaction
from localnet.transactions.inclusion import Inclusion

GENESIS_SEQUENCE = 1

_NO_HASH = bytes(32)
_SKIP_LIST = _NO_HASH * 4
_META_VERSION = 2
_TTL_KEY_TYPE = wire.int32(LedgerEntryType.TTL)


@dataclass(frozen=True, slots=True)
class ClosedLedger:
    """One ledger of the chain; `header` is LedgerHeader XDR and `hash` its sha256.

    `fee_pool_stroops` are all fees of the chain up to here; `state_hash` covers all changes of entries.
    """

    sequence: int
    close_time: int
    previous_hash: bytes
    hash: bytes
    header: bytes
    state_hash: bytes
    fee_pool_stroops: int
    transactions: tuple[AppliedTransaction, ...]
    evicted_keys: tuple[bytes, ...]
    inclusion: Inclusion

    def header_history_entry(self) -> bytes:
        """XDR `LedgerHeaderHistoryEntry`."""
        return self.hash + self.header + wire.ABSENT

    def close_meta(self, settings: NetworkSettings) -> bytes:
        """XDR `LedgerCloseMeta`, put together when somebody asks for it."""
        evicted = [key for data_key in self.evicted_keys for key in (data_key, _ttl_key(data_key))]
        return (
            wire.int32(_META_VERSION)
            + wire.ABSENT
            + self.header_history_entry()
            + transaction_set(self.previous_hash, self.transactions, self.inclusion)
            + wire.array(_processing(transaction) for transaction in self.transactions)
            + wire.array(())
            + wire.array(())
            + wire.uint64(settings.rates.state_bytes)
            + wire.array(evicted)
        )


def genesis_ledger(
    sequence: int, close_time: int, entries: Mapping[bytes, StoredEntry | None], settings: NetworkSettings
) -> ClosedLedger:
    """The first ledger: no transactions, only what the network begins with."""
    inclusion = Inclusion(settings.base_fee_stroops, settings.base_fee_stroops)
    return _closed(sequence, close_time, _NO_HASH, _NO_HASH, 0, (), (), entries, settings, inclusion)


def next_ledger(
    previous: ClosedLedger,
    close_time: int,
    transactions: Sequence[AppliedTransaction],
    evicted_keys: Sequence[bytes],
    changes: Mapping[bytes, StoredEntry | None],
    settings: NetworkSettings,
    inclusion: Inclusion,
) -> ClosedLedger:
    """The ledger after `previous` with what was applied in it."""
    return _closed(
        previous.sequence + 1,
        close_time,
        previous.hash,
        previous.state_hash,
        previous.fee_pool_stroops + sum(applied.fee_charged_stroops for applied in transactions),
        tuple(transactions),
        tuple(evicted_keys),
        changes,
        settings,
        inclusion,
    )


def _closed(
    sequence: int,
    close_time: int,
    previous_hash: bytes,
    previous_state_hash: bytes,
    fee_pool_stroops: int,
    transactions: tuple[AppliedTransaction, ...],
    evicted_keys: tuple[bytes, ...],
    changes: Mapping[bytes, StoredEntry | None],
    settings: NetworkSettings,
    inclusion: Inclusion,
) -> ClosedLedger:
    state_hash = _state_hash(previous_state_hash, changes)
    set_hash = hashlib.sha256(transaction_set(previous_hash, transactions, inclusion)).digest()
    header = _header(
        sequence, close_time, previous_hash, state_hash, fee_pool_stroops, set_hash, transactions, settings
    )
    return ClosedLedger(
        sequence,
        close_time,
        previous_hash,
        hashlib.sha256(header).digest(),
        header,
        state_hash,
        fee_pool_stroops,
        transactions,
        evicted_keys,
        inclusion,
    )


def _header(
    sequence: int,
    close_time: int,
    previous_hash: bytes,
    state_hash: bytes,
    fee_pool_stroops: int,
    transaction_set_hash: bytes,
    transactions: tuple[AppliedTransaction, ...],
    settings: NetworkSettings,
) -> bytes:
    """XDR `LedgerHeader`."""
    return (
        wire.uint32(settings.protocol_version)
        + previous_hash
        + transaction_set_hash
        + wire.uint64(close_time)
        + wire.array(())
        + wire.ABSENT
        + hashlib.sha256(wire.array(map(_result_pair, transactions))).digest()
        + state_hash
        + wire.uint32(sequence)
        + wire.int64(TOTAL_COINS_STROOPS)
        + wire.int64(fee_pool_stroops)
        + wire.uint32(0)
        + wire.uint64(0)
        + wire.uint32(settings.base_fee_stroops)
        + wire.uint32(settings.base_reserve_stroops)
        + wire.uint32(settings.ledger.classic_operations)
        + _SKIP_LIST
        + wire.ABSENT
    )


def transaction_set(
    previous_hash: bytes, transactions: Sequence[AppliedTransaction], inclusion: Inclusion
) -> bytes:
    """XDR `GeneralizedTransactionSet`: a classic phase, and a Soroban phase of one stage."""
    first_call = len(transactions) - sum(inclusion.soroban_clusters)
    clusters = []
    for size in inclusion.soroban_clusters:
        clusters.append(_envelopes(transactions[first_call : first_call + size]))
        first_call += size
    payments = transactions[: len(transactions) - sum(inclusion.soroban_clusters)]
    classic_fee = wire.present(wire.int64(inclusion.classic_base_fee_stroops))
    soroban_fee = wire.present(wire.int64(inclusion.soroban_base_fee_stroops))
    components = [wire.int32(0) + classic_fee + _envelopes(payments)] if payments else []
    stages = [wire.array(sorted(clusters))] if clusters else []
    phases = [wire.int32(0) + wire.array(components), wire.int32(1) + soroban_fee + wire.array(stages)]
    return wire.int32(1) + previous_hash + wire.array(phases)


def _envelopes(transactions: Iterable[AppliedTransaction]) -> bytes:
    ordered = sorted(transactions, key=lambda applied: applied.hash)
    return wire.array(transaction.envelope for transaction in ordered)


def _processing(transaction: AppliedTransaction) -> bytes:
    """XDR `TransactionResultMetaV1`."""
    return (
        wire.ABSENT
        + _result_pair(transaction)
        + transaction.fee_changes
        + transaction.meta
        + transaction.refund_changes
    )


def _result_pair(transaction: AppliedTransaction) -> bytes:
    return transaction.hash + transaction.result


def _state_hash(previous: bytes, changes: Mapping[bytes, StoredEntry | None]) -> bytes:
    """Stands where mainnet has the hash of its buckets: the last one and every change since, hashed."""
    digest = hashlib.sha256(previous)
    for key in sorted(changes):
        entry = changes[key]
        digest.update(key)
        digest.update(wire.ABSENT if entry is None else wire.present(ledger_entry(entry)))
    return digest.digest()


def _ttl_key(data_key: bytes) -> bytes:
    return _TTL_KEY_TYPE + hashlib.sha256(data_key).digest()
