"""Who is hashed for next: fair shares of the CPU over jobs. Pure bookkeeping, without threads or clock.

Of all jobs the one with the fewest hashes for its weight comes next, hashes being done counted in. So in the
end every farmer of a block has hashes in proportion to the weight, also one whose job came late.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from miner_ext import Progress, Solution

_NONCES: Final = 2**64

#: A slice ends where a kernel's tile does, which is faster than ending within one.
_TILE_NONCES: Final = 8192


class JobKey(NamedTuple):
    farmer_id: str
    block_index: int


@dataclass
class Job:
    """One farmer's puzzle in one block and how far its search is.

    next_nonce: the first that no slice has taken. hashes: done. assignment: its owner's number for it.
    in_flight: slices taken and not settled, by their first nonce, with their nonces.
    """

    key: JobKey
    entropy: bytes
    farmer_key: bytes
    next_nonce: int
    weight: int
    hashes: int = 0
    assignment: int = 0
    in_flight: dict[int, int] = field(default_factory=dict, init=False)
    best: Solution | None = field(default=None, init=False)

    @property
    def exhausted(self) -> bool:
        return self.next_nonce >= _NONCES

    @property
    def turn(self) -> float:
        """The job with the least is next."""
        return (self.hashes + sum(self.in_flight.values())) / self.weight

    @property
    def first_untried(self) -> int:
        """All nonces below, from where the job began, have been tried."""
        return min(self.in_flight, default=self.next_nonce)

    def has_puzzle(self, entropy: bytes, farmer_key: bytes) -> bool:
        return (self.entropy, self.farmer_key) == (entropy, farmer_key)


@dataclass(frozen=True)
class Slice:
    """Nonces of a job that one thread searches in one go."""

    job: Job
    nonce_from: int
    nonce_count: int


class Shares:
    """The jobs and the slices taken of them."""

    def __init__(self) -> None:
        self._jobs: dict[JobKey, Job] = {}

    def put(self, job: Job) -> None:
        """Add a job. One with the same key and puzzle goes on, with the new weight; another is replaced."""
        known = self._jobs.get(job.key)
        if known is not None and known.has_puzzle(job.entropy, job.farmer_key):
            known.weight = job.weight
        else:
            self._jobs[job.key] = job

    def remove(self, key: JobKey) -> None:
        self._jobs.pop(key, None)

    def has(self, job: Job) -> bool:
        return self._jobs.get(job.key) is job

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def take(self, most_nonces: int) -> Slice | None:
        """Take a slice of the job whose turn it is, of at most so many nonces; None without open jobs.

        One that reaches beyond a tile ends with a tile.
        """
        jobs = (job for job in self._jobs.values() if not job.exhausted)
        job = min(jobs, key=lambda each: each.turn, default=None)
        if job is None:
            return None
        end = job.next_nonce + most_nonces
        whole_tiles_end = end - end % _TILE_NONCES
        if whole_tiles_end > job.next_nonce:
            end = whole_tiles_end
        taken = Slice(job, job.next_nonce, min(end, _NONCES) - job.next_nonce)
        job.next_nonce += taken.nonce_count
        job.in_flight[taken.nonce_from] = taken.nonce_count
        return taken

    def settle(self, taken: Slice, progress: Progress) -> Solution | None:
        """Book what a slice found; returns it if it has more zeros than all before."""
        job = taken.job
        del job.in_flight[taken.nonce_from]
        job.hashes += progress.hashes
        found = progress.best
        if found is None or (job.best is not None and found.zeros <= job.best.zeros):
            return None
        job.best = found
        return found

    def __repr__(self) -> str:
        return f"<Shares of {len(self._jobs)} jobs>"
