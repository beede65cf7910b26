"""Rivals' files: TOML in, groups out; each refusal names line, key, limit and value."""

import difflib
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from localnet.rivals.group import GROUP, RivalGroup
from localnet.toml_files import Table, TomlFileError, read_named_file, tables_of

EXAMPLE_NAMES: Final = ("mainnet_like", "meddler")

_EXAMPLES: Final = Path(__file__).parent / "examples"
_HEADER: Final = "[[rivals]]"


def load_rivals(name: str) -> tuple[RivalGroup, ...]:
    """The groups of an example or of a file. Raises TomlFileError, and StartupError if there is no file."""
    return parse_rivals(read_rivals_text(name), name)


def read_rivals_text(name: str) -> str:
    """The text of an example or of a file, unread. Raises StartupError if there is none."""
    return read_named_file(name, "rivals", _EXAMPLES, EXAMPLE_NAMES)


def parse_rivals(text: str, source: str) -> tuple[RivalGroup, ...]:
    """The groups in a text; `source` is what its refusals call it. Raises TomlFileError."""
    root, *tables = tables_of(text, source)
    for key, located in root.values.items():
        raise TomlFileError(
            source, located.line, f"{key} stands in no group, every group begins with {_HEADER}"
        )
    return tuple(_read_group(table, source) for table in tables)


def _read_group(table: Table, source: str) -> RivalGroup:
    if "".join(table.header.split()) != _HEADER:
        problem = f"{table.header} is unknown, every group begins with {_HEADER}"
        raise TomlFileError(source, table.line, problem)
    try:
        return GROUP.validate_python({key: located.value for key, located in table.values.items()})
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    key = str(fault["loc"][-1]) if len(fault["loc"]) > 1 else "strategy"
    line = table.values[key].line if key in table.values else table.line
    raise TomlFileError(source, line, _problem(key, fault, table))


def _problem(key: str, fault: ErrorDetails, table: Table) -> str:
    if fault["type"] == "union_tag_not_found":
        return f"the group has no strategy, must be one of {', '.join(_STRATEGIES)}"
    if fault["type"] == "union_tag_invalid":
        return f"strategy is {table.values[key].value!r}, must be one of {', '.join(_STRATEGIES)}"
    if fault["type"] == "extra_forbidden":
        strategy = str(fault["loc"][0])
        known = _STRATEGIES[strategy].model_fields
        close = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
        return f"{key} is no key of a group that plays {strategy}; {hint}"
    wanted = fault["msg"].removeprefix("Input should be ")
    return f"{key} is {fault['input']!r}, must be {wanted}"


_STRATEGIES: Final[dict[str, Any]] = {
    group.model_fields["strategy"].default: group for group in RivalGroup.__args__
}
