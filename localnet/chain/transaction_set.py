"""The transactions of the next ledger: who comes in, at what price, and in what order they run.

Lanes are filled by bid rate, highest first; what does not fit is passed over and waits. If anything did not
fit, all in the lane pay the lowest rate that came in, else the base fee (surge pricing, CAP-42).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localnet.chain.clusters import ClusterPacker
from localnet.network_settings import NetworkSettings
from localnet.transactions.bids import (
    INSTRUCTIONS,
    TRANSACTIONS,
    Bid,
    Demand,
    exceeds,
    ledger_capacity,
    minus,
    total_demand,
)
from localnet.transactions.envelopes import Envelope
from localnet.transactions.inclusion import Inclusion


@dataclass(frozen=True)
class TransactionSet:
    """The transactions of a ledger in the order in which they run: classic ones, then cluster by cluster."""

    envelopes: list[Envelope]
    inclusion: Inclusion


@dataclass(frozen=True)
class _Lane:
    """What came into a lane, in clusters, and what it pays for an operation."""

    clusters: list[list[Bid]]
    base_fee_stroops: int

    @property
    def strangers(self) -> int:
        strangers = (bid for cluster in self.clusters for bid in cluster if bid.envelope is None)
        return sum(bid.demand[TRANSACTIONS] for bid in strangers)


def build_transaction_set(
    classic: Sequence[Bid], soroban: Sequence[Bid], settings: NetworkSettings, salt: bytes
) -> TransactionSet:
    """Chooses among valid bids. `salt` decides between equal rates, and the order of application."""
    payments = _fill_lane(classic, settings, salt, soroban=False)
    calls = _fill_lane(soroban, settings, salt, soroban=True)
    paid = [envelope for cluster in payments.clusters for envelope in _in_apply_order(cluster, salt)]
    clusters = [ordered for cluster in calls.clusters if (ordered := _in_apply_order(cluster, salt))]
    inclusion = Inclusion(
        payments.base_fee_stroops,
        calls.base_fee_stroops,
        tuple(map(len, clusters)),
        payments.strangers,
        calls.strangers,
    )
    return TransactionSet([*paid, *(envelope for cluster in clusters for envelope in cluster)], inclusion)


def _fill_lane(bids: Sequence[Bid], settings: NetworkSettings, salt: bytes, *, soroban: bool) -> _Lane:
    base_fee = settings.base_fee_stroops
    if not bids:
        return _Lane([], base_fee)
    capacity = ledger_capacity(settings.ledger, soroban=soroban)
    total = total_demand(bids, len(capacity))
    one_cluster = not soroban or total[INSTRUCTIONS] <= settings.ledger.cluster_instructions
    if one_cluster and not exceeds(total, capacity):
        return _Lane([list(bids)], base_fee)
    ranked = sorted(bids, key=lambda bid: (-bid.rate, _draw(salt, bid.tie)))
    packer = (
        ClusterPacker(settings.ledger.clusters, settings.ledger.cluster_instructions) if soroban else None
    )
    included, all_fit = _fill(ranked, capacity, packer)
    surge_fee = max(base_fee, min((bid.rate_stroops for bid in included), default=base_fee))
    clusters = [included] if packer is None else packer.clusters()
    return _Lane(clusters, base_fee if all_fit else surge_fee)


def _fill(ranked: Iterable[Bid], capacity: Demand, packer: ClusterPacker | None) -> tuple[list[Bid], bool]:
    """Who comes in, and whether nobody had to stay out."""
    included = []
    all_fit = True
    left = capacity
    for bid in ranked:
        part = _part_that_fits(bid, left, packer)
        if part is None or (packer is not None and not packer.try_add(part)):
            all_fit = False
            continue
        all_fit = all_fit and part is bid
        included.append(part)
        left = minus(left, part.demand)
    return included, all_fit


def _part_that_fits(bid: Bid, left: Demand, packer: ClusterPacker | None) -> Bid | None:
    """A transaction as a whole or not at all; of strangers a part, for real ones would fill the last gap."""
    if bid.envelope is not None:
        return None if exceeds(bid.demand, left) else bid
    room = left if packer is None else packer.room_in(left)
    if not exceeds(bid.demand, room):
        return bid
    part = bid.cut_to(room)
    return part if any(part.demand) else None


def _in_apply_order(bids: Iterable[Bid], salt: bytes) -> list[Envelope]:
    """Not the order of submission: shuffled by hash as on a real network, the same in every run."""
    envelopes = [bid.envelope for bid in bids if bid.envelope is not None]
    return sorted(envelopes, key=lambda envelope: _draw(salt, envelope.hash))


def _draw(salt: bytes, name: bytes) -> bytes:
    return hashlib.sha256(salt + name).digest()
