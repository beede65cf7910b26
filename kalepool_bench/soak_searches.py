"""The searches of the soak: every way in which one can begin, change and end."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from kalepool_bench.workload import ENDLESS_NONCES, make_search
from miner_ext import Progress, Search
from miner_ext.hasher import HashingThreads, ReportWriter
from miner_ext.shares import Job, JobKey

_TILES_NONCES: Final = 1 << 13
_NONCES: Final = 2**64
_HASHING_THREADS: Final = 2
_POLL_WALL_SECONDS: Final = 0.0001
_STALLED_WALL_SECONDS: Final = 30.0


class SoakFailed(Exception):
    """A search did what it must not."""


class DirectSearches:
    """Searches by the C extension itself."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="soak")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown()

    def play(self, isa: str) -> int:
        """Search once in each way; returns how often that was."""
        ways = (
            self._search_to_the_end,
            self._search_for_a_target,
            self._stop_before_the_run,
            self._stop_at_once,
            self._stop_later,
        )
        for search in ways:
            search(isa)
        return len(ways)

    def _search_to_the_end(self, isa: str) -> None:
        count = self._source.randrange(_TILES_NONCES)
        search = make_search(isa, self._source.choice((1, 3)), self._nonce_from(), count)
        _expect(search.run().hashes == count, "a search ended before its range did")

    def _search_for_a_target(self, isa: str) -> None:
        target = self._source.choice((1, 2))
        best = make_search(isa, 1, self._nonce_from(), ENDLESS_NONCES, target_zeros=target).run().best
        _expect(best is not None and best.zeros >= target, "a search ended without its target")

    def _stop_before_the_run(self, isa: str) -> None:
        search = self._endless(isa)
        search.stop()
        _expect(search.run() == Progress((None, 0)), "a search ran that had been stopped before")

    def _stop_at_once(self, isa: str) -> None:
        self._stop_after(self._endless(isa), 0.0)

    def _stop_later(self, isa: str) -> None:
        self._stop_after(self._endless(isa), self._source.uniform(0.0001, 0.001))

    def _stop_after(self, search: Search, run_wall_seconds: float) -> None:
        returned = self._executor.submit(search.run)
        try:
            if run_wall_seconds > 0:
                time.sleep(run_wall_seconds)
        finally:
            search.stop()
        _expect(returned.result() == search.progress(), "a search went on after its end")

    def _endless(self, isa: str) -> Search:
        return make_search(isa, self._source.choice((1, 2)), self._nonce_from(), ENDLESS_NONCES)

    def _nonce_from(self) -> int:
        return self._source.randrange(ENDLESS_NONCES)


class HasherSearches:
    """Searches by the threads of the hasher process, here within this one."""

    def __init__(self, source: random.Random) -> None:
        self._source = source
        self._sink = open(os.devnull, "wb")  # noqa: SIM115 - closed at the end of the soak
        self._hashing = self._start()
        self._block_index = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hashing.end()
        self._sink.close()

    def restart(self) -> None:
        self._hashing.end()
        self._hashing = self._start()

    def play(self) -> int:
        """A block of three farmers; returns how many searches began. Nothing is open at its end."""
        self._block_index += 1
        begun_before = self._hashing.searches
        short = self._job("short", next_nonce=_NONCES - self._source.randrange(1, _TILES_NONCES))
        steady, replaced = self._job("steady"), self._job("replaced")
        for job in (short, steady, replaced):
            self._hashing.assign(job)
        # With two threads the third begins when the first has tried its last nonce.
        self._wait_for_searches(begun_before + 3)
        for _ in range(3):
            self._hashing.assign(self._job("steady", entropy=steady.entropy))
        self._hashing.assign(self._job("replaced"))
        self._hashing.cancel(steady.key)
        # The thread that is free now begins the new puzzle, while the other may still be at the old one.
        self._wait_for_searches(begun_before + 4)
        self._hashing.cancel(replaced.key)
        self._hashing.cancel(short.key)
        return self._hashing.searches - begun_before

    def _start(self) -> HashingThreads:
        hashing = HashingThreads(_HASHING_THREADS, ReportWriter(self._sink))
        hashing.start()
        return hashing

    def _job(self, farmer_id: str, *, entropy: bytes | None = None, next_nonce: int = 0) -> Job:
        return Job(
            key=JobKey(farmer_id, self._block_index),
            entropy=entropy or self._source.randbytes(32),
            farmer_key=bytes(32),
            next_nonce=next_nonce,
            weight=self._source.randint(1, 10),
        )

    def _wait_for_searches(self, count: int) -> None:
        until = time.monotonic() + _STALLED_WALL_SECONDS
        while self._hashing.searches < count:
            _expect(time.monotonic() < until, f"the hasher began no search for {_STALLED_WALL_SECONDS:g} s")
            time.sleep(_POLL_WALL_SECONDS)


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SoakFailed(otherwise)
