"""What the tests of CommandHasher have in common: jobs, a hasher, and what its runs noted."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from structlog.typing import EventDict

from miner_ext import verify
from pooler_svc.hashers import CommandHasher, Improvement
from pooler_svc.hashers.command_lines import CommandStyle
from poolkit.wall_clock import WallClock
from tests.pooler_svc.hasher_harness import ENTROPY, KEY

RANGE, DIFFICULTY = CommandStyle.RANGE, CommandStyle.DIFFICULTY


def command_hasher(
    command: Sequence[str],
    style: CommandStyle,
    *,
    nonce_count: int = 20_000,
    run_wall_seconds: float = 600.0,
    wall_clock: WallClock | None = None,
) -> CommandHasher:
    """Unless it is about the deadline, a run has patience: it is at the lowest priority on a busy machine."""
    return CommandHasher(
        command, style, nonce_count=nonce_count, run_wall_seconds=run_wall_seconds, wall_clock=wall_clock
    )


async def with_zeros(improvements: AsyncIterator[Improvement], zeros: int) -> Improvement:
    """The first with so many; all that come before it are right, and each better than the last."""
    before = -1
    async for found in improvements:
        assert (found.farmer_id, found.block_index) == ("a", 37)
        assert found.hash == verify(37, ENTROPY, KEY, found.nonce).hash
        assert found.zeros == verify(37, ENTROPY, KEY, found.nonce).zeros > before
        assert found.seconds > 0
        before = found.zeros
        if found.zeros >= zeros:
            return found
    raise AssertionError("no more improvements")


def runs(log: Path) -> list[dict[str, Any]]:
    """What each run noted, in order."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def asked(log: Path, name: str) -> list[int]:
    """The values of an option, run for run."""
    arguments = [run["arguments"] for run in runs(log)]
    return [int(words[words.index(name) + 1]) for words in arguments]


def failures(lines: Sequence[EventDict]) -> list[str]:
    """Of the log: what went wrong."""
    return [str(line.get("error", line)) for line in lines if line["log_level"] in ("warning", "error")]


def resting(lines: Sequence[EventDict]) -> list[str]:
    """Of the log: the farmers for whom there is no more to ask, as often as it says so."""
    return [line["farmer_id"] for line in lines if line["event"] == "no more to ask of the external hasher"]
