"""What every Hasher keeps of its own: the jobs, what was found for them, and who is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from miner_ext import Solution, verify
from pooler_svc.hashers.failures import HasherCrashed
from pooler_svc.hashers.port import HashJob, Improvement
from poolkit.wall_clock import WallClock

_MOST_WEIGHT: Final = 2**32 - 1


@dataclass
class Assignment:
    """A job and what is known of it: kept here, so that it outlives whatever does the hashing.

    assigned_at: monotonic wall seconds. hashes: as far as they are known.
    """

    job: HashJob
    assigned_at: float
    hashes: int = 0
    best: Improvement | None = None


A = TypeVar("A", bound=Assignment)


class Assignments(Generic[A]):
    """The jobs by farmer and block, and the subscribers to their improvements."""

    def __init__(self, make: Callable[[HashJob, float], A], wall_clock: WallClock) -> None:
        """make: an assignment of a job from a monotonic wall time on."""
        self._make = make
        self._wall_clock = wall_clock
        self._assignments: dict[tuple[str, int], A] = {}
        self._subscribers: list[asyncio.Queue[Improvement | None]] = []
        self._ended = False

    def put(self, job: HashJob) -> A:
        """Add a job. One with the same puzzle goes on, with the new weight; another is replaced.

        Raises ValueError or TypeError naming the field, the limit and the value.
        """
        _check(job)
        key = (job.farmer_id, job.block_index)
        known = self._assignments.get(key)
        if known is not None and _same_puzzle(known.job, job):
            known.job = replace(known.job, weight=job.weight)
            return known
        made = self._assignments[key] = self._make(job, self._wall_clock.monotonic())
        return made

    def remove(self, farmer_id: str, block_index: int) -> A | None:
        """Forget a job; the one that was forgotten."""
        return self._assignments.pop((farmer_id, block_index), None)

    def find(self, farmer_id: str, block_index: int) -> A | None:
        return self._assignments.get((farmer_id, block_index))

    def holds(self, assignment: A) -> bool:
        """False once it was removed or replaced by another puzzle."""
        return self.find(assignment.job.farmer_id, assignment.job.block_index) is assignment

    def best(self, farmer_id: str, block_index: int) -> Improvement | None:
        """The best so far of a job; None before the first and without such a job."""
        assignment = self.find(farmer_id, block_index)
        return None if assignment is None else assignment.best

    def keep(self, assignment: A, solution: Solution, hashes: int) -> None:
        """Keep a verified solution and tell it, if it has more zeros than any before it.

        hashes: done for the job when it was found.
        """
        if assignment.best is not None and solution.zeros <= assignment.best.zeros:
            return
        assignment.best = Improvement(
            farmer_id=assignment.job.farmer_id,
            block_index=assignment.job.block_index,
            nonce=solution.nonce,
            zeros=solution.zeros,
            hash=solution.hash,
            hashes=hashes,
            seconds=self._wall_clock.monotonic() - assignment.assigned_at,
        )
        for subscriber in self._subscribers:
            subscriber.put_nowait(assignment.best)

    def improvements(self) -> AsyncIterator[Improvement]:
        """Every improvement that is kept from this call on, until `end`."""
        subscriber: asyncio.Queue[Improvement | None] = asyncio.Queue()
        self._subscribers.append(subscriber)
        if self._ended:
            subscriber.put_nowait(None)
        return self._each_improvement(subscriber)

    def end(self) -> None:
        """End every iterator of improvements, also those to come."""
        self._ended = True
        for subscriber in self._subscribers:
            subscriber.put_nowait(None)

    async def _each_improvement(
        self, subscriber: asyncio.Queue[Improvement | None]
    ) -> AsyncIterator[Improvement]:
        try:
            while (improvement := await subscriber.get()) is not None:
                yield improvement
        finally:
            self._subscribers.remove(subscriber)

    def __iter__(self) -> Iterator[A]:
        return iter(self._assignments.values())

    def __len__(self) -> int:
        return len(self._assignments)

    def __repr__(self) -> str:
        return f"<Assignments of {len(self)} jobs>"


def verified(job: HashJob, nonce: int, claimed_hash: bytes) -> Solution:
    """The solution with this nonce, hashed anew. Raises HasherCrashed if another hash was claimed."""
    solution = verify(job.block_index, job.entropy, job.farmer_key, nonce)
    if solution.hash != claimed_hash:
        raise HasherCrashed(
            f"a wrong hash was reported for nonce {nonce}: "
            f"must be {solution.hash.hex()}, got {claimed_hash.hex()}"
        )
    return solution


def _check(job: HashJob) -> None:
    """Raises ValueError or TypeError naming the field, the limit and the value."""
    verify(job.block_index, job.entropy, job.farmer_key, job.nonce_from)
    if not 1 <= job.weight <= _MOST_WEIGHT:
        raise ValueError(f"weight must be from 1 to {_MOST_WEIGHT}, got {job.weight}")


def _same_puzzle(one: HashJob, other: HashJob) -> bool:
    return (one.entropy, one.farmer_key) == (other.entropy, other.farmer_key)
