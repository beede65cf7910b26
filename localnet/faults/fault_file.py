"""Fault files: TOML in, checked rules out; each refusal names line, key, limit and value."""

import difflib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Final

from kale.constants import I64_MAX
from localnet.chain.background_load import BID_RANGE, MAX_LOAD
from localnet.chain.past_states import MAX_LAG_LEDGERS
from localnet.faults.rule import FaultKind, FaultPlan, FaultRule, Scope
from localnet.rpc.methods import METHOD_NAMES
from localnet.toml_files import Located, Table, TomlFileError, read_named_file, tables_of

MAX_LEDGERS: Final = 2**31 - 1
STATUSES: Final = (429, 500, 502, 503, 504)

EXAMPLE_NAMES: Final = ("one_percent",)

_EXAMPLES: Final = Path(__file__).parent / "examples"
_HEADER: Final = "[[fault]]"

Read = Callable[[str, Any], Any]


class _Refusal(Exception):
    """A value that its key does not take; the text names key, limit and value."""


def load_faults(name: str, nodes: int) -> FaultPlan:
    """The rules of `one_percent` or of a file, for a network of so many RPC nodes.

    Raises TomlFileError, and StartupError if there is no such file.
    """
    return parse_faults(read_fault_text(name), name, nodes)


def read_fault_text(name: str) -> str:
    """The text of `one_percent` or of a file, unread. Raises StartupError if there is none."""
    return read_named_file(name, "faults", _EXAMPLES, EXAMPLE_NAMES)


def parse_faults(text: str, source: str, nodes: int) -> FaultPlan:
    """The rules in a text; `source` is what its refusals call it. Raises TomlFileError."""
    root, *tables = tables_of(text, source)
    reader = _Reader(source, nodes)
    seed = reader.values(root, {"seed": _whole(0, I64_MAX)}, "a fault file").get("seed", 0)
    return FaultPlan(seed, tuple(reader.rule(table) for table in tables))


class _Reader:
    """One file's tables to rules."""

    def __init__(self, source: str, nodes: int) -> None:
        self._source = source
        self._node_list = _list_of(_whole(0, nodes - 1), f"whole numbers between 0 and {nodes - 1}")

    def rule(self, table: Table) -> FaultRule:
        if "".join(table.header.split()) != _HEADER:
            problem = f"{table.header} is unknown, every rule begins with {_HEADER}"
            raise TomlFileError(self._source, table.line, problem)
        kind = self._kind(table)
        values = self.values(table, self._keys(kind), f"a {kind.value} fault")
        for missing in sorted(NEEDED_KEYS.get(kind, frozenset()) - values.keys()):
            raise TomlFileError(self._source, table.line, f"a {kind.value} fault needs {missing}")
        rule = FaultRule(line=table.line, **values)
        if rule.until_ledger is not None and rule.until_ledger <= rule.from_ledger:
            problem = f"until_ledger is {rule.until_ledger}, must be above from_ledger ({rule.from_ledger})"
            raise TomlFileError(self._source, table.values["until_ledger"].line, problem)
        return rule

    def values(self, table: Table, keys: Mapping[str, Read], place: str) -> dict[str, Any]:
        """A table's values by their keys; `place` is what refusals call the table."""
        values = {}
        for name, located in table.values.items():
            read = keys.get(name)
            if read is None:
                raise TomlFileError(self._source, located.line, _unknown_key(name, keys, place))
            values[name] = self._read(read, name, located)
        return values

    def _kind(self, table: Table) -> FaultKind:
        located = table.values.get("kind")
        if located is None:
            raise TomlFileError(self._source, table.line, "the rule has no kind")
        kind: FaultKind = self._read(_kind, "kind", located)
        return kind

    def _keys(self, kind: FaultKind) -> Mapping[str, Read]:
        keys = {**_COMMON_KEYS, **_OWN_KEYS.get(kind, {})}
        if kind.scope is Scope.REQUEST:
            keys["methods"] = _METHOD_LIST
        if kind not in _NETWORK_WIDE:
            keys["nodes"] = self._node_list
        return keys

    def _read(self, read: Read, name: str, located: Located) -> Any:
        try:
            return read(name, located.value)
        except _Refusal as refusal:
            raise TomlFileError(self._source, located.line, str(refusal)) from None


