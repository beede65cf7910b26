"""Rivals by hand: `/rivals/…` of the admin endpoint."""

from collections.abc import Sequence
from typing import Any

from localnet.admin.requests import AdminError, FileFields, NoFields, Result, Route, Routes
from localnet.rivals.crowd import Crowd, RivalsRefused
from localnet.rivals.rival import Rival
from localnet.rivals.rivals_file import parse_rivals
from localnet.toml_files import TomlFileError


class RivalAdmin:
    """Serves `/rivals/…`: who plays, and changes of it."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd

    def routes(self) -> Routes:
        return {
            "/rivals/list": Route(NoFields, self.list),
            "/rivals/add": Route(FileFields, self.add),
            "/rivals/clear": Route(NoFields, self.clear),
        }

    async def list(self, _: NoFields) -> Result:
        return _described(self._crowd.rivals)

    async def add(self, asked: FileFields) -> Result:
        """Answers with the rivals that were added."""
        before = len(self._crowd.rivals)
        try:
            self._crowd.add(parse_rivals(asked.text, asked.source))
        except TomlFileError as error:
            raise AdminError(400, str(error), field="text", line=error.line) from None
        except RivalsRefused as error:
            raise AdminError(409, str(error)) from None
        return _described(self._crowd.rivals[before:])

    async def clear(self, _: NoFields) -> Result:
        """Answers with the rivals that there were."""
        removed = self._crowd.rivals
        self._crowd.clear()
        return _described(removed)


def _described(rivals: Sequence[Rival]) -> Result:
    return {"rivals": [_describe(rival) for rival in rivals]}


def _describe(rival: Rival) -> dict[str, Any]:
    """A rival as its file has it, without how many are like it, and what became of its transactions."""
    tally = rival.wallet.tally
    return {
        "number": rival.number,
        "address": rival.wallet.address,
        **rival.group.model_dump(exclude={"count"}),
        "succeeded": tally.succeeded,
        "failed": tally.failed,
        "refused": tally.refused,
    }
