"""Every command of `kalepool`, as the words after it."""

from collections.abc import Iterator, Sequence

import typer

from kalepool_cli.main import app


def all_commands() -> set[tuple[str, ...]]:
    """Such as ("demo",), ("farmer", "list") and ("localnet", "ctl", "status")."""
    return set(_commands(app, ()))


def all_groups() -> set[tuple[str, ...]]:
    """What has commands below it, such as ("farmer",)."""
    return {words[:length] for words in all_commands() for length in range(1, len(words))}


def command_of(words: Sequence[str]) -> tuple[str, ...]:
    """The command that a line begins with; empty if there is none."""
    lines = [command for command in all_commands() if tuple(words[: len(command)]) == command]
    return max(lines, key=len, default=())


def _commands(commands: typer.Typer, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for command in commands.registered_commands:
        assert command.callback is not None
        yield (*above, command.name or command.callback.__name__.replace("_", "-"))
    for group in commands.registered_groups:
        assert group.name is not None
        assert group.typer_instance is not None
        words = (*above, group.name)
        callback = group.typer_instance.registered_callback
        if callback is not None and callback.invoke_without_command is True:
            yield words
        yield from _commands(group.typer_instance, words)
