"""What is measured: searches in slices of a given time, and the yardstick beside them.

The yardstick is `hashlib.sha3_256`: the same permutation of 24 rounds, one for 136 bytes, on one core.
"""

import hashlib
import time
from typing import Final

from miner_ext import Search

#: Short enough that both sides of a pair see the same machine, long enough that starting one costs nothing.
SLICE_WALL_SECONDS: Final = 0.1

ENDLESS_NONCES: Final = 2**63
_INDEX: Final = 37
_ENTROPY: Final = bytes(range(32))
_FARMER_KEY: Final = bytes(range(100, 132))

# A multiple of every kernel's tile: slices begin and end where tiles do.
_GRAIN_NONCES: Final = 1 << 14

_RATE_BYTES: Final = 136
# 408 kB: more permutations a call cost more in the caches than a call costs. Of sizes from 100 to 240,000
# permutations this one gave the highest yardstick (3.65 M/s; 3.52 with 100, 3.61 with 60,000).
_YARDSTICK_PERMUTATIONS: Final = 3_000
# The padding takes at least a byte: without it there would be one permutation more.
_YARDSTICK_BUFFER: Final = bytes(_YARDSTICK_PERMUTATIONS * _RATE_BYTES - 1)


def make_search(
    isa: str, threads: int, nonce_from: int, nonce_count: int, *, target_zeros: int | None = None
) -> Search:
    return Search(
        _INDEX,
        _ENTROPY,
        _FARMER_KEY,
        nonce_from,
        nonce_count,
        threads=threads,
        target_zeros=target_zeros,
        isa=isa,
    )


def endless_search(isa: str, threads: int) -> Search:
    """One that only `stop` ends."""
    return make_search(isa, threads, 0, ENDLESS_NONCES)


def yardstick_mperms(slice_wall_seconds: float) -> float:
    """Million permutations a second of one slice, on one core."""
    permutations, spent = 0, 0.0
    started = time.perf_counter()
    while permutations == 0 or spent < slice_wall_seconds:
        hashlib.sha3_256(_YARDSTICK_BUFFER)
        permutations += _YARDSTICK_PERMUTATIONS
        spent = time.perf_counter() - started
    return permutations / spent / 1e6


class SearchLoad:
    """Slices of searching with one instruction set and so many threads, each over nonces of its own."""

    def __init__(self, isa: str, threads: int, slice_wall_seconds: float) -> None:
        self.isa = isa
        self.threads = threads
        self._slice_wall_seconds = slice_wall_seconds
        self._next_nonce = 0
        self._per_second = 0.0
        self._cpu_seconds = 0.0
        self._thread_wall_seconds = 0.0

    @property
    def cpu_share(self) -> float:
        """Of the CPU time that so many threads can have; well below 1: others were busy on this machine."""
        return self._cpu_seconds / self._thread_wall_seconds if self._thread_wall_seconds else 1.0

    def calibrate(self) -> None:
        """Learn the speed, which warms the caches and the cores up as well."""
        count, spent = _GRAIN_NONCES, 0.0
        while spent < self._slice_wall_seconds / 4:
            count *= 2
            spent = self._search(count)

    def run_slice(self) -> float:
        """Search for about the time of a slice; million hashes a second, of all threads together."""
        cpu_started = time.process_time()
        grains = round(self._per_second * self._slice_wall_seconds / _GRAIN_NONCES)
        spent = self._search(max(1, grains) * _GRAIN_NONCES)
        self._cpu_seconds += time.process_time() - cpu_started
        self._thread_wall_seconds += spent * self.threads
        return self._per_second / 1e6

    def _search(self, count: int) -> float:
        search = make_search(self.isa, self.threads, self._next_nonce, count)
        started = time.perf_counter()
        search.run()
        spent = time.perf_counter() - started
        self._next_nonce += count
        self._per_second = count / spent
        return spent

    def __repr__(self) -> str:
        return f"<SearchLoad {self.isa} threads={self.threads} {self._per_second / 1e6:.2f} MH/s>"
