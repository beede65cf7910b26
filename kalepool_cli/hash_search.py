"""The search of `kalepool hash`: in a thread of its own, so that a signal ends it within milliseconds."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import Final

from kalepool_cli.hash_arguments import DifficultyRequest, RangeRequest
from miner_ext import Search, Solution

_NONCES: Final = 2**64
_LARGEST_RANGE: Final = 2**63
_TELL_WALL_SECONDS: Final = 1.0


class SearchEnded(Exception):
    """A signal ended the search. signal: its number."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.signal = number


class ThreadsRefused(Exception):
    """The system starts no more threads."""


class SearchThread:
    """Runs one search after the other until one found enough. To be used in the main thread."""

    def __init__(self, searches: Iterator[Search], enough: Callable[[Solution], bool]) -> None:
        self._searches = searches
        self._enough = enough
        self._current: Search | None = None
        self._hashes_before = 0
        self._signal: int | None = None

    def run(self) -> Solution | None:
        """The first that is enough, None without one. Raises SearchEnded, ThreadsRefused."""
        started = time.monotonic()
        tells = sys.stderr.isatty()
        with self._hearing_signals(), ThreadPoolExecutor(1, thread_name_prefix="hash") as executor:
            searching = _submit(executor, self._search_all)
            while wait([searching], _TELL_WALL_SECONDS if tells else None).not_done:
                self._tell(time.monotonic() - started)
        if tells:
            print(file=sys.stderr)
        if self._signal is not None:
            raise SearchEnded(self._signal)
        try:
            return searching.result()
        except OSError as error:
            raise ThreadsRefused(f"threads can't be started: {error.strerror}") from error

    def _search_all(self) -> Solution | None:
        for search in self._searches:
            self._current = search
            # Asked after the search can be seen by the handler: one of the two ends it.
            if self._signal is not None:
                return None
            progress = search.run()
            self._hashes_before += progress.hashes
            if progress.best is not None and self._enough(progress.best):
                return progress.best
        return None

    @contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        heard = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._end) for number in heard]
        try:
            yield
        finally:
            for number, handler in zip(heard, before, strict=True):
                signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        if self._current is not None:
            self._current.stop()

    def _tell(self, wall_seconds: float) -> None:
        now = self._current.progress().hashes if self._current is not None else 0
        millions = (self._hashes_before + now) / 1e6
        text = f"\r{millions:,.0f} million hashes, {millions / wall_seconds:.2f} MH/s"
        print(text, end="", file=sys.stderr, flush=True)


def _submit(
    executor: ThreadPoolExecutor, search_all: Callable[[], Solution | None]
) -> Future[Solution | None]:
    try:
        return executor.submit(search_all)
    except RuntimeError as error:  # what CPython makes of the system's refusal
        raise ThreadsRefused(f"threads can't be started: {error}") from error


def search(request: RangeRequest | DifficultyRequest) -> Solution | None:
    """The answer; None where no nonce that is left has the zeros. Raises SearchEnded, ThreadsRefused."""
    if isinstance(request, RangeRequest):
        whole = _search_of(request, request.nonce_from, request.nonce_count)
        return SearchThread(iter([whole]), lambda found: True).run()
    wanted = request.zeros
    return SearchThread(_to_the_last_nonce(request), lambda found: found.zeros >= wanted).run()


def _to_the_last_nonce(request: DifficultyRequest) -> Iterator[Search]:
    """In two searches at most: one takes less than all nonces."""
    for nonce_from in range(request.nonce_from, _NONCES, _LARGEST_RANGE):
        count = min(_LARGEST_RANGE, _NONCES - nonce_from)
        yield _search_of(request, nonce_from, count, target_zeros=request.zeros)


def _search_of(
    request: RangeRequest | DifficultyRequest,
    nonce_from: int,
    nonce_count: int,
    *,
    target_zeros: int | None = None,
) -> Search:
    return Search(
        request.index,
        request.entropy,
        request.farmer_key,
        nonce_from,
        nonce_count,
        threads=request.threads,
        target_zeros=target_zeros,
    )
