"""ProcessHasher with the real hasher process, and with programs that misbehave."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from miner_ext import verify
from pooler_svc.hashers import HashJob, Improvement, ProcessHasher
from poolkit.startup_error import StartupError
from tests.pooler_svc import hasher_programs
from tests.pooler_svc.hasher_harness import ENTROPY, KEY, job, started, until


def own_hasher(*, threads: int | None = 1, isa: str | None = None) -> ProcessHasher:
    """Not at the lowest priority, at which it would have to wait for whatever else a machine has to do."""
    return ProcessHasher(threads=threads, niceness=0, isa=isa)


async def next_of(improvements: AsyncIterator[Improvement], farmer_id: str = "a") -> Improvement:
    async for improvement in improvements:
        if improvement.farmer_id == farmer_id:
            return improvement
    raise AssertionError("no more improvements")


async def test_improvements_are_told_to_everyone_and_remembered() -> None:
    async with started(own_hasher()) as hasher:
        one, other = hasher.improvements(), hasher.improvements()
        await hasher.assign(job())
        zeros = -1
        while zeros < 4:
            found = await next_of(one)
            assert found == await next_of(other)
            solution = verify(37, ENTROPY, KEY, found.nonce)
            assert (found.hash, found.zeros) == (solution.hash, solution.zeros)
            assert found.zeros > zeros
            assert (found.farmer_id, found.block_index) == ("a", 37)
            assert found.hashes > found.nonce
            assert found.seconds > 0
            zeros = found.zeros
        best = hasher.best("a", 37)
        assert best is not None
        assert best.zeros >= zeros


async def test_many_farmers_are_hashed_for_at_once() -> None:
    names = [f"farmer {number}" for number in range(20)]
    async with started(own_hasher(threads=None)) as hasher:
        for name in names:
            await hasher.assign(job(name, entropy=name.encode().ljust(32)))
        await until(lambda: all(hasher.best(name, 37) is not None for name in names))


async def test_a_job_assigned_before_the_start_is_not_lost() -> None:
    hasher = own_hasher()
    improvements = hasher.improvements()
    await hasher.assign(job())
    async with started(hasher):
        assert (await next_of(improvements)).farmer_id == "a"


async def test_a_cancelled_job_is_forgotten() -> None:
    async with started(own_hasher()) as hasher:
        improvements = hasher.improvements()
        await hasher.assign(job("a"))
        await next_of(improvements)
        await hasher.cancel("a", 37)
        await hasher.cancel("a", 37)
        await hasher.cancel("never assigned", 1)
        assert hasher.best("a", 37) is None
        await hasher.assign(job("b", nonce_from=1))
        assert (await next_of(improvements, "b")).nonce >= 1
        assert hasher.best("a", 37) is None


async def test_another_puzzle_for_the_same_farmer_and_block_starts_anew() -> None:
    async with started(own_hasher()) as hasher:
        improvements = hasher.improvements()
        await hasher.assign(job())
        await next_of(improvements)
        await hasher.assign(job(weight=5))
        assert hasher.best("a", 37) is not None
        await hasher.assign(job(entropy=bytes(32)))
        assert hasher.best("a", 37) is None
        found = await next_of(improvements)
        assert found.hash == verify(37, bytes(32), KEY, found.nonce).hash


async def test_a_killed_process_is_replaced_and_its_jobs_go_on() -> None:
    """This puzzle's first 6 zeros lie behind the kill: they are found there, and the counts go on."""
    puzzle, good_nonce = job(entropy=bytes([14] * 32)), 21_525_367
    async with started(own_hasher(isa="portable")) as hasher:
        improvements = hasher.improvements()
        await hasher.assign(puzzle)
        await until(lambda: hasher.rates().hashes_total > 300_000)
        killed, before = hasher.pid, hasher.rates().hashes_total
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        zeros = -1
        while zeros < 6:
            found = await next_of(improvements)
            assert found.zeros > zeros
            zeros = found.zeros
        assert found.nonce == good_nonce
        assert found.hashes > good_nonce
        await until(lambda: hasher.pid not in (None, killed))
        await until(lambda: hasher.rates().hashes_total > good_nonce)
        assert hasher.rates().hashes_total > before


async def test_jobs_can_be_assigned_and_cancelled_while_there_is_no_process() -> None:
    async with started(own_hasher()) as hasher:
        await hasher.assign(job("a"))
        assert hasher.pid is not None
        os.kill(hasher.pid, signal.SIGKILL)
        await until(lambda: hasher.pid is None)
        await hasher.assign(job("b"))
        await hasher.cancel("a", 37)
        await until(lambda: hasher.best("b", 37) is not None)
        assert hasher.best("a", 37) is None


async def test_rates_follow_the_hashing() -> None:
    async with started(own_hasher()) as hasher:
        assert hasher.rates().hashes_total == 0
        await hasher.assign(job())
        await until(lambda: hasher.rates().hashes_total > 1_000_000)
        rates = hasher.rates()
        assert min(rates.per_second_1s, rates.per_second_1m, rates.per_second_10m) > 0
        await hasher.cancel("a", 37)
        await until(lambda: hasher.rates().per_second_1s == 0)


