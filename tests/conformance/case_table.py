"""The cases of the conformance suite: what is asked, and what every client must see.

`cases/*.toml` is the one place where they stand; docs/localnet-conformance.md shows them as a table. An
expected value is the value itself (names of codes count without case and underscores, as each SDK spells them
in its own way), a pattern between slashes, or a kind:

- `<integer>`, `<text>`, `<hash>` (64 hexadecimal digits), `<absent>` (missing or null)
- `<decimal>`: a number that the wire has as text. Python hands out the number, JavaScript the text; Go reads
  it from text alone and writes it so again. `{ decimal = 100 }` is one with that value.
"""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "cases"
_FILES = (
    "node",
    "entries",
    "simulations",
    "submissions",
    "transactions",
    "lifetimes",
    "paging",
    "events",
    "kale",
)
_NAME = re.compile(r"[A-Za-z_]\w*")


class Client(Enum):
    """The clients that run the cases; the values are their columns in the table."""

    PYTHON_SYNC = "python sync"
    PYTHON_ASYNC = "python async"
    JAVASCRIPT = "javascript"
    GO = "go"

    @property
    def language(self) -> str:
        return self.value.partition(" ")[0]


@dataclass(frozen=True)
class Case:
    """One row. `hidden` names fields that a language's client does not hand out, `unsupported` says why it
    cannot express the case at all."""

    id: str
    method: str
    text: str
    expected: Mapping[str, Any]
    hidden: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unsupported: Mapping[str, str] = field(default_factory=dict)

    def differences(self, outcome: Mapping[str, Any], client: Client) -> list[str]:
        """What a client saw otherwise than expected, one line each."""
        hidden = self.hidden.get(client.language, ())
        return [
            f"{name}: expected {_text(expected)}, got {_text(outcome.get(name))}"
            for name, expected in self.expected.items()
            if name not in hidden and not _matches(expected, outcome.get(name), client)
        ]


def load_cases() -> tuple[Case, ...]:
    """All cases in the table's order."""
    return tuple(_case(given) for name in _FILES for given in _read(name))


def _read(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = tomllib.loads((_FOLDER / f"{name}.toml").read_text())["case"]
    return cases


def _case(given: dict[str, Any]) -> Case:
    return Case(text=given.pop("case"), **given)


def _matches(expected: object, seen: object, client: Client) -> bool:
    if isinstance(expected, Mapping):
        if expected.keys() == {"decimal"}:
            return _is_decimal(seen, client) and int(str(seen)) == expected["decimal"]
        return isinstance(seen, Mapping) and all(
            _matches(value, seen.get(name), client) for name, value in expected.items()
        )
    if isinstance(expected, list):
        return (
            isinstance(seen, list)
            and len(seen) == len(expected)
            and all(_matches(one, other, client) for one, other in zip(expected, seen, strict=True))
        )
    if isinstance(expected, str):
        return _matches_text(expected, seen, client)
    return type(seen) is type(expected) and seen == expected


def _matches_text(expected: str, seen: object, client: Client) -> bool:
    if expected == "<absent>":
        return seen is None
    if expected == "<integer>":
        return type(seen) is int
    if expected == "<decimal>":
        return _is_decimal(seen, client)
    if not isinstance(seen, str):
        return False
    if expected == "<text>":
        return seen != ""
    if expected == "<hash>":
        return re.fullmatch(r"[0-9a-f]{64}", seen) is not None
    if expected.startswith("/"):
        return re.fullmatch(expected.strip("/"), seen) is not None
    return _spelled(expected) == _spelled(seen)


def _is_decimal(seen: object, client: Client) -> bool:
    if client.language == "python":
        return type(seen) is int
    return isinstance(seen, str) and seen.isdecimal()


def _spelled(text: str) -> str:
    return text.replace("_", "").lower() if _NAME.fullmatch(text) else text


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# The table in the docs


def render_table(cases: Sequence[Case]) -> str:
    """The cases as a Markdown table; a client that cannot express one says why below the table."""
    lines = ["| id | method | case | expected |", "|---|---|---|---|"]
    lines += [f"| {case.id} | {case.method} | {case.text} | {_expectation(case)} |" for case in cases]
    notes = [
        f"- {language}, {case.id}: {reason}."
        for case in cases
        for language, reason in case.unsupported.items()
    ]
    notes += [
        f"- {language}, {case.id}: the client does not hand out {', '.join(f'`{name}`' for name in names)}."
        for case in cases
        for language, names in case.hidden.items()
    ]
    return "\n".join([*lines, "", *notes])


def _expectation(case: Case) -> str:
    return ", ".join(f"{name} `{_shown(value)}`" for name, value in case.expected.items()).replace("|", "\\|")


def _shown(value: object) -> str:
    return value if isinstance(value, str) else _text(value)
