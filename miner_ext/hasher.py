"""The hasher process: `python -m miner_ext.hasher [--threads N] [--cpus LIST] [--nice N]`.

Hashes for many farmers at once, by fair shares, in a process of its own, at nice level 19 unless told
otherwise: busy cores never starve the services, and a crash never takes the Pooler along. Commands come on
stdin, reports go to stdout, one JSON object a line; hasher_messages.py describes them. It ends on the command
`stop`, at the end of stdin and when nobody reads its stdout.
"""

import argparse
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final

from miner_ext import MAX_THREADS, Search, kernel_name
from miner_ext.hasher_messages import (
    Assign,
    Cancel,
    Command,
    Improved,
    JobHashes,
    MalformedLine,
    Progressed,
    Ready,
    Refused,
    Report,
    Stop,
    decode_command,
    encode,
    shown,
)
from miner_ext.scheduling import NICEST, parse_cpus, stay_on, usable_cpus, yield_to_everybody
from miner_ext.shares import Job, JobKey, Shares, Slice
from miner_ext.slice_size import SliceSize

_PROGRESS_WALL_SECONDS: Final = 0.25
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_EXIT_USAGE: Final = 2


class ReportWriter:
    """Writes whole lines, from any thread. Ends the process when nobody reads them any more."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def write(self, report: Report) -> None:
        with self._lock:
            try:
                self._stream.write(encode(report))
                self._stream.flush()
            except OSError:
                os._exit(1)


class HashingThreads:
    """The worker threads, the jobs that they share, and the progress reporter.

    `_changed` guards the jobs, the searches that run and the counts; it is notified when a job comes or all
    ends.
    """

    def __init__(self, threads: int, reports: ReportWriter) -> None:
        self._reports = reports
        self._changed = threading.Condition()
        self._shares = Shares()
        self._running: dict[Search, Job] = {}
        self._hashes_total = 0
        self._searches = 0
        self._reported: dict[JobKey, JobHashes] = {}
        self._ended = threading.Event()
        names = [f"hash-{number}" for number in range(threads)]
        self._threads = [threading.Thread(target=self._work_until_end, name=name) for name in names]
        self._threads.append(threading.Thread(target=self._report_until_end, name="progress"))

    @property
    def searches(self) -> int:
        """How many have begun, of all threads."""
        return self._searches

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Stop all searches, within milliseconds, and wait for the threads."""
        with self._changed:
            self._ended.set()
            for search in self._running:
                search.stop()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def assign(self, job: Job) -> None:
        with self._changed:
            self._shares.put(job)
            self._changed.notify_all()

    def cancel(self, key: JobKey) -> None:
        with self._changed:
            self._shares.remove(key)
            for search, job in self._running.items():
                if job.key == key:
                    search.stop()

    def _work_until_end(self) -> None:
        size = SliceSize()
        while (begun := self._begin_slice(size.nonces)) is not None:
            taken, search = begun
            started = time.monotonic()
            hashes = search.run().hashes
            size.record(hashes, time.monotonic() - started)
            self._settle(taken, search)

    def _begin_slice(self, most_nonces: int) -> tuple[Slice, Search] | None:
        """Wait for a slice; None at the end."""
        with self._changed:
            while not self._ended.is_set():
                taken = self._shares.take(most_nonces)
                if taken is not None:
                    search = _search(taken)
                    self._running[search] = taken.job
                    self._searches += 1
                    return taken, search
                self._changed.wait()
            return None

    def _settle(self, taken: Slice, search: Search) -> None:
        """Reported within the lock: a job's improvements must go out in order."""
        with self._changed:
            del self._running[search]
            progress = search.progress()
            self._hashes_total += progress.hashes
            found = self._shares.settle(taken, progress)
            if found is None or not self._shares.has(taken.job):
                return
            self._reports.write(
                Improved(
                    farmer_id=taken.job.key.farmer_id,
                    block_index=taken.job.key.block_index,
                    assignment=taken.job.assignment,
                    nonce=found.nonce,
                    zeros=found.zeros,
                    hash=found.hash,
                    hashes=taken.job.hashes,
                )
            )

    def _report_until_end(self) -> None:
        while not self._ended.wait(_PROGRESS_WALL_SECONDS):
            self._reports.write(self._progress())

    def _progress(self) -> Progressed:
        with self._changed:
            jobs = {
                job.key: JobHashes(
                    farmer_id=job.key.farmer_id,
                    block_index=job.key.block_index,
                    assignment=job.assignment,
                    hashes=job.hashes,
                    next_nonce=job.first_untried,
                )
                for job in self._shares
            }
            total = self._hashes_total
        changed = tuple(job for key, job in jobs.items() if self._reported.get(key) != job)
        self._reported = jobs
        return Progressed(hashes_total=total, jobs=changed)


