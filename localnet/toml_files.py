"""TOML files of whoever starts a localnet: read with the line of every key, so that refusals can name it.

What `tomllib` reads, statement by statement.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from poolkit.startup_error import StartupError

MAX_BYTES: Final = 64 * 1024
MAX_STATEMENT_LINES: Final = 100

_LINE = re.compile(r"\(at line (\d+), column \d+\)")


class TomlError(Exception):
    """A text that is no TOML; `line` counts from 1."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


class TomlFileError(StartupError):
    """A file that is refused; `line` counts from 1."""

    def __init__(self, source: str, line: int, problem: str) -> None:
        super().__init__(f"{source}, line {line}: {problem}")
        self.line = line


@dataclass(frozen=True)
class Located:
    """A value and the line where its key stands."""

    value: Any
    line: int


@dataclass(frozen=True)
class Table:
    """The keys under one header; `header` is empty for those before the first."""

    header: str
    line: int
    values: dict[str, Located] = field(default_factory=dict)


def read_named_file(name: str, what: str, examples: Path, example_names: Collection[str]) -> str:
    """The text of an example by its name, or of a file by its path.

    No more of it than is too long. Raises TomlFileError if it is no text, StartupError if there is no file.
    """
    path = examples / f"{name}.toml" if name in example_names else Path(name)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        known = ", ".join(example_names)
        problem = f"{what} {name}: neither one of {known} nor a file that can be read: {error.strerror}"
        raise StartupError(problem) from error
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise TomlFileError(name, line, "the text is not UTF-8") from error


def tables_of(text: str, source: str) -> list[Table]:
    """The tables of a text; `source` is what its refusals call it. Raises TomlFileError."""
    if len(text.encode()) > MAX_BYTES:
        raise TomlFileError(source, 1, f"the file is too long, at most {MAX_BYTES} bytes are read")
    try:
        return read_tables(text)
    except TomlError as error:
        raise TomlFileError(source, error.line, str(error)) from error


def read_tables(text: str) -> list[Table]:
    """The tables of a text in their order, the one without a header first. Raises TomlError."""
    text = text.replace("\r\n", "\n")
    _check(text)
    tables = [Table("", 1)]
    for line, statement in _statements(text):
        if statement.lstrip().startswith("["):
            tables.append(Table(statement.partition("#")[0].strip(), line))
        else:
            parsed = tomllib.loads(statement)
            tables[-1].values.update({key: Located(value, line) for key, value in parsed.items()})
    return tables


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each statement with its first line.

    A statement ends with a line; it is whole as soon as it can be parsed by itself: what is cut off inside
    of an array or of a text over several lines is no TOML.
    """
    pending: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        pending.append(line)
        if len(pending) > MAX_STATEMENT_LINES:
            first = number - MAX_STATEMENT_LINES
            raise TomlError(first, f"a value spans more than {MAX_STATEMENT_LINES} lines")
        statement = "\n".join(pending)
        try:
            parsed: Mapping[str, Any] = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        except RecursionError:
            raise TomlError(number - len(pending) + 1, "values are nested too deeply") from None
        if parsed:
            yield number - len(pending) + 1, statement
        pending = []


def _check(text: str) -> None:
    """`tomllib` names the line of what it cannot read, or the end of the text."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else len(text.split("\n"))
        raise TomlError(line, _LINE.sub("", str(error)).strip()) from error
    except RecursionError:
        pass  # whoever reads the statements meets it in its line
