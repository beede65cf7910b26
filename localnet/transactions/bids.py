"""What a transaction asks of a ledger, and what it bids for its place.

Classic and Soroban transactions have lanes of their own; only what shares a lane competes. A demand is one
number for each limit of the lane.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import add, gt, sub
from typing import Final

from localnet.network_settings import LedgerLimits
from localnet.transactions.envelopes import Envelope

Demand = tuple[int, ...]

#: Where instructions stand in a Soroban demand, and the number of transactions in both kinds.
TRANSACTIONS: Final = 0
INSTRUCTIONS: Final = 1

#: Rates are whole numbers of stroops / RATE_UNIT an operation: exact for 100 operations and a fee bump.
RATE_UNIT: Final = math.lcm(*range(1, 102))


@dataclass(frozen=True, slots=True)
class Bid:
    """A claim to a place in the next ledger; without an envelope it is the background load's.

    `tie` decides between equal rates, by chance but the same in every run.
    """

    rate: int
    demand: Demand
    tie: bytes
    envelope: Envelope | None = None

    @property
    def rate_stroops(self) -> int:
        """Stroops an operation, rounded down."""
        return self.rate // RATE_UNIT

    def cut_to(self, room: Demand) -> "Bid":
        """The part of a stranger's bid that fits, all of its demand cut in proportion."""
        most, of = 1, 1
        for wanted, left in zip(self.demand, room, strict=True):
            if left * of < most * wanted:
                most, of = left, wanted
        return replace(self, demand=tuple(wanted * most // of for wanted in self.demand))


def bid_of(envelope: Envelope) -> Bid:
    """The bid of a transaction that has resources if it is a Soroban one."""
    operations = max(envelope.charged_operations, 1)
    rate = envelope.inclusion_fee_stroops * (RATE_UNIT // operations)
    demand = _soroban_demand(envelope) if envelope.soroban else (operations,)
    return Bid(rate, demand, envelope.envelope_hash, envelope)


def better_fee_stroops(rate: int, operations: int) -> int:
    """The least inclusion fee that beats a rate."""
    return rate * operations // RATE_UNIT + 1


def ledger_capacity(limits: LedgerLimits, *, soroban: bool) -> Demand:
    """What one ledger takes in a lane."""
    if not soroban:
        return (limits.classic_operations,)
    return (
        limits.soroban_transactions,
        limits.cluster_instructions * limits.clusters,
        limits.size_bytes,
        limits.disk_read_bytes,
        limits.write_bytes,
        limits.disk_read_entries,
        limits.write_entries,
    )


def total_demand(bids: Iterable[Bid], dimensions: int) -> Demand:
    total: Demand = (0,) * dimensions
    for bid in bids:
        total = plus(total, bid.demand)
    return total


def plus(one: Demand, other: Demand) -> Demand:
    return tuple(map(add, one, other))


def minus(one: Demand, other: Demand) -> Demand:
    return tuple(map(sub, one, other))


def shortage(demand: Demand, room: Demand) -> Demand:
    """By how much a demand exceeds the room, in each dimension at least 0."""
    return tuple(max(0, wanted - left) for wanted, left in zip(demand, room, strict=True))


def exceeds(demand: Demand, room: Demand) -> bool:
    return any(map(gt, demand, room))


def _soroban_demand(envelope: Envelope) -> Demand:
    """A fee bump counts as two transactions here too, and has the size of its inner one (stellar-core)."""
    declared = envelope.declared_resources
    return (
        envelope.charged_operations,
        declared.instructions,
        declared.transaction_bytes,
        declared.disk_read_bytes,
        declared.write_bytes,
        declared.disk_read_entries,
        declared.write_entries,
    )
