"""How the search for one job goes on from run to run of an external program. Pure: time is passed in."""

from typing import Final, Protocol

from miner_ext import Solution
from pooler_svc.hashers.command_lines import (
    Answer,
    CommandStyle,
    difficulty_arguments,
    parse_difficulty_answer,
    parse_range_answer,
    range_arguments,
)
from pooler_svc.hashers.failures import HasherCrashed
from pooler_svc.hashers.port import HashJob

# No program comes near it (a large GPU does 2^31): beyond, a nonce tells nothing of the hashes done.
_MOST_HASHES_A_WALL_SECOND: Final = 2**36
# kale-miner takes its first nonce for a signed number of 64 bits.
_DIFFICULTY_NONCES: Final = 2**63
_MOST_ZEROS: Final = 64


class Course(Protocol):
    """Of one job: what the next run is asked, and what its end means for the one after it.

    exhausted: there is nothing more to ask. overdue_is_ordinary: a run that is ended at its deadline did no
    wrong.
    """

    overdue_is_ordinary: bool

    @property
    def exhausted(self) -> bool: ...

    def arguments(self, best_zeros: int | None) -> tuple[str, ...]:
        """Of the next run; best_zeros: of the job so far."""

    def parse(self, output: bytes) -> Answer:
        """What the run answered. Raises HasherCrashed."""

    def note_answer(self, solution: Solution, wall_seconds: float) -> int:
        """The run ended with this, verified, after so long; the hashes it is known to have done.

        Raises HasherCrashed for less than was asked.
        """

    def note_failure(self) -> None:
        """The run ended without an answer to use."""

    def note_overdue(self) -> None:
        """The run was ended at its deadline."""


class RangeCourse:
    """Ranges that grow, for a command line that has no first nonce.

    What is assumed of the program: kale-farmer searches the nonces from 0 to --nonce-count, so a job's
    nonce_from can't be told, and the same arguments give the same nonce again; others may begin at random.
    Its answer shows which: a nonce below the count asked for, or the same one twice, means that only a larger
    count brings anything new. So the count doubles from run to run, until the next run would miss the
    deadline: then the job is exhausted. While nonces come from elsewhere, the count stays.
    """

    overdue_is_ordinary = False

    def __init__(self, job: HashJob, nonce_count: int, run_wall_seconds: float) -> None:
        self._job = job
        self._nonce_count = nonce_count
        self._run_wall_seconds = run_wall_seconds
        self._last_nonce: int | None = None
        self._begins_alike = False
        self._exhausted = False

    @property
    def exhausted(self) -> bool:
        return self._exhausted

    def arguments(self, best_zeros: int | None) -> tuple[str, ...]:
        return range_arguments(self._job, self._nonce_count)

    def parse(self, output: bytes) -> Answer:
        return parse_range_answer(output)

    def note_answer(self, solution: Solution, wall_seconds: float) -> int:
        hashes = self._nonce_count
        self._begins_alike = solution.nonce < self._nonce_count or solution.nonce == self._last_nonce
        self._last_nonce = solution.nonce
        if self._begins_alike:
            self._grow(wall_seconds)
        return hashes

    def note_failure(self) -> None:
        """The same is asked again."""

    def note_overdue(self) -> None:
        """Ask for half; of a program that begins alike, half was searched by the run before."""
        if self._begins_alike:
            self._exhausted = True
        else:
            self._nonce_count = max(1, self._nonce_count // 2)

    def _grow(self, wall_seconds: float) -> None:
        doubled = 2 * self._nonce_count
        in_time = 2 * wall_seconds <= self._run_wall_seconds
        if in_time and doubled <= self._run_wall_seconds * _MOST_HASHES_A_WALL_SECOND:
            self._nonce_count = doubled
        else:
            self._exhausted = True

    def __repr__(self) -> str:
        return f"<RangeCourse nonce_count={self._nonce_count} exhausted={self._exhausted}>"


class DifficultyCourse:
    """One zero more from run to run, behind the nonce that was found last.

    What is assumed of the program: kale-miner searches upward from NONCE until a hash has DIFFICULTY zeros.
    One that is ended at its deadline doesn't say how far it came: the next run begins farther up than any
    program can have come, since which nonces are tried is all the same as long as none is tried twice. For a
    job that begins where such a program can't, the search begins at 0.
    """

    overdue_is_ordinary = True

    def __init__(self, job: HashJob, run_wall_seconds: float) -> None:
        self._job = job
        self._reach = int(run_wall_seconds * _MOST_HASHES_A_WALL_SECOND) + 1
        self._nonce_from = job.nonce_from if job.nonce_from < _DIFFICULTY_NONCES else 0
        self._zeros = 0

    @property
    def exhausted(self) -> bool:
        return self._nonce_from >= _DIFFICULTY_NONCES

    def arguments(self, best_zeros: int | None) -> tuple[str, ...]:
        self._zeros = min((best_zeros or 0) + 1, _MOST_ZEROS)
        return difficulty_arguments(self._job, self._nonce_from, self._zeros)

    def parse(self, output: bytes) -> Answer:
        return parse_difficulty_answer(output)

    def note_answer(self, solution: Solution, wall_seconds: float) -> int:
        if solution.zeros < self._zeros:
            raise HasherCrashed(
                f"the external hasher's nonce {solution.nonce} must have at least {self._zeros} zeros, "
                f"got {solution.zeros}"
            )
        if not self._nonce_from <= solution.nonce < self._nonce_from + self._reach:
            self._skip()
            return 0
        hashes = solution.nonce - self._nonce_from + 1
        self._nonce_from = solution.nonce + 1
        return hashes

    def note_failure(self) -> None:
        self._skip()

    def note_overdue(self) -> None:
        self._skip()

    def _skip(self) -> None:
        self._nonce_from += self._reach

    def __repr__(self) -> str:
        return f"<DifficultyCourse nonce_from={self._nonce_from} zeros={self._zeros}>"


def course_of(style: CommandStyle, job: HashJob, nonce_count: int, run_wall_seconds: float) -> Course:
    """A new course. nonce_count: of the first run, in range style. run_wall_seconds: a run's deadline."""
    if style is CommandStyle.RANGE:
        return RangeCourse(job, nonce_count, run_wall_seconds)
    return DifficultyCourse(job, run_wall_seconds)
