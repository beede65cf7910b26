"""The Hasher that runs miner_ext's hasher process: feeds it, supervises it, remembers what it found."""

import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Final, assert_never

from miner_ext.hasher_messages import (
    Assign,
    Cancel,
    Improved,
    JobHashes,
    Progressed,
    Ready,
    Refused,
    Report,
)
from pooler_svc.hashers.assignments import Assignment, Assignments, verified
from pooler_svc.hashers.child import HasherChild
from pooler_svc.hashers.failures import HasherCrashed
from pooler_svc.hashers.port import HashJob, HashRates, Improvement
from pooler_svc.hashers.rate_window import RateWindow
from poolkit.logs import get_logger
from poolkit.startup_error import StartupError
from poolkit.supervisor import Supervisor
from poolkit.wall_clock import SystemWallClock, WallClock

log = get_logger(__name__)

HASHER_PROGRAM: Final = (sys.executable, "-m", "miner_ext.hasher")

# The process reports several times a second; at nice 19 on a busy machine it may have to wait long.
_SILENCE_WALL_SECONDS: Final = 30.0
_NONCES: Final = 2**64


@dataclass(kw_only=True)
class _Assigned(Assignment):
    """hashes: as last reported. number: which assignment it is, of all that there have been.

    next_nonce: from where a new process goes on, as last reported. What the old one did since its last
    report is done again, and nothing is left out. advanced_at: when that nonce last rose, in monotonic wall
    seconds.
    """

    number: int
    next_nonce: int
    advanced_at: float

    @property
    def exhausted(self) -> bool:
        return self.next_nonce >= _NONCES

    def command(self) -> Assign:
        return Assign(
            farmer_id=self.job.farmer_id,
            block_index=self.job.block_index,
            entropy=self.job.entropy,
            farmer_key=self.job.farmer_key,
            nonce_from=self.next_nonce,
            weight=self.job.weight,
            hashes_done=self.hashes,
            assignment=self.number,
        )


class ProcessHasher:
    """One hasher process at a time; a failed one is replaced after a pause and its jobs go on."""

    def __init__(
        self,
        *,
        threads: int | None = None,
        cpus: str | None = None,
        niceness: int | None = None,
        isa: str | None = None,
        program: Sequence[str] = HASHER_PROGRAM,
        silence_wall_seconds: float = _SILENCE_WALL_SECONDS,
        wall_clock: WallClock | None = None,
    ) -> None:
        """The process of our own: threads, CPUs, nice level and instruction set; None for its defaults.

        program: speaks miner_ext.hasher_messages on stdin and stdout. silence_wall_seconds: so long it may
        report nothing, or hash nothing for jobs that it has.
        """
        options = {"--threads": threads, "--cpus": cpus, "--nice": niceness}
        given = [(name, str(value)) for name, value in options.items() if value is not None]
        self._program = (*program, *chain.from_iterable(given))
        self._isa = isa
        self._silence_wall_seconds = silence_wall_seconds
        self._wall_clock = wall_clock or SystemWallClock()
        self._supervisor = Supervisor(wall_clock=self._wall_clock)
        self._jobs = Assignments(self._assigned, self._wall_clock)
        self._numbers = count(1)
        self._child: HasherChild | None = None
        self._stopping = False
        self._window = RateWindow(self._wall_clock.monotonic())
        self._hashed_at = self._wall_clock.monotonic()
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
        self._jobs.end()

    async def assign(self, job: HashJob) -> None:
        """Hash for this job; see the port. While no process runs, the next one gets it."""
        assigned = self._jobs.put(job)
        if self._child is not None and not assigned.exhausted:
            await self._child.send([assigned.command()])

    async def cancel(self, farmer_id: str, block_index: int) -> None:
        """Stop hashing for a job and forget it."""
        if self._jobs.remove(farmer_id, block_index) is not None and self._child is not None:
            await self._child.send([Cancel(farmer_id=farmer_id, block_index=block_index)])

    def best(self, farmer_id: str, block_index: int) -> Improvement | None:
        """The best so far of a job; None before the first and after `cancel`."""
        return self._jobs.best(farmer_id, block_index)

    def improvements(self) -> AsyncIterator[Improvement]:
        """Every improvement of every job from this call on, until `stop`."""
        return self._jobs.improvements()

    def rates(self) -> HashRates:
        """How fast the hashing goes, over all processes since `start`."""
        return self._window.rates(self._wall_clock.monotonic())

    def _assigned(self, job: HashJob, assigned_at: float) -> _Assigned:
        return _Assigned(
            job, assigned_at, number=next(self._numbers), next_nonce=job.nonce_from, advanced_at=assigned_at
        )

    def _find(self, farmer_id: str, block_index: int, number: int) -> _Assigned | None:
        """Whom a report is of; None for a job that was cancelled or replaced while it was under way."""
        assigned = self._jobs.find(farmer_id, block_index)
        return assigned if assigned is not None and assigned.number == number else None

    async def _spawn(self) -> HasherChild:
        child = await HasherChild.spawn(self._program, isa=self._isa)
        log.info("hasher started", pid=child.pid, kernel=child.ready.kernel, threads=child.ready.threads)
        return child

    async def _run_child(self) -> None:
        """One process until its end. Returns when `stop` ended it, else raises and is called again."""
        child = self._child = self._child or await self._spawn()
        self._hashed_at = self._wall_clock.monotonic()
        try:
            for assigned in self._jobs:
                assigned.advanced_at = self._hashed_at
            await child.send(each.command() for each in self._jobs if not each.exhausted)
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
        now = self._wall_clock.monotonic()
        total = self._hashes_of_earlier_children + report.hashes_total
        self._check_that_it_hashes(now, total)
        self._window.note(now, total)
        for job in report.jobs:
            assigned = self._find(job.farmer_id, job.block_index, job.assignment)
            if assigned is not None:
                self._note_job(assigned, job, now)

    def _note_job(self, assigned: _Assigned, job: JobHashes, now: float) -> None:
        """Raises HasherCrashed if nonces were left behind: the search of some hangs, and not of others."""
        if job.next_nonce > assigned.next_nonce:
            assigned.advanced_at = now
        elif now - assigned.advanced_at > self._silence_wall_seconds:
            raise HasherCrashed(
                f"the hasher process has not finished nonce {job.next_nonce} of a job that it hashes for"
                f" within {self._silence_wall_seconds} s"
            )
        assigned.hashes, assigned.next_nonce = job.hashes, job.next_nonce

    def _check_that_it_hashes(self, now: float, total: int) -> None:
        """A process whose searches hang still reports. Raises HasherCrashed."""
        if total != self._window.total or not any(not each.exhausted for each in self._jobs):
            self._hashed_at = now
        elif now - self._hashed_at > self._silence_wall_seconds:
            raise HasherCrashed(
                f"the hasher process has jobs and hashed nothing for {self._silence_wall_seconds} s"
            )

    def _note_improvement(self, report: Improved) -> None:
        """Check, keep and tell one. A new process starts low again."""
        assigned = self._find(report.farmer_id, report.block_index, report.assignment)
        if assigned is None or (assigned.best is not None and report.zeros <= assigned.best.zeros):
            return
        solution = verified(assigned.job, report.nonce, report.hash)
        if solution.zeros != report.zeros:
            raise HasherCrashed(
                f"wrong zeros were reported for nonce {report.nonce}: "
                f"must be {solution.zeros}, got {report.zeros}"
            )
        self._jobs.keep(assigned, solution, report.hashes)

    def __repr__(self) -> str:
        return f"<ProcessHasher pid={self.pid} jobs={len(self._jobs)}>"
