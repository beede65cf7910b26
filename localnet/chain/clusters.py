"""Soroban transactions packed into clusters that can run side by side (CAP-63), as stellar-core packs them.

Transactions conflict if one writes what the other touches; those must run one after the other, in one
cluster. Groups without conflicts are packed into as many clusters as the network has, first fit; only when
one fits nowhere is all packed anew, largest first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from localnet.transactions.bids import INSTRUCTIONS, Bid, Demand


@dataclass(eq=False, slots=True)
class _Group:
    """Transactions that conflict, directly or through others; `merged_into` once it has grown together."""

    instructions: int
    bids: list[Bid] = field(default_factory=list)
    cluster: int = 0
    merged_into: "_Group | None" = None

    def root(self) -> "_Group":
        group = self
        while group.merged_into is not None:
            if group.merged_into.merged_into is not None:
                group.merged_into = group.merged_into.merged_into
            group = group.merged_into
        return group


#: Groups in the order in which they came: a set's would change from run to run.
_Groups = dict[_Group, None]


class ClusterPacker:
    """Takes bids in order of their rate as long as they fit."""

    def __init__(self, clusters: int, cluster_instructions: int) -> None:
        self._limit = cluster_instructions
        self._loads = [0] * clusters
        self._groups: _Groups = {}
        self._writers: dict[bytes, _Group] = {}
        self._readers: dict[bytes, list[_Group]] = {}

    def try_add(self, bid: Bid) -> bool:
        """Whether the bid has found a place."""
        instructions = bid.demand[INSTRUCTIONS]
        if sum(self._loads) + instructions > self._limit * len(self._loads):
            return False
        touched = self._conflicting(bid)
        group = _Group(instructions + sum(other.instructions for other in touched))
        if group.instructions > self._limit or not self._place(group, touched):
            return False
        self._merge(group, touched, bid)
        return True

    def room_in(self, left: Demand) -> Demand:
        """What is left for a bid without conflicts: its instructions must fit into one cluster."""
        free = self._limit - min(self._loads)
        return (*left[:INSTRUCTIONS], min(left[INSTRUCTIONS], free), *left[INSTRUCTIONS + 1 :])

    def clusters(self) -> list[list[Bid]]:
        """The bids of each cluster that is not empty."""
        packed: list[list[Bid]] = [[] for _ in self._loads]
        for group in self._groups:
            packed[group.cluster].extend(group.bids)
        return [bids for bids in packed if bids]

    def _conflicting(self, bid: Bid) -> _Groups:
        if bid.envelope is None:
            return {}
        footprint = bid.envelope.footprint
        found = [self._writers[key] for key in footprint.read_only if key in self._writers]
        for key in footprint.read_write:
            found.extend(self._readers.get(key, ()))
            if key in self._writers:
                found.append(self._writers[key])
        return dict.fromkeys(group.root() for group in found)

    def _place(self, group: _Group, touched: _Groups) -> bool:
        for other in touched:
            self._loads[other.cluster] -= other.instructions
        for cluster, load in enumerate(self._loads):
            if load + group.instructions <= self._limit:
                group.cluster = cluster
                self._loads[cluster] += group.instructions
                return True
        for other in touched:
            self._loads[other.cluster] += other.instructions
        return self._pack_anew([*(other for other in self._groups if other not in touched), group])

    def _pack_anew(self, groups: Iterable[_Group]) -> bool:
        loads = [0] * len(self._loads)
        placed: list[tuple[_Group, int]] = []
        for group in sorted(groups, key=lambda group: group.instructions, reverse=True):
            cluster = _first_with_room(loads, self._limit - group.instructions)
            if cluster is None:
                return False
            loads[cluster] += group.instructions
            placed.append((group, cluster))
        for group, cluster in placed:
            group.cluster = cluster
        self._loads = loads
        return True

    def _merge(self, group: _Group, touched: _Groups, bid: Bid) -> None:
        """Keeps the longest list of bids: whoever joins a big group pays for himself alone."""
        lists = sorted((other.bids for other in touched), key=len, reverse=True)
        group.bids = lists[0] if lists else []
        for bids in lists[1:]:
            group.bids.extend(bids)
        group.bids.append(bid)
        for other in touched:
            other.merged_into = group
            del self._groups[other]
        self._groups[group] = None
        if bid.envelope is None:
            return
        for key in bid.envelope.footprint.read_write:
            self._writers[key] = group
            self._readers.pop(key, None)
        for key in bid.envelope.footprint.read_only:
            readers = self._readers.setdefault(key, [])
            if not readers or readers[-1].root() is not group:
                readers.append(group)


def _first_with_room(loads: list[int], most: int) -> int | None:
    return next((cluster for cluster, load in enumerate(loads) if load <= most), None)