async def test_stop_ends_process_and_iterators() -> None:
    hasher = ProcessHasher()
    await hasher.start()
    improvements = hasher.improvements()
    await hasher.assign(job())
    pid = hasher.pid
    assert pid is not None
    await hasher.stop()
    await hasher.stop()
    assert hasher.pid is None
    assert not psutil.pid_exists(pid)
    found = [improvement.zeros async for improvement in improvements]
    assert found == sorted(found)
    assert [improvement async for improvement in hasher.improvements()] == []
    assert repr(hasher) == "<ProcessHasher pid=None jobs=1>"


@pytest.mark.parametrize(
    ("program", "text"),
    [
        (hasher_programs.NOT_THERE, "/nonexistent/hasher: No such file or directory"),
        (hasher_programs.DEAD_AT_ONCE, "did not report that it is ready"),
        (hasher_programs.NEVER_READY, "sent 'hello'"),
    ],
)
async def test_a_program_that_can_not_hash_is_a_startup_error(program: tuple[str, ...], text: str) -> None:
    hasher = ProcessHasher(program=program)
    with pytest.raises(StartupError, match="the hasher can't run: ") as caught:
        await hasher.start()
    assert text in str(caught.value)
    await hasher.stop()


@pytest.mark.parametrize(
    "deed",
    [
        hasher_programs.GARBLED,
        hasher_programs.LYING,
        hasher_programs.SILENT,
        hasher_programs.STUCK,
        hasher_programs.ONE_STUCK,
    ],
    ids=["garbled", "lying", "silent", "stuck", "one stuck"],
)
async def test_a_process_that_misbehaves_is_replaced(deed: str, tmp_path: Path) -> None:
    program = hasher_programs.misbehaving_once(deed, tmp_path)
    async with started(ProcessHasher(program=program, silence_wall_seconds=2.0)) as hasher:
        first = hasher.pid
        improvements = hasher.improvements()
        await hasher.assign(job())
        found = await next_of(improvements)
        assert found.hash == verify(37, ENTROPY, KEY, found.nonce).hash
        assert hasher.pid not in (None, first)


async def test_what_is_under_way_of_a_replaced_job_is_not_taken_for_its_successors(tmp_path: Path) -> None:
    """The lateness would make the new process, after the silent one, begin at 10^12."""
    program = hasher_programs.misbehaving_once(hasher_programs.LATE, tmp_path)
    async with started(ProcessHasher(program=program, silence_wall_seconds=2.0)) as hasher:
        first = hasher.pid
        await hasher.assign(job())
        await until(lambda: hasher.rates().hashes_total == 10**12)
        assert hasher.pid == first
        assert hasher.best("a", 37) is None
        found = await next_of(hasher.improvements())
        assert found.nonce < 10**9
        assert hasher.pid not in (None, first)


async def test_the_weight_of_a_job_that_has_tried_every_nonce_can_still_be_set() -> None:
    async with started(own_hasher()) as hasher:
        improvements = hasher.improvements()
        await hasher.assign(job(nonce_from=2**64 - 10))
        await next_of(improvements)
        await until(lambda: hasher.rates().hashes_total == 10)
        await hasher.assign(job(nonce_from=2**64 - 10, weight=3))
        await hasher.assign(job("b"))
        await next_of(improvements, "b")


async def test_a_process_that_reads_nothing_any_more_does_not_keep_the_hasher_from_stopping() -> None:
    hasher = ProcessHasher(program=hasher_programs.DEAF)
    await hasher.start()
    pid = hasher.pid
    assert pid is not None
    assigning = [asyncio.create_task(hasher.assign(job(f"{number:04}"))) for number in range(2_000)]
    await asyncio.wait(assigning, return_when=asyncio.FIRST_COMPLETED)
    async with asyncio.timeout(60):
        await hasher.stop()
        await asyncio.wait(assigning)
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (HashJob("a", -1, ENTROPY, KEY, 0), "index must be from 0 to 4294967295, got -1"),
        (HashJob("a", 1, ENTROPY[1:], KEY, 0), "entropy must be 32 bytes, got 31"),
        (HashJob("a", 1, ENTROPY, b"", 0), "farmer_key must be 32 bytes, got 0"),
        (
            HashJob("a", 1, ENTROPY, KEY, 2**64),
            "must be from 0 to 18446744073709551615, got 18446744073709551616",
        ),
        (HashJob("a", 1, ENTROPY, KEY, 0, 0), "weight must be from 1 to 4294967295, got 0"),
    ],
)
async def test_a_wrong_job_is_refused_and_leaves_no_trace(wrong: HashJob, text: str) -> None:
    hasher = ProcessHasher()
    with pytest.raises(ValueError, match=text):
        await hasher.assign(wrong)
    assert repr(hasher) == "<ProcessHasher pid=None jobs=0>"
