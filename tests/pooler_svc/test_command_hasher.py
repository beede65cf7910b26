"""CommandHasher with our own `kalepool hash`, with honest programs, and with some that are not."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from kale.addresses import account_key_bytes
from pooler_svc.hashers import CommandHasher, HashJob, Improvement
from pooler_svc.hashers.command_lines import CommandStyle
from poolkit.startup_error import StartupError
from tests.pooler_svc import command_programs as programs
from tests.pooler_svc.command_harness import (
    DIFFICULTY,
    RANGE,
    asked,
    command_hasher,
    failures,
    resting,
    runs,
    with_zeros,
)
from tests.pooler_svc.hasher_harness import ENTROPY, KEY, job, started, until
from tests.poolkit.fakes import InstantWallClock
from tests.processes import has_ended

BOTH = pytest.mark.parametrize("style", [RANGE, DIFFICULTY])


@BOTH
async def test_our_own_search_is_an_external_hasher_by_either_command_line(style: CommandStyle) -> None:
    with capture_logs() as lines:
        async with started(command_hasher(programs.KALEPOOL_HASH, style)) as hasher:
            one, other = hasher.improvements(), hasher.improvements()
            await hasher.assign(job())
            found = await with_zeros(one, 2)
            assert found == await with_zeros(other, 2)
            assert found.hashes > 0
            best = hasher.best("a", 37)
            assert best is not None
            assert best.zeros >= found.zeros
            assert hasher.rates().hashes_total >= found.hashes
    assert failures(lines) == []


async def test_the_known_answer_is_found_by_our_own_search() -> None:
    known = HashJob(
        "a",
        37,
        base64.b64decode("AAAAAAn66y/43JP7M02rwTmONZoWOmu1OPYz/bmzJ8o="),
        account_key_bytes("GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE"),
        nonce_from=20495217909,
    )
    async with started(command_hasher(programs.KALEPOOL_HASH, DIFFICULTY)) as hasher:
        improvements = hasher.improvements()
        await hasher.assign(known)
        async for found in improvements:
            if found.zeros == 8:
                break
        assert found.nonce == 20495217910
        assert found.hash.hex() == "0000000099be0037e5a48324959cb9dd10965ae59511cfd1996f9b917aad9980"


@pytest.mark.parametrize(
    ("deed", "style"),
    [
        (programs.WITH_HASHRATE, RANGE),
        (programs.TALKATIVE, DIFFICULTY),
        (programs.LOUD_ON_STDERR, RANGE),
        (programs.READS_ITS_INPUT, DIFFICULTY),
    ],
    ids=["hashrate", "talkative", "loud", "reading"],
)
async def test_what_a_program_says_besides_and_asks_for_is_no_harm(
    deed: str, style: CommandStyle, tmp_path: Path
) -> None:
    hasher = command_hasher(programs.program(deed, tmp_path / "log"), style)
    with capture_logs() as lines:
        async with started(hasher):
            improvements = hasher.improvements()
            await hasher.assign(job())
            await with_zeros(improvements, 1)
    assert failures(lines) == []


async def test_a_job_assigned_before_the_start_is_not_lost(tmp_path: Path) -> None:
    hasher = command_hasher(programs.program(programs.HONEST, tmp_path / "log"), DIFFICULTY)
    improvements = hasher.improvements()
    await hasher.assign(job())
    async with started(hasher):
        await with_zeros(improvements, 1)


async def test_in_difficulty_style_each_run_asks_one_zero_more_from_behind_the_last_nonce(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    async with started(command_hasher(programs.program(programs.HONEST, log), DIFFICULTY)) as hasher:
        improvements = hasher.improvements()
        await hasher.assign(job(nonce_from=1000))
        found = [improvement async for improvement in _until_zeros(improvements, 3)]
        await until(lambda: len(runs(log)) > len(found))
    words = [run["arguments"] for run in runs(log)]
    assert [int(each[2]) for each in words[: len(found)]] == [1000, *(each.nonce + 1 for each in found[:-1])]
    assert [int(each[3]) for each in words[: len(found)]] == [1, *(each.zeros + 1 for each in found[:-1])]
    assert [each.hashes for each in found] == [each.nonce - 999 for each in found]


async def _until_zeros(improvements: AsyncIterator[Improvement], zeros: int) -> AsyncIterator[Improvement]:
    async for found in improvements:
        yield found
        if found.zeros >= zeros:
            return


@pytest.mark.parametrize("deed", [programs.HONEST, programs.ALWAYS_THE_SAME], ids=["from 0", "the same"])
async def test_in_range_style_a_program_that_begins_alike_is_asked_for_twice_as_much_each_time(
    deed: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    async with started(command_hasher(programs.program(deed, log), RANGE, nonce_count=1000)) as hasher:
        await hasher.assign(job())
        await until(lambda: len(runs(log)) >= 5)
    counts = asked(log, "--nonce-count")
    first = 0 if deed == programs.HONEST else 1
    assert counts[first:5] == [1000 << number for number in range(5 - first)]


async def test_in_range_style_a_program_that_begins_anywhere_is_asked_for_the_same_each_time(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    async with started(command_hasher(programs.program(programs.ANYWHERE, log), RANGE)) as hasher:
        await hasher.assign(job())
        await until(lambda: len(runs(log)) >= 5)
        assert hasher.rates().hashes_total >= 4 * 20_000
        assert hasher.rates().hashes_total % 20_000 == 0
    assert set(asked(log, "--nonce-count")) == {20_000}


async def test_a_job_whose_next_range_would_miss_the_deadline_rests(tmp_path: Path) -> None:
    log, clock = tmp_path / "log", InstantWallClock()

    async def run_lasts(number: int, wall_seconds: float) -> None:
        await until(lambda: len(runs(log)) == number)
        clock.advance(wall_seconds)
        (tmp_path / f"log.{number}").touch()

    hasher = command_hasher(
        programs.program(programs.GATED, log), RANGE, run_wall_seconds=600, wall_clock=clock
    )
    with capture_logs() as lines:
        async with started(hasher):
            await hasher.assign(job())
            await run_lasts(1, 299)
            await run_lasts(2, 301)
            await until(lambda: resting(lines) == ["a"])
            await hasher.assign(job("b", entropy=bytes(32)))
            await run_lasts(3, 301)
            await until(lambda: resting(lines) == ["a", "b"])
            assert hasher.pid is None
            assert hasher.best("b", 37) is not None
    assert asked(log, "--nonce-count") == [20_000, 40_000, 20_000]
    assert failures(lines) == []


@pytest.mark.parametrize(
    ("deed", "run_wall_seconds"), [(programs.HANGING, 0.1), (programs.DEAD, 600)], ids=["overdue", "failed"]
)
async def test_a_job_that_rests_after_a_run_without_an_answer_is_told_once(
    deed: str, run_wall_seconds: float, tmp_path: Path
) -> None:
    command = programs.program(deed, tmp_path / "log")
    last = 2**63 - 1
    with capture_logs() as lines:
        async with started(command_hasher(command, DIFFICULTY, run_wall_seconds=run_wall_seconds)) as hasher:
            await hasher.assign(job("a", nonce_from=last))
            await until(lambda: resting(lines) == ["a"])
            await hasher.assign(job("b", nonce_from=last, entropy=bytes(32)))
            await until(lambda: len(resting(lines)) >= 2)
    assert resting(lines) == ["a", "b"]


async def test_jobs_get_wall_time_by_their_weight(tmp_path: Path) -> None:
    log = tmp_path / "log"
    clock = RunsClock(log, {ENTROPY: 2.0, bytes(32): 1.0})
    command = programs.program(programs.ANYWHERE, log)
    async with started(command_hasher(command, RANGE, run_wall_seconds=600, wall_clock=clock)) as hasher:
        await hasher.assign(job("a", weight=3))
        await hasher.assign(job("b", entropy=bytes(32)))
        await until(lambda: len(runs(log)) >= 15)
    assert clock.wall_seconds_of(ENTROPY, 15) == 3 * clock.wall_seconds_of(bytes(32), 15) == 18.0


class RunsClock:
    """Each run that is noted in the log moves it by what is said of its entropy, however long it takes."""

    def __init__(self, log: Path, wall_seconds: dict[bytes, float]) -> None:
        self._log = log
        self._wall_seconds = wall_seconds

    def wall_seconds_of(self, entropy: bytes, runs_begun: int | None = None) -> float:
        """Of the first so many runs, of all without a number: those with the entropy."""
        entropies = [run["arguments"][5] for run in runs(self._log)[:runs_begun]]
        return entropies.count(entropy.hex()) * self._wall_seconds[entropy]

    def monotonic(self) -> float:
        return sum(self.wall_seconds_of(entropy) for entropy in self._wall_seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_the_arguments_go_where_the_braces_are(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = (*programs.program(programs.HONEST, log), "{}", "--max-threads", "1")
    async with started(command_hasher(command, DIFFICULTY)) as hasher:
        await hasher.assign(job())
        await until(lambda: bool(runs(log)))
    entropy = base64.b64encode(ENTROPY).decode()
    words = runs(log)[0]["arguments"]
    assert words[:4] == ["37", entropy, "0", "1"]
    assert account_key_bytes(words[4]) == KEY
    assert words[5:] == ["--max-threads", "1"]


# --- Misbehaviour ---


@pytest.mark.parametrize(
    ("deed", "style", "texts"),
    [
        (programs.DEAD, RANGE, ["must end with exit code 0, got exit code 1", "'no GPU here'"]),
        (programs.SHOT, DIFFICULTY, ["got signal SIGSEGV"]),
        (programs.SILENT, RANGE, ['must print [nonce, "hash"] as its last line, got 0 bytes']),
        (programs.GARBLED, DIFFICULTY, ["a JSON object with hash and nonce, got 21 bytes", "No valid hash"]),
        (programs.LYING, RANGE, ["a wrong hash was reported for nonce 5", "got " + "00" * 32]),
        (programs.LYING, DIFFICULTY, ["a wrong hash was reported for nonce 5", "got " + "00" * 32]),
        (programs.BEYOND, RANGE, [f"from 0 to {2**64 - 1}, got {2**64}"]),
        (programs.LONG_LINE, RANGE, ["must print lines of at most 65536 bytes, got "]),
        (programs.FLOODING, DIFFICULTY, ["must print at most 1048576 bytes, got "]),
        (programs.TOO_EASY, DIFFICULTY, ["must have at least 1 zeros, got 0"]),
    ],
    ids=["dead", "shot", "silent", "garbled", "lie", "other lie", "beyond", "line", "flood", "easy"],
)
async def test_a_program_that_misbehaves_is_named_with_limit_and_value_and_tried_again(
    deed: str, style: CommandStyle, texts: list[str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    hasher = command_hasher(programs.misbehaving_once(deed, log), style)
    with capture_logs() as lines:
        async with started(hasher):
            improvements = hasher.improvements()
            await hasher.assign(job())
            await with_zeros(improvements, 1)
    assert all(text in failures(lines)[0] for text in texts), failures(lines)
    assert all(has_ended(run["pid"]) for run in runs(log))


async def test_a_program_that_goes_on_misbehaving_is_tried_after_pauses_that_grow(tmp_path: Path) -> None:
    log = tmp_path / "log"
    hasher = CommandHasher(programs.program(programs.GARBLED, log), RANGE, wall_clock=(clock := HastyClock()))
    async with started(hasher):
        await hasher.assign(job())
        await until(lambda: len(clock.pauses) >= 5)
        assert hasher.best("a", 37) is None
    # Each is drawn between half and all of its step, and the step doubles.
    assert all(0.1 * 2**step <= clock.pauses[step] <= 0.2 * 2**step for step in range(5))


class HastyClock:
    """Notes how long it was to sleep, and doesn't."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


async def test_a_job_that_always_fails_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    deed = "tell(1) if puzzle[1] == bytes(32) else sys.exit(1)"
    async with started(command_hasher(programs.program(deed, tmp_path / "log"), RANGE)) as hasher:
        await hasher.assign(job("a"))
        await hasher.assign(job("b", entropy=bytes(32)))
        await until(lambda: hasher.best("b", 37) is not None)
        assert hasher.best("a", 37) is None


@pytest.mark.parametrize(
    ("content", "mode", "text"),
    [
        (None, 0, "No such file or directory"),
        ("#!/bin/sh\n", 0o644, "Permission denied"),
    ],
    ids=["missing", "no permission"],
)
async def test_what_the_system_can_not_execute_is_a_startup_error(
    content: str | None, mode: int, text: str, tmp_path: Path
) -> None:
    miner = tmp_path / "miner"
    if content is not None:
        miner.write_text(content)
        miner.chmod(mode)
    hasher = command_hasher((str(miner),), RANGE)
    with pytest.raises(StartupError, match="the external hasher can't run: ") as caught:
        await hasher.start()
    assert f"{miner}: {text}" in str(caught.value)
    await hasher.stop()
