"""The Hasher that runs somebody else's program, one run of one job after the other."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pooler_svc.hashers.assignments import Assignment, Assignments, verified
from pooler_svc.hashers.command_courses import Course, course_of
from pooler_svc.hashers.command_lines import CommandStyle, with_arguments
from pooler_svc.hashers.command_process import CommandProcess, RunOverdue
from pooler_svc.hashers.failures import HasherCrashed
from pooler_svc.hashers.port import HashJob, HashRates, Improvement
from pooler_svc.hashers.rate_window import RateWindow
from poolkit.logs import get_logger
from poolkit.startup_error import StartupError
from poolkit.supervisor import Supervisor
from poolkit.wall_clock import SystemWallClock, WallClock

log = get_logger(__name__)

DEFAULT_NONCE_COUNT: Final = 10_000_000
DEFAULT_RUN_WALL_SECONDS: Final = 30.0
_TASK: Final = "external hasher"
# A run that fails at once would leave its job the one whose turn it is, for ever.
_LEAST_COST_OF_FAILURE_WALL_SECONDS: Final = 1.0


@dataclass(kw_only=True)
class _Assigned(Assignment):
    """A job with its course. wall_seconds: of all its runs, which is its part of the machine."""

    course: Course
    wall_seconds: float = 0.0

    @property
    def turn(self) -> float:
        """The job with the least is next."""
        return self.wall_seconds / self.job.weight

    @property
    def best_zeros(self) -> int | None:
        return None if self.best is None else self.best.zeros


class _Running(NamedTuple):
    assigned: _Assigned
    process: CommandProcess


class CommandHasher:
    """One run at a time, of the job that had the least wall time for its weight; threads are the program's.

    Every answer is hashed again before it is believed. After a failure the next run comes after a pause that
    grows, and the jobs stay.
    """

    def __init__(
        self,
        command: Sequence[str],
        style: CommandStyle,
        *,
        nonce_count: int = DEFAULT_NONCE_COUNT,
        run_wall_seconds: float = DEFAULT_RUN_WALL_SECONDS,
        environment: Mapping[str, str] | None = None,
        wall_clock: WallClock | None = None,
    ) -> None:
        """command: as `split_command` gives it. nonce_count: of a job's first run, in range style.

        run_wall_seconds: a run's deadline. environment: the program's; None for that of this process.
        """
        self._command = tuple(command)
        self._style = style
        self._nonce_count = nonce_count
        self._run_wall_seconds = run_wall_seconds
        self._environment = dict(os.environ if environment is None else environment)
        self._wall_clock = wall_clock or SystemWallClock()
        self._supervisor = Supervisor(wall_clock=self._wall_clock)
        self._jobs = Assignments(self._assigned, self._wall_clock)
        self._assigned_anew = asyncio.Event()
        self._running: _Running | None = None
        self._window = RateWindow(self._wall_clock.monotonic())

    @property
    def pid(self) -> int | None:
        """Of the program; None while there is no run."""
        return None if self._running is None else self._running.process.pid

    async def start(self) -> None:
        """Hash from now on. Raises StartupError if the system can't execute the program.

        That is tried: the program is started without a puzzle and killed at once.
        """
        try:
            trial = await CommandProcess.spawn(with_arguments(self._command, ()), self._environment)
        except HasherCrashed as error:
            raise StartupError(f"the external hasher can't run: {error.message}") from error
        await trial.end()
        self._supervisor.start(_TASK, self._hash_forever)

    async def stop(self) -> None:
        """Kill the run and end every `improvements` iterator."""
        if self._running is not None:
            self._running.process.kill()
        await self._supervisor.stop()
        self._jobs.end()

    async def assign(self, job: HashJob) -> None:
        """Hash for this job; see the port."""
        self._jobs.put(job)
        self._kill_unwanted_run()
        self._assigned_anew.set()

    async def cancel(self, farmer_id: str, block_index: int) -> None:
        """Kill the job's run, if it is the one that runs, and forget it."""
        self._jobs.remove(farmer_id, block_index)
        self._kill_unwanted_run()

    def best(self, farmer_id: str, block_index: int) -> Improvement | None:
        """The best so far of a job; None before the first and after `cancel`."""
        return self._jobs.best(farmer_id, block_index)

    def improvements(self) -> AsyncIterator[Improvement]:
        """Every improvement of every job from this call on, until `stop`."""
        return self._jobs.improvements()

    def rates(self) -> HashRates:
        """How fast the hashing goes, as far as answers tell: a run that gave none counts nothing."""
        return self._window.rates(self._wall_clock.monotonic())

    def _assigned(self, job: HashJob, assigned_at: float) -> _Assigned:
        course = course_of(self._style, job, self._nonce_count, self._run_wall_seconds)
        return _Assigned(job, assigned_at, course=course)

    def _kill_unwanted_run(self) -> None:
        if self._running is not None and not self._jobs.holds(self._running.assigned):
            self._running.process.kill()

    async def _hash_forever(self) -> None:
        """One run after the other; a failure is raised, and this is called again."""
        while True:
            wanted = (assigned for assigned in self._jobs if not assigned.course.exhausted)
            assigned = min(wanted, key=lambda each: each.turn, default=None)
            if assigned is None:
                self._assigned_anew.clear()
                await self._assigned_anew.wait()
            else:
                await self._run(assigned)

    async def _run(self, assigned: _Assigned) -> None:
        """One run, from its start until nothing of it is left."""
        started = self._wall_clock.monotonic()
        self._window.note(started, self._window.total)
        arguments = assigned.course.arguments(assigned.best_zeros)
        try:
            process = await CommandProcess.spawn(with_arguments(self._command, arguments), self._environment)
            self._running = _Running(assigned, process)
            try:
                self._kill_unwanted_run()
                output = await process.output(self._run_wall_seconds)
            finally:
                self._running = None
                await process.end()
            if self._jobs.holds(assigned):
                self._note_output(assigned, output, self._wall_clock.monotonic() - started)
        except HasherCrashed as error:
            # A run that was killed because its job is no longer wanted fails as it should.
            if self._jobs.holds(assigned):
                self._note_failure(assigned, error)
        finally:
            assigned.wall_seconds += self._wall_clock.monotonic() - started
            # However it came to that: there is no run of the job after this one.
            if assigned.course.exhausted:
                log.info("no more to ask of the external hasher", **_about(assigned))

    def _note_output(self, assigned: _Assigned, output: bytes, wall_seconds: float) -> None:
        """Check, count, keep and tell. Raises HasherCrashed for what is wrong."""
        answer = assigned.course.parse(output)
        solution = verified(assigned.job, answer.nonce, answer.hash)
        hashes = assigned.course.note_answer(solution, wall_seconds)
        assigned.hashes += hashes
        self._window.note(self._wall_clock.monotonic(), self._window.total + hashes)
        self._jobs.keep(assigned, solution, assigned.hashes)

    def _note_failure(self, assigned: _Assigned, error: HasherCrashed) -> None:
        """Raises the error again, unless it is in the order of things."""
        if isinstance(error, RunOverdue):
            assigned.course.note_overdue()
            if assigned.course.overdue_is_ordinary:
                log.info("external hasher found nothing in time", **_about(assigned))
                return
        else:
            assigned.course.note_failure()
        assigned.wall_seconds += _LEAST_COST_OF_FAILURE_WALL_SECONDS
        raise error

    def __repr__(self) -> str:
        return f"<CommandHasher {self._style} {self._command[0]} pid={self.pid} jobs={len(self._jobs)}>"


def _about(assigned: _Assigned) -> dict[str, object]:
    return {
        "farmer_id": assigned.job.farmer_id,
        "block_index": assigned.job.block_index,
        "best_zeros": assigned.best_zeros,
        "course": repr(assigned.course),
    }
