"""Faults of ledgers, carried out: nodes that lag or forget, a farm that is paused, late and full ledgers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from localnet.chain.background_load import BackgroundLoad
from localnet.chain.chain import Chain
from localnet.chain.chain_view import ChainView
from localnet.chain.close_plan import PlannedClose
from localnet.chain.closed_ledger import ClosedLedger
from localnet.chain.ledger_clock import LedgerClock
from localnet.faults.farm_pause import FarmPause
from localnet.faults.faults import ActiveRule, Faults
from localnet.faults.rule import FaultKind, FaultRule, Scope
from localnet.ledger.entries import StoredEntry


@dataclass(frozen=True)
class _Strike:
    """A rule that has struck: ledgers from `first_ledger` on and before `until_ledger`."""

    active: ActiveRule
    first_ledger: int
    until_ledger: int

    @property
    def rule(self) -> FaultRule:
        return self.active.rule


class LedgerFaults:
    """Decides, as soon as a ledger has closed, what goes wrong with the next one."""

    def __init__(self, faults: Faults, chain: Chain, clock: LedgerClock, views: Sequence[ChainView]) -> None:
        """`views` are the nodes' by their numbers; their lag of now is the least they keep."""
        self._faults = faults
        self._chain = chain
        self._views = views
        self._least_lags = tuple(view.lag_ledgers for view in views)
        self._farm_pause = FarmPause(chain)
        self._strikes: list[_Strike] = []
        self._sequence = 0
        self._next = PlannedClose()
        self._usual_load = self._surge_load = chain.background_load
        self._decide(chain.latest.sequence + 1)
        chain.observers.append(self._ledger_closed)
        clock.follow(self._plan)

    def __repr__(self) -> str:
        return f"LedgerFaults({len(self._strikes)} under way)"

    def _ledger_closed(self, ledger: ClosedLedger, _: Mapping[bytes, StoredEntry | None]) -> None:
        self._decide(ledger.sequence + 1)

    def _plan(self, _: int) -> PlannedClose:
        return self._next

    def _decide(self, sequence: int) -> None:
        """What strikes the ledger of this sequence, which is to come, and how the one before is told of."""
        self._sequence = sequence
        were_there = bool(self._strikes)
        self._strikes = [
            strike
            for strike in self._strikes
            if strike.until_ledger >= sequence and self._faults.holds(strike.active)
        ]
        if self._faults.has(Scope.LEDGER):
            for active in self._faults.strike_ledger(sequence):
                self._strikes.append(_Strike(active, sequence, sequence + _duration(active.rule)))
        if self._strikes or were_there:
            self._carry_out()
        self._farm_pause.hold(any(self._to_come(FaultKind.CONTRACT_PAUSED)))

    def _carry_out(self) -> None:
        for node, (view, least) in enumerate(zip(self._views, self._least_lags, strict=True)):
            lag = min(max((least, *self._lags(node))), self._chain.history.window - 1)
            if lag != view.lag_ledgers:
                view.lag(lag)
            view.shorten(min(self._windows(node), default=None))
        self._next = self._planned_close()
        self._load()

    def _load(self) -> None:
        """In a surge strangers ask for at least its load; after it for what they did before.

        A load that somebody else sets meanwhile counts from after the surge on.
        """
        present = self._chain.background_load
        usual = self._usual_load if present == self._surge_load else present
        surge = max(self._to_come(FaultKind.SURGE), key=lambda rule: rule.load, default=None)
        wanted = usual if surge is None else _with_surge(usual, surge)
        if wanted != present:
            self._chain.background_load = wanted
        self._usual_load, self._surge_load = usual, wanted

    def _planned_close(self) -> PlannedClose:
        """A stall lengthens, a burst shortens the wait; the last word on the close time has a repeat."""
        wait: float | None = None
        close_time: int | None = None
        for rule in self._to_come(FaultKind.STALL):
            wait = self._chain.settings.close_milliseconds * (rule.ledgers + 1) / 1_000
            close_time = round(wait)
        for rule in self._to_come(FaultKind.BURST):
            wait, close_time = 0.0, rule.close_time_seconds
        if any(self._to_come(FaultKind.REPEAT_CLOSE_TIME)):
            close_time = 0
        return PlannedClose(wait, close_time)

    def _to_come(self, kind: FaultKind) -> Iterator[FaultRule]:
        """The rules that strike the next ledger."""
        for strike in self._strikes:
            if strike.rule.kind is kind and self._sequence < strike.until_ledger:
                yield strike.rule

    def _lags(self, node: int) -> Iterator[int]:
        """A node that does not get a ledger has to stand still before that ledger comes."""
        for strike in self._strikes:
            if strike.rule.kind is FaultKind.LAG and strike.rule.concerns_node(node):
                yield strike.rule.ledgers

    def _windows(self, node: int) -> Iterator[int]:
        """A node forgets when it has the ledger that is struck."""
        for strike in self._strikes:
            rule = strike.rule
            is_here = strike.first_ledger < self._sequence
            if rule.kind is FaultKind.SHORT_RETENTION and is_here and rule.concerns_node(node):
                yield rule.ledgers


def _with_surge(usual: BackgroundLoad, surge: FaultRule) -> BackgroundLoad:
    return replace(
        usual,
        classic=max(usual.classic, surge.load),
        soroban=max(usual.soroban, surge.load),
        median_bid_stroops=surge.median_bid_stroops,
    )


def _duration(rule: FaultRule) -> int:
    """How many ledgers a strike lasts."""
    if rule.kind in (FaultKind.BURST, FaultKind.REPEAT_CLOSE_TIME):
        return rule.ledgers
    return rule.for_ledgers
