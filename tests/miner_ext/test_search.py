import random
import subprocess
import sys
import threading

import pytest

from miner_ext import Progress, Search
from tests.miner_ext.puzzles import SEED, Puzzle, best_of, random_puzzle

PUZZLE = Puzzle(37, bytes(range(32)), bytes(range(100, 132)))
LAST_NONCE = 2**64 - 1
YEARS = 2**64 - 1  # nonces: a search that only `stop` can end


@pytest.mark.parametrize("nonce_from", [0, 2**32 - 20, 2**64 - 40])
def test_all_small_ranges_equal_brute_force(nonce_from: int) -> None:
    """From zero, across the carry into the nonce's upper half, and up to the last nonce of all."""
    solutions = [PUZZLE.solve_in_python(nonce_from + offset) for offset in range(40)]
    for count in range(41):
        assert PUZZLE.search(nonce_from, count).run() == Progress((best_of(solutions[:count]), count))


def test_random_ranges_equal_hashing_each_nonce_in_full() -> None:
    """The kernel looks at one lane of the last round; `verify` computes all of it."""
    source = random.Random(SEED)
    for _ in range(100):
        puzzle, nonce_from = random_puzzle(source), source.randrange(2**64 - 500)
        solutions = [puzzle.verify(nonce) for nonce in range(nonce_from, nonce_from + 500)]
        assert puzzle.search(nonce_from, 500).run().best == best_of(solutions), (puzzle, nonce_from)


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 40])
def test_the_answer_does_not_depend_on_the_number_of_threads(threads: int) -> None:
    nonce_from, count = 2**32 - 150_000, 300_001
    expected = best_of([PUZZLE.verify(nonce) for nonce in range(nonce_from, nonce_from + count)])
    assert PUZZLE.search(nonce_from, count, threads=threads).run() == Progress((expected, count))


@pytest.mark.parametrize("threads", [1, 2])
def test_the_lowest_nonce_wins_among_equals(threads: int) -> None:
    """A best at the start of the range is not displaced by later ones with as many zeros."""
    first = PUZZLE.search(0, 1_000_000, threads=threads).run().best
    assert first is not None
    rest = PUZZLE.search(first.nonce, 1_000_000 - first.nonce, threads=threads).run().best
    assert rest == first


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_stopped_search_has_done_exactly_the_front_of_its_range(threads: int) -> None:
    search = PUZZLE.search(2**32 - 10_000, 2**63, threads=threads)
    runner = Runner(search)
    seen = runner.wait_for_hashes(50_000)
    search.stop()
    progress = runner.result()
    assert seen.hashes <= progress.hashes < 2**63
    assert progress == PUZZLE.search(2**32 - 10_000, progress.hashes).run()
    assert search.progress() == progress


def test_progress_is_readable_while_the_search_runs() -> None:
    search = PUZZLE.search(0, YEARS, threads=2)
    assert search.progress() == Progress((None, 0))
    runner = Runner(search)
    hashes, zeros = 0, 0
    while hashes < 200_000:
        progress = search.progress()
        assert progress.hashes >= hashes
        if progress.hashes > 0:
            assert progress.best is not None
            assert progress.best.zeros >= zeros
            assert progress.best == PUZZLE.verify(progress.best.nonce)
            zeros = progress.best.zeros
        hashes = progress.hashes
    search.stop()
    assert runner.result().hashes >= hashes


def test_a_search_stopped_before_it_runs_does_nothing() -> None:
    search = PUZZLE.search(0, YEARS, threads=3)
    search.stop()
    assert search.run() == Progress((None, 0))


def test_a_search_runs_once() -> None:
    search = PUZZLE.search(0, 10)
    search.run()
    with pytest.raises(RuntimeError, match="a Search runs once"):
        search.run()


def test_a_search_that_runs_can_not_be_run_again() -> None:
    search = PUZZLE.search(0, YEARS)
    runner = Runner(search)
    runner.wait_for_hashes(1)
    with pytest.raises(RuntimeError, match="a Search runs once"):
        search.run()
    search.stop()
    runner.result()


def test_several_searches_run_at_once() -> None:
    source = random.Random(SEED)
    puzzles = [random_puzzle(source) for _ in range(4)]
    runners = [Runner(puzzle.search(5, 60_000)) for puzzle in puzzles]
    for puzzle, runner in zip(puzzles, runners, strict=True):
        assert runner.result() == puzzle.search(5, 60_000, threads=2).run()


