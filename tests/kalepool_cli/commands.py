"""Every command of `kalepool`, as the words after it."""

from collections.abc import Iterator

import typer

from kalepool_cli.main import app


def all_commands() -> set[tuple[str, ...]]:
    """Such as ("demo",) and ("farmer", "list")."""
    words: set[tuple[str, ...]] = {(name,) for name in _names(app)}
    for group in app.registered_groups:
        assert group.name is not None
        assert group.typer_instance is not None
        words |= {(group.name, name) for name in _names(group.typer_instance)}
    return words


def all_groups() -> set[str]:
    """Those whose commands have two words, such as "farmer"."""
    return {words[0] for words in all_commands() if len(words) == 2}


def _names(commands: typer.Typer) -> Iterator[str]:
    for command in commands.registered_commands:
        assert command.callback is not None
        yield command.name or command.callback.__name__.replace("_", "-")