def _unknown_key(name: str, keys: Mapping[str, Read], place: str) -> str:
    close = difflib.get_close_matches(name, keys, 1)
    hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(keys))}"
    return f"{name} is no key of {place}; {hint}"


def _whole(least: int, most: int) -> Read:
    def read(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _Refusal(f"{name} is {_shown(value)}, must be a whole number")
        if not least <= value <= most:
            raise _Refusal(f"{name} is {value}, must be between {least} and {most}")
        return value

    return read


def _number(above: float, most: float) -> Read:
    def read(name: str, value: object) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise _Refusal(f"{name} is {_shown(value)}, must be a number")
        if not above < value <= most:
            raise _Refusal(f"{name} is {value:g}, must be above {above:g} and at most {most:g}")
        return float(value)

    return read


def _one_of(choices: Collection[object]) -> Read:
    def read(name: str, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, (int, str)) or value not in choices:
            raise _Refusal(f"{name} is {_shown(value)}, must be one of {', '.join(map(str, choices))}")
        return value

    return read


def _list_of(read_item: Read, described: str) -> Read:
    def read(name: str, value: object) -> frozenset[Any]:
        if not isinstance(value, list) or not value:
            raise _Refusal(f"{name} is {_shown(value)}, must be a list of {described}")
        return frozenset(read_item(f"{name}[{position}]", item) for position, item in enumerate(value))

    return read


def _kind(name: str, value: object) -> FaultKind:
    return FaultKind(_one_of([kind.value for kind in FaultKind])(name, value))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    return repr(value)


_METHOD_LIST: Final = _list_of(_one_of(METHOD_NAMES), "RPC methods")
_LEDGERS: Final = _whole(1, 1_000)
_FOR_LEDGERS: Final = {"for_ledgers": _whole(1, MAX_LEDGERS)}

_COMMON_KEYS: Final[Mapping[str, Read]] = {
    "kind": _kind,
    "probability": _number(0, 1),
    "every": _whole(1, MAX_LEDGERS),
    "count": _whole(1, MAX_LEDGERS),
    "from_ledger": _whole(1, MAX_LEDGERS),
    "until_ledger": _whole(2, MAX_LEDGERS),
}
_OWN_KEYS: Final[Mapping[FaultKind, Mapping[str, Read]]] = {
    FaultKind.CONNECTION_REFUSED: {"wall_seconds": _number(0, 600)},
    FaultKind.STATUS: {"status": _one_of(STATUSES)},
    FaultKind.SLOW: {"wall_seconds": _number(0, 600)},
    FaultKind.LAG: {"ledgers": _whole(1, MAX_LAG_LEDGERS), **_FOR_LEDGERS},
    FaultKind.SHORT_RETENTION: {"ledgers": _whole(1, MAX_LEDGERS), **_FOR_LEDGERS},
    FaultKind.CONTRACT_PAUSED: _FOR_LEDGERS,
    FaultKind.STALL: {"ledgers": _LEDGERS},
    FaultKind.BURST: {"ledgers": _LEDGERS, "close_time_seconds": _whole(0, 5)},
    FaultKind.REPEAT_CLOSE_TIME: {"ledgers": _LEDGERS},
    FaultKind.SURGE: {
        "load": _number(0, MAX_LOAD),
        "median_bid_stroops": _whole(*BID_RANGE),
        **_FOR_LEDGERS,
    },
}
NEEDED_KEYS: Final[Mapping[FaultKind, frozenset[str]]] = {
    FaultKind.STATUS: frozenset({"status"}),
    FaultKind.SLOW: frozenset({"wall_seconds"}),
    FaultKind.LAG: frozenset({"ledgers"}),
    FaultKind.SHORT_RETENTION: frozenset({"ledgers"}),
    FaultKind.STALL: frozenset({"ledgers"}),
    FaultKind.BURST: frozenset({"ledgers"}),
    FaultKind.SURGE: frozenset({"load"}),
}
_NETWORK_WIDE: Final = frozenset(
    {
        FaultKind.CONTRACT_PAUSED,
        FaultKind.STALL,
        FaultKind.BURST,
        FaultKind.REPEAT_CLOSE_TIME,
        FaultKind.SURGE,
    }
)
