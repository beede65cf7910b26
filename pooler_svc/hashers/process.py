"""The Hasher that runs miner_ext's hasher process: feeds it, supervises it, remembers what it found."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, assert_never

from miner_ext import verify
from miner_ext.hasher_messages import Assign, Cancel, Improved, Progressed, Ready, Refused, Report
from pooler_svc.hashers.child import HasherChild, HasherCrashed
from pooler_svc.hashers.port import HashJob, HashRates, Improvement
from pooler_svc.hashers.rate_window import RateWindow
from poolkit.errors import StartupError
from poolkit.logs import get_logger
from poolkit.supervisor import Supervisor
from poolkit.wall_clock import SystemWallClock, WallClock

log = get_logger(__name__)

HASHER_PROGRAM: Final = (sys.executable, "-m", "miner_ext.hasher")

# The process reports several times a second; at nice 19 on a busy machine it may have to wait long.
_SILENCE_WALL_SECONDS: Final = 30.0
_MOST_WEIGHT: Final = 2**32 - 1
_NONCES: Final = 2**64


@dataclass
class _Assigned:
    """A job and what is known of it: kept here, so that it outlives the process.

    assigned_at: monotonic wall seconds. hashes: as last reported.
    """

    job: HashJob
    assigned_at: float
    hashes: int = 0
    best: Improvement | None = None

    @property
    def next_nonce(self) -> int:
        """From where a new process goes on: what the old one did since its last report is done again."""
        return self.job.nonce_from + self.hashes

    def command(self) -> Assign:
        return Assign(
            farmer_id=self.job.farmer_id,
            block_index=self.job.block_index,
            entropy=self.job.entropy,
            farmer_key=self.job.farmer_key,
            nonce_from=self.next_nonce,
            weight=self.job.weight,
            hashes_done=self.hashes,
        )


class ProcessHasher:
    """One hasher process at a time; a failed one is replaced after a pause and its jobs go on."""

    def __init__(
        self,
        *,
        threads: int | None = None,
        program: Sequence[str] = HASHER_PROGRAM,
        silence_wall_seconds: float = _SILENCE_WALL_SECONDS,
        wall_clock: WallClock | None = None,
    ) -> None:
        """threads: None for one a CPU. program: speaks miner_ext.hasher_messages on stdin and stdout."""
        self._program = tuple(program) if threads is None else (*program, "--threads", str(threads))
        self._silence_wall_seconds = silence_wall_seconds
        self._wall_clock = wall_clock or SystemWallClock()
        self._supervisor = Supervisor(wall_clock=self._wall_clock)
        self._jobs: dict[tuple[str, int], _Assigned] = {}
        self._subscribers: list[asyncio.Queue[Improvement | None]] = []
        self._child: HasherChild | None = None
        self._stopping = False
        self._window = RateWindow(self._wall_clock.monotonic())
        self._hashes_of_earlier_children = 0

    @property
    def pid(self) -> int | None:
        """Of the hasher process; None while there is none."""
        return None if self._child is None else self._child.pid

    async def start(self) -> None:
        """Start the process and supervise it from now on. Raises StartupError if it can't run."""
        try:
            self._child = await self._spawn()
        except HasherCrashed as error:
            raise StartupError(f"the hasher can't run: {error.message}") from error
        self._supervisor.start("hasher", self._run_child)

    async def stop(self) -> None:
        """End the process and every `improvements` iterator."""
        self._stopping = True
        if self._child is not None:
            await self._child.ask_to_end()
        await self._supervisor.stop()
        for subscriber in self._subscribers:
            subscriber.put_nowait(None)

    async def assign(self, job: HashJob) -> None:
        """Hash for this job; see the port. While no process runs, the next one gets it."""
        _check(job)
        key = (job.farmer_id, job.block_index)
        known = self._jobs.get(key)
        if known is not None and _same_puzzle(known.job, job):
            known.job = replace(known.job, weight=job.weight)
        else:
            self._jobs[key] = _Assigned(job, self._wall_clock.monotonic())
        if self._child is not None:
            await self._child.send([self._jobs[key].command()])

    async def cancel(self, farmer_id: str, block_index: int) -> None:
        """Stop hashing for a job and forget it."""
        if self._jobs.pop((farmer_id, block_index), None) is not None and self._child is not None:
            await self._child.send([Cancel(farmer_id=farmer_id, block_index=block_index)])

    def best(self, farmer_id: str, block_index: int) -> Improvement | None:
        """The best so far of a job; None before the first and after `cancel`."""
        assigned = self._jobs.get((farmer_id, block_index))
        return None if assigned is None else assigned.best

    def improvements(self) -> AsyncIterator[Improvement]:
        """Every improvement of every job from this call on, until `stop`."""
        subscriber: asyncio.Queue[Improvement | None] = asyncio.Queue()
        self._subscribers.append(subscriber)
        if self._stopping:
            subscriber.put_nowait(None)
        return self._each_improvement(subscriber)

    def rates(self) -> HashRates:
        """How fast the hashing goes, over all processes since `start`."""
        now = self._wall_clock.monotonic()
        return HashRates(
            hashes_total=self._window.total,
            per_second_1s=self._window.per_second(now, 1.0),
            per_second_1m=self._window.per_second(now, 60.0),
            per_second_10m=self._window.per_second(now, 600.0),
        )

    async def _each_improvement(
        self, subscriber: asyncio.Queue[Improvement | None]
    ) -> AsyncIterator[Improvement]:
        try:
            while (improvement := await subscriber.get()) is not None:
                yield improvement
        finally:
            self._subscribers.remove(subscriber)

    async def _spawn(self) -> HasherChild:
        child = await HasherChild.spawn(self._program)
        log.info("hasher started", pid=child.pid, kernel=child.ready.kernel, threads=child.ready.threads)
        return child

    async def _run_child(self) -> None:
        """One process until its end. Returns when `stop` ended it, else raises and is called again."""
        child = self._child = self._child or await self._spawn()
        try:
            await child.send(each.command() for each in self._jobs.values() if each.next_nonce < _NONCES)
            while (report := await child.next_report(self._silence_wall_seconds)) is not None:
                self._note(report)
        finally:
            self._child = None
            self._hashes_of_earlier_children = self._window.total
            await child.kill()
        if not self._stopping:
            raise HasherCrashed(f"the hasher process ended with exit code {child.exit_code}")

    def _note(self, report: Report) -> None:
        match report:
            case Improved():
                self._note_improvement(report)
            case Progressed():
                self._note_progress(report)
            case Refused():
                log.error("hasher refused a command", reason=report.message, line=report.line)
            case Ready():
                raise HasherCrashed("the hasher process said twice that it is ready")
            case _:
                assert_never(report)

    def _note_progress(self, report: Progressed) -> None:
        total = self._hashes_of_earlier_children + report.hashes_total
        self._window.note(self._wall_clock.monotonic(), total)
        for job in report.jobs:
            assigned = self._jobs.get((job.farmer_id, job.block_index))
            if assigned is not None:
                assigned.hashes = job.hashes

    def _note_improvement(self, report: Improved) -> None:
        """Check, keep and tell one. After `cancel` one may still come; a new process starts low again."""
        assigned = self._jobs.get((report.farmer_id, report.block_index))
        if assigned is None or (assigned.best is not None and report.zeros <= assigned.best.zeros):
            return
        job = assigned.job
        solution = verify(job.block_index, job.entropy, job.farmer_key, report.nonce)
        if (solution.hash, solution.zeros) != (report.hash, report.zeros):
            raise HasherCrashed(f"the hasher process reported a wrong hash for nonce {report.nonce}")
        assigned.best = Improvement(
            farmer_id=job.farmer_id,
            block_index=job.block_index,
            nonce=solution.nonce,
            zeros=solution.zeros,
            hash=solution.hash,
            hashes=report.hashes,
            seconds=self._wall_clock.monotonic() - assigned.assigned_at,
        )
        for subscriber in self._subscribers:
            subscriber.put_nowait(assigned.best)

    def __repr__(self) -> str:
        return f"<ProcessHasher pid={self.pid} jobs={len(self._jobs)}>"


def _check(job: HashJob) -> None:
    """Raises ValueError or TypeError naming the field, the limit and the value."""
    verify(job.block_index, job.entropy, job.farmer_key, job.nonce_from)
    if not 1 <= job.weight <= _MOST_WEIGHT:
        raise ValueError(f"weight must be from 1 to {_MOST_WEIGHT}, got {job.weight}")


def _same_puzzle(one: HashJob, other: HashJob) -> bool:
    return (one.entropy, one.farmer_key) == (other.entropy, other.farmer_key)
