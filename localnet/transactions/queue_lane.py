"""One lane of the queue: transactions of one kind, up to two ledgers' worth of them.

When it is full, a better bid drives the cheapest ones out (stellar-core's TxQueueLimiter). From then on until
the next ledger closes nothing enters that bids no more than what was driven out.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from localnet.transactions.bids import Bid, Demand, better_fee_stroops, exceeds, minus, plus, shortage
from localnet.transactions.envelopes import Envelope
from localnet.transactions.validation import Moment

QUEUED_LEDGERS = 2

_Rank = tuple[int, bytes, int, "Waiting"]


@dataclass(eq=False, slots=True)
class Waiting:
    """A bid in the queue: since how many ledgers, and for which moment it was found valid.

    A stranger's is judged for none.
    """

    bid: Bid
    valid_for: Moment | None = None
    ledgers: int = 0
    is_gone: bool = False

    @property
    def envelope(self) -> Envelope:
        """The transaction of a bid that is not a stranger's."""
        assert self.bid.envelope is not None, "strangers have no envelope"
        return self.bid.envelope


@dataclass(frozen=True)
class NoRoom:
    """The lane is full; `fee_stroops` is the inclusion fee that would get in, 0 if none would."""

    fee_stroops: int


class QueueLane:
    """Waiting transactions by their source, and the background load's bids among them."""

    def __init__(self, capacity: Demand) -> None:
        self._most = tuple(QUEUED_LEDGERS * limit for limit in capacity)
        self._demand: Demand = (0,) * len(capacity)
        self._by_source: dict[bytes, Waiting] = {}
        self._strangers: list[Waiting] = []
        self._cheapest_first: list[_Rank] | None = None
        self._evicted_rate: int | None = None

    def __len__(self) -> int:
        return len(self._by_source)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._by_source.values())

    def find(self, source: bytes) -> Waiting | None:
        return self._by_source.get(source)

    def bids(self) -> list[Bid]:
        """All that compete for the next ledger."""
        strangers = [waiting.bid for waiting in self._strangers if not waiting.is_gone]
        return [*(waiting.bid for waiting in self), *strangers]

    def room_for(self, bid: Bid, operations: int, replaced: Waiting | None) -> list[Waiting] | NoRoom:
        """Who would have to go for this bid, cheapest first; `replaced` goes in any case."""
        if self._evicted_rate is not None and self._evicted_rate >= bid.rate:
            return NoRoom(better_fee_stroops(self._evicted_rate, operations))
        added = bid.demand if replaced is None else shortage(bid.demand, replaced.bid.demand)
        if exceeds(added, self._most):
            return NoRoom(0)
        missing = shortage(plus(self._demand, added), self._most)
        return self._cheapest(missing, bid, operations, replaced) if any(missing) else []

    def put(self, waiting: Waiting) -> None:
        self._by_source[waiting.envelope.source] = waiting
        self._count_in(waiting)

    def remove(self, waiting: Waiting) -> None:
        waiting.is_gone = True
        self._demand = minus(self._demand, waiting.bid.demand)
        if waiting.bid.envelope is not None:
            del self._by_source[waiting.bid.envelope.source]

    def evict(self, waiting: Waiting) -> None:
        """Removes one for a better bid."""
        self._evicted_rate = waiting.bid.rate
        self.remove(waiting)

    def forget_evictions(self) -> None:
        self._evicted_rate = None
        self._cheapest_first = None

    def replace_strangers(self, bids: Iterable[Bid]) -> None:
        """The background load bids anew."""
        for waiting in self._strangers:
            if not waiting.is_gone:
                self.remove(waiting)
        self._strangers = [Waiting(bid) for bid in bids]
        for waiting in self._strangers:
            self._count_in(waiting)

    def _count_in(self, waiting: Waiting) -> None:
        self._demand = plus(self._demand, waiting.bid.demand)
        if self._cheapest_first is not None:
            heapq.heappush(self._cheapest_first, _rank(waiting))

    def _cheapest(
        self, missing: Demand, bid: Bid, operations: int, replaced: Waiting | None
    ) -> list[Waiting] | NoRoom:
        ranked = self._ranked()
        cheapest: list[Waiting] = []
        room: NoRoom | None = None
        while room is None and any(missing):
            candidate = heapq.heappop(ranked)[-1]
            if candidate.is_gone:
                continue
            cheapest.append(candidate)
            missing = shortage(missing, candidate.bid.demand)
            if candidate.bid.rate >= bid.rate:
                room = NoRoom(better_fee_stroops(candidate.bid.rate, operations))
            elif candidate is replaced:
                room = NoRoom(0)
        for waiting in cheapest:
            heapq.heappush(ranked, _rank(waiting))
        return cheapest if room is None else room

    def _ranked(self) -> list[_Rank]:
        """A heap of all bids, made when the lane is full for the first time since the last ledger."""
        if self._cheapest_first is None:
            self._cheapest_first = [_rank(waiting) for waiting in (*self, *self._strangers)]
            heapq.heapify(self._cheapest_first)
        return self._cheapest_first


def _rank(waiting: Waiting) -> _Rank:
    return waiting.bid.rate, waiting.bid.tie, id(waiting), waiting
