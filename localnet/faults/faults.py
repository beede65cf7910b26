"""The faults of a network: which rules there are, and which of them strikes now."""

import random
from collections.abc import Iterator, Set
from itertools import count

from localnet.faults.rule import NO_FAULTS, FaultPlan, FaultRule, Scope


class ActiveRule:
    """A rule with its chances and what came of them.

    Its random numbers are its own: what other rules do does not move them.
    """

    def __init__(self, number: int, rule: FaultRule, seed: str) -> None:
        self.number = number
        self.rule = rule
        self.opportunities = 0
        self.strikes = 0
        self._chances = random.Random(seed)

    def __repr__(self) -> str:
        return f"ActiveRule({self.number} {self.rule.kind.value}, {self.strikes} of {self.opportunities})"

    def strikes_now(self, ledger: int) -> bool:
        """Whether this opportunity is struck; `ledger` is the one that is under way."""
        rule = self.rule
        if ledger < rule.from_ledger or (rule.until_ledger is not None and ledger >= rule.until_ledger):
            return False
        if rule.count is not None and self.strikes >= rule.count:
            return False
        self.opportunities += 1
        if self.opportunities % rule.every or self._chances.random() >= rule.probability:
            return False
        self.strikes += 1
        return True


class Faults:
    """All rules of a network, in the order in which they came; the first that strikes counts."""

    def __init__(self, plan: FaultPlan = NO_FAULTS) -> None:
        self._numbers = count(1)
        self._rules: dict[int, ActiveRule] = {}
        self._by_scope: dict[Scope, list[ActiveRule]] = {}
        self.add(plan)

    def __repr__(self) -> str:
        return f"Faults({len(self._rules)} rules)"

    def rules(self) -> tuple[ActiveRule, ...]:
        return tuple(self._rules.values())

    def holds(self, active: ActiveRule) -> bool:
        """Whether a rule is still there."""
        return active.number in self._rules

    def has(self, scope: Scope) -> bool:
        """Whether anything of the kind could ever strike."""
        return scope in self._by_scope

    def add(self, plan: FaultPlan) -> tuple[ActiveRule, ...]:
        """Puts the rules of a file behind those that are there."""
        added = tuple(
            ActiveRule(next(self._numbers), rule, f"{plan.seed}:{position}:{rule.kind.value}")
            for position, rule in enumerate(plan.rules)
        )
        self._rules.update({active.number: active for active in added})
        self._sort()
        return added

    def remove(self, number: int) -> ActiveRule | None:
        """Takes one rule away; None if there is none of this number."""
        removed = self._rules.pop(number, None)
        self._sort()
        return removed

    def clear(self) -> None:
        self._rules.clear()
        self._sort()

    def report(self) -> str:
        """How often each rule struck, a line each."""
        return "".join(
            f"fault {active.number} {active.rule.kind.value}: "
            f"struck {active.strikes} of {active.opportunities} times\n"
            for active in self._rules.values()
        )

    def strike_request(self, node: int, methods: Set[str], ledger: int) -> FaultRule | None:
        """What goes wrong with this request to a node, whose body calls these methods."""
        for active in self._by_scope.get(Scope.REQUEST, ()):
            rule = active.rule
            if rule.concerns_node(node) and rule.concerns_methods(methods) and active.strikes_now(ledger):
                return rule
        return None

    def strike_submission(self, node: int, ledger: int) -> FaultRule | None:
        """What goes wrong with a transaction that is sent to a node."""
        for active in self._by_scope.get(Scope.SUBMISSION, ()):
            if active.rule.concerns_node(node) and active.strikes_now(ledger):
                return active.rule
        return None

    def strike_ledger(self, ledger: int) -> Iterator[ActiveRule]:
        """All that goes wrong with the ledger that is to come; here no rule excludes another."""
        for active in self._by_scope.get(Scope.LEDGER, ()):
            if active.strikes_now(ledger):
                yield active

    def _sort(self) -> None:
        self._by_scope = {}
        for active in self._rules.values():
            self._by_scope.setdefault(active.rule.kind.scope, []).append(active)
