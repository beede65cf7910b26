"""Faults by hand: `/faults/…` of the admin endpoint."""

from dataclasses import fields
from typing import Any, Final

from pydantic import Field

from localnet.admin.requests import AdminError, Fields, FileFields, NoFields, Result, Route, Routes
from localnet.faults.fault_file import NEEDED_KEYS, parse_faults
from localnet.faults.faults import ActiveRule, Faults
from localnet.faults.rule import FaultRule
from localnet.toml_files import TomlFileError

_TOLD_APART: Final = frozenset({"kind", "line"})


class RemoveFields(Fields):
    number: int = Field(ge=1)


class FaultAdmin:
    """Serves `/faults/…`: what there is, how often it struck, and changes of it."""

    def __init__(self, faults: Faults, nodes: int) -> None:
        self._faults = faults
        self._nodes = nodes

    def routes(self) -> Routes:
        return {
            "/faults/list": Route(NoFields, self.list),
            "/faults/add": Route(FileFields, self.add),
            "/faults/remove": Route(RemoveFields, self.remove),
            "/faults/clear": Route(NoFields, self.clear),
        }

    async def list(self, _: NoFields) -> Result:
        return _described(self._faults.rules())

    async def add(self, asked: FileFields) -> Result:
        """Answers with the rules that were added."""
        try:
            plan = parse_faults(asked.text, asked.source, self._nodes)
        except TomlFileError as error:
            raise AdminError(400, str(error), field="text", line=error.line) from None
        return _described(self._faults.add(plan))

    async def remove(self, asked: RemoveFields) -> Result:
        """Answers with the rule that was removed."""
        removed = self._faults.remove(asked.number)
        if removed is None:
            raise AdminError(404, f"there is no rule {asked.number}", field="number", value=asked.number)
        return _described((removed,))

    async def clear(self, _: NoFields) -> Result:
        """Answers with the rules that there were."""
        removed = self._faults.rules()
        self._faults.clear()
        return _described(removed)


def _described(rules: tuple[ActiveRule, ...]) -> Result:
    return {"rules": [_describe(active) for active in rules]}


def _describe(active: ActiveRule) -> dict[str, Any]:
    """A rule as its file has it, and what came of it."""
    return {
        "number": active.number,
        "kind": active.rule.kind.value,
        **_chosen(active.rule),
        "opportunities": active.opportunities,
        "strikes": active.strikes,
    }


def _chosen(rule: FaultRule) -> dict[str, Any]:
    """The values that must be there, and those that are not their keys' defaults."""
    needed = NEEDED_KEYS.get(rule.kind, frozenset())
    values = {
        field.name: getattr(rule, field.name)
        for field in fields(rule)
        if field.name in needed
        or (field.name not in _TOLD_APART and getattr(rule, field.name) != field.default)
    }
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}