def _search(taken: Slice) -> Search:
    job = taken.job
    return Search(job.key.block_index, job.entropy, job.farmer_key, taken.nonce_from, taken.nonce_count)


def obey_until_stop(lines: Iterable[bytes], hashing: HashingThreads, reports: ReportWriter) -> None:
    """Carry out commands until `stop` or the end of the lines."""
    for line in lines:
        try:
            command = decode_command(line)
        except MalformedLine as error:
            reports.write(Refused(message=str(error), line=shown(line)))
            continue
        if isinstance(command, Stop):
            return
        _obey(command, hashing)


def _obey(command: Command, hashing: HashingThreads) -> None:
    match command:
        case Assign():
            hashing.assign(
                Job(
                    key=JobKey(command.farmer_id, command.block_index),
                    entropy=command.entropy,
                    farmer_key=command.farmer_key,
                    next_nonce=command.nonce_from,
                    weight=command.weight,
                    hashes=command.hashes_done,
                    assignment=command.assignment,
                )
            )
        case Cancel():
            hashing.cancel(JobKey(command.farmer_id, command.block_index))


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m miner_ext.hasher", description="Hashes for the Pooler.")
    parser.add_argument("--threads", type=_parse_threads, help="default: one a CPU")
    parser.add_argument("--cpus", type=_parse_cpus, help="CPUs to run on, like 0-3,8; default: all")
    parser.add_argument(
        "--nice",
        type=_parse_niceness,
        default=NICEST,
        help="0 to 19, the lowest priority; default: %(default)s",
    )
    return parser.parse_args(arguments)


def _parse_threads(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= MAX_THREADS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MAX_THREADS}, got {text!r}")
    return int(text)


def _parse_niceness(text: str) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > NICEST:
        raise argparse.ArgumentTypeError(f"must be from 0 to {NICEST}, got {text!r}")
    return int(text)


def _parse_cpus(text: str) -> frozenset[int]:
    try:
        return parse_cpus(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _end_with_traceback(failure: threading.ExceptHookArgs) -> None:
    """A thread that fails takes the process along: whoever started it will start it anew, whole."""
    traceback.print_exception(failure.exc_type, failure.exc_value, failure.exc_traceback)
    os._exit(1)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse_arguments(arguments)
    try:
        kernel = kernel_name()
        if options.cpus is not None:
            stay_on(options.cpus)
    except (ValueError, OSError) as error:
        print(f"hasher: {error}", file=sys.stderr)
        return _EXIT_USAGE
    threads = options.threads or len(usable_cpus())
    yield_to_everybody(options.nice)
    # Ctrl-C in a terminal reaches every process of the group; the Pooler decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.excepthook = _end_with_traceback
    reports = ReportWriter(sys.stdout.buffer)
    hashing = HashingThreads(threads, reports)
    reports.write(Ready(kernel=kernel, threads=threads))
    hashing.start()
    obey_until_stop(sys.stdin.buffer, hashing, reports)
    hashing.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
