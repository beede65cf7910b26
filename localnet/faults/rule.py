"""One rule of a fault file: what goes wrong, how often, where and for how long."""

from collections.abc import Set
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Scope(Enum):
    """What a rule may strike, and so what it counts as an opportunity."""

    REQUEST = "request"
    SUBMISSION = "submission"
    LEDGER = "ledger"


class FaultKind(Enum):
    """What goes wrong; the values are the words of a fault file. docs/localnet-faults.md describes each."""

    CONNECTION_REFUSED = "connection_refused"
    STATUS = "status"
    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    SLOW = "slow"
    ANSWER_LOST = "answer_lost"
    TRANSACTION_DROPPED = "transaction_dropped"
    TRY_AGAIN_LATER = "try_again_later"
    LAG = "lag"
    SHORT_RETENTION = "short_retention"
    CONTRACT_PAUSED = "contract_paused"
    STALL = "stall"
    BURST = "burst"
    REPEAT_CLOSE_TIME = "repeat_close_time"
    SURGE = "surge"

    @property
    def scope(self) -> Scope:
        if self in _SUBMISSION_KINDS:
            return Scope.SUBMISSION
        return Scope.LEDGER if self in _LEDGER_KINDS else Scope.REQUEST


_SUBMISSION_KINDS: Final = frozenset({FaultKind.TRANSACTION_DROPPED, FaultKind.TRY_AGAIN_LATER})
_LEDGER_KINDS: Final = frozenset(
    {
        FaultKind.LAG,
        FaultKind.SHORT_RETENTION,
        FaultKind.CONTRACT_PAUSED,
        FaultKind.STALL,
        FaultKind.BURST,
        FaultKind.REPEAT_CLOSE_TIME,
        FaultKind.SURGE,
    }
)

EVERYWHERE: Final[Set[int]] = frozenset()
ALL_METHODS: Final[Set[str]] = frozenset()


@dataclass(frozen=True)
class FaultRule:
    """A rule, its values checked.

    Opportunities are requests, submissions or ledgers from `from_ledger` on and before `until_ledger`: each
    `every`th strikes with `probability`, at most `count` times. Empty `nodes` and `methods` mean all.
    `ledgers` is an amount (of lag, window, stall, burst or repeats), `for_ledgers` how long a strike lasts.
    `load` is what strangers ask for in a surge, in ledgers' worth a ledger.
    """

    kind: FaultKind
    line: int
    probability: float = 1.0
    every: int = 1
    count: int | None = None
    from_ledger: int = 0
    until_ledger: int | None = None
    nodes: Set[int] = EVERYWHERE
    methods: Set[str] = ALL_METHODS
    status: int = 503
    wall_seconds: float = 0.0
    ledgers: int = 1
    for_ledgers: int = 1
    close_time_seconds: int = 1
    load: float = 1.0
    median_bid_stroops: int = 200

    def concerns_node(self, node: int) -> bool:
        return not self.nodes or node in self.nodes

    def concerns_methods(self, methods: Set[str]) -> bool:
        return not self.methods or not self.methods.isdisjoint(methods)


@dataclass(frozen=True)
class FaultPlan:
    """The rules of one file, and the seed of their chances."""

    seed: int = 0
    rules: tuple[FaultRule, ...] = ()


NO_FAULTS: Final = FaultPlan()