def test_arguments_are_copied() -> None:
    entropy, key = bytearray(PUZZLE.entropy), bytearray(PUZZLE.farmer_key)
    search = Search(PUZZLE.index, entropy, key, 0, 1000)
    entropy[:] = key[:] = bytes(32)
    assert search.run() == PUZZLE.search(0, 1000).run()


def test_the_last_nonce_of_all_can_be_searched() -> None:
    assert PUZZLE.search(LAST_NONCE, 1).run() == Progress((PUZZLE.solve_in_python(LAST_NONCE), 1))


@pytest.mark.parametrize(
    ("changed", "error", "text"),
    [
        ({"index": -1}, ValueError, "index must be from 0 to 4294967295, got -1"),
        ({"index": 2**32}, ValueError, "index must be from 0 to 4294967295, got 4294967296"),
        ({"index": 1.0}, TypeError, "index must be an int, got float"),
        ({"entropy": bytes(31)}, ValueError, "entropy must be 32 bytes, got 31"),
        ({"entropy": bytes(33)}, ValueError, "entropy must be 32 bytes, got 33"),
        ({"entropy": "e" * 32}, TypeError, "entropy must be bytes, got str"),
        ({"farmer_key": b""}, ValueError, "farmer_key must be 32 bytes, got 0"),
        ({"farmer_key": None}, TypeError, "farmer_key must be bytes, got NoneType"),
        ({"nonce_from": -1}, ValueError, "nonce_from must be from 0 to 18446744073709551615, got -1"),
        ({"nonce_from": 2**64}, ValueError, "from 0 to 18446744073709551615, got 18446744073709551616"),
        ({"nonce_from": "0"}, TypeError, "nonce_from must be an int, got str"),
        ({"nonce_count": -5}, ValueError, "nonce_count must be from 0 to 18446744073709551615, got -5"),
        ({"nonce_count": 2**200}, ValueError, "nonce_count must be from 0 to 18446744073709551615, got 1606"),
        (
            {"nonce_from": 2**64 - 3, "nonce_count": 4},
            ValueError,
            r"nonce_from \+ nonce_count must be at most 2\*\*64 = 18446744073709551616, "
            r"got 18446744073709551613 \+ 4",
        ),
        ({"nonce_from": 2, "nonce_count": 2**64 - 1}, ValueError, "must be at most"),
        ({"threads": 0}, ValueError, "threads must be from 1 to 1024, got 0"),
        ({"threads": 1025}, ValueError, "threads must be from 1 to 1024, got 1025"),
        ({"threads": None}, TypeError, "threads must be an int, got NoneType"),
        ({"speed": 1}, TypeError, "speed"),
    ],
)
def test_bad_arguments_are_refused_with_limit_and_value(
    changed: dict[str, object], error: type[Exception], text: str
) -> None:
    good: dict[str, object] = {
        "index": 1,
        "entropy": bytes(32),
        "farmer_key": bytes(32),
        "nonce_from": 0,
        "nonce_count": 1,
    }
    build: type[object] = Search
    with pytest.raises(error, match=text):
        build(**(good | changed))


def test_threads_that_can_not_be_started_are_an_error_and_end_the_run() -> None:
    """In a process of its own, with room for few thread stacks."""
    code = """
import resource
from miner_ext import Search
resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))
search = Search(37, bytes(32), bytes(32), 0, 2**64 - 1, threads=1024)
try:
    search.run()
except OSError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("cannot start 1024 threads: "), ended


def test_a_search_shows_what_it_searches() -> None:
    text = "<Search index=37 nonce_from=5 nonce_count=9 threads=2 isa=portable>"
    assert repr(PUZZLE.search(5, 9, threads=2, isa="portable")) == text


class Runner:
    """A search running in a thread of its own."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._result: Progress | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self._result = self._search.run()

    def wait_for_hashes(self, hashes: int) -> Progress:
        while (progress := self._search.progress()).hashes < hashes:
            self._thread.join(0.001)
        return progress

    def result(self) -> Progress:
        self._thread.join()
        assert self._result is not None
        return self._result
