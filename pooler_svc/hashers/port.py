"""What the Pooler asks of a hasher: nonces for many farmers at once, by fair shares of the CPU."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class HashJob:
    """One farmer's puzzle in one block.

    farmer_key: the last 32 bytes of the farmer address's XDR.
    nonce_from: the first nonce tried; the search goes up from there.
    weight: share of the CPU relative to other jobs, at least 1.
    """

    farmer_id: str
    block_index: int
    entropy: bytes
    farmer_key: bytes
    nonce_from: int
    weight: int = 1


@dataclass(frozen=True)
class Improvement:
    """A nonce with more zeros than any before it of the same job.

    hashes, seconds: done for this job, and wall seconds passed since its assignment, when it was found.
    """

    farmer_id: str
    block_index: int
    nonce: int
    zeros: int
    hash: bytes
    hashes: int
    seconds: float


@dataclass(frozen=True)
class HashRates:
    """Hashes since `start`, and hashes a wall second over the last second, minute and 10 minutes."""

    hashes_total: int
    per_second_1s: float
    per_second_1m: float
    per_second_10m: float


class Hasher(Protocol):
    """Finds nonces. Its jobs outlive a crash of whatever does the hashing."""

    async def start(self) -> None:
        """Begin hashing. Raises StartupError when the hasher can't run."""

    async def stop(self) -> None:
        """End hashing and every `improvements` iterator. May be called twice."""

    async def assign(self, job: HashJob) -> None:
        """Hash for this job from now on; a second time for the same puzzle only sets its weight.

        Raises ValueError naming the field, the limit and the value.
        """

    async def cancel(self, farmer_id: str, block_index: int) -> None:
        """Stop hashing for a job and forget it; nothing happens when there is no such job."""

    def best(self, farmer_id: str, block_index: int) -> Improvement | None:
        """The best so far of a job; None before the first and after `cancel`."""

    def improvements(self) -> AsyncIterator[Improvement]:
        """Every improvement of every job from this call on, until `stop`. Each iterator sees all of them."""

    def rates(self) -> HashRates:
        """How fast the hashing goes."""
