"""When Backend and Pooler have nothing left to do before the next ledger: the bench then closes it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kalepool.v1 import backend_pb2, pooler_pb2
from kalepool.v1.backend_pb2_grpc import BackendServiceStub
from kalepool.v1.pooler_pb2_grpc import PoolerServiceStub
from kalepool_cli.local_pool import LocalPool
from poolkit.grpc_client import open_channel

if TYPE_CHECKING:
    from kalepool.v1.backend_pb2_grpc import BackendServiceAsyncStub
    from kalepool.v1.pooler_pb2_grpc import PoolerServiceAsyncStub

PATIENCE_WALL_SECONDS: Final = 120.0
#: Both services poll for ledgers at most 100 times a second, and then something is always to be done.
_SOONEST_REST_WALL_SECONDS: Final = 0.02
_SECOND_LOOK_WALL_SECONDS: Final = 0.002
#: Each look costs both services time, and a search wants all of the machine: the pauses grow.
_FIRST_PAUSE_WALL_SECONDS, _LONGEST_PAUSE_WALL_SECONDS, _GROWTH = 0.004, 0.05, 1.3


class NoRest(Exception):
    """Backend or Pooler is still busy when the patience with it ends; the text says with what."""


@dataclass(frozen=True)
class Look:
    """Both services, asked at the same time."""

    backend: backend_pb2.GetHealthResponse
    pooler: pooler_pb2.StatusView

    def what_is_left(self, ledger: int, least_zeros: int) -> list[str]:
        """What is to be done before the ledger after `ledger`; empty: both only wait for it.

        A search is left alone once its best nonce has `least_zeros`.
        """
        activity, link = self.backend.activity, self.pooler.backend_link
        seen = min(self.pooler.latest_ledger, self.pooler.current_block.ledger)
        searching = sum(
            work.progress == pooler_pb2.WORK_PROGRESS_HASHING
            and (work.hashes == 0 or work.zeros < least_zeros)
            for work in self.pooler.work_in_progress
        )
        left = {
            f"the Backend has seen ledger {self.backend.chain.latest_ledger}": (
                self.backend.chain.latest_ledger < ledger
            ),
            "the Backend's database does not answer": not self.backend.HasField("activity"),
            f"{activity.queries_running} queries run": activity.queries_running > 0,
            f"{activity.rpc_calls_running} RPC calls of the Backend run": activity.rpc_calls_running > 0,
            f"the Pooler has seen ledger {seen}": seen < ledger,
            f"{self.pooler.parts_behind} parts of the Pooler are behind": self.pooler.parts_behind > 0,
            "the Pooler has lost the Backend": not link.connected,
            f"{link.unacknowledged} requests are not acknowledged": link.unacknowledged > 0,
            f"the Pooler has digested {link.responses_total} of {activity.responses_total} responses": (
                link.responses_total != activity.responses_total
            ),
            f"{searching} searches have too few zeros": searching > 0,
        }
        return [what for what, is_left in left.items() if is_left]

    @property
    def counts(self) -> tuple[int, int, int]:
        """What grows with all that either of them does."""
        return (
            self.backend.activity.rpc_calls_total,
            self.backend.activity.responses_total,
            self.pooler.backend_link.requests_total,
        )


class Services:
    """Asks Backend and Pooler how they are."""

    def __init__(
        self,
        backend: "BackendServiceAsyncStub",
        pooler: "PoolerServiceAsyncStub",
        least_zeros: int,
        *,
        patience_wall_seconds: float = PATIENCE_WALL_SECONDS,
    ) -> None:
        self._backend = backend
        self._pooler = pooler
        self._least_zeros = least_zeros
        self._patience_wall_seconds = patience_wall_seconds

    async def look(self) -> Look:
        """Raises PoolError."""
        health, status = await asyncio.gather(
            self._backend.GetHealth(backend_pb2.GetHealthRequest()),
            self._pooler.GetStatus(pooler_pb2.GetStatusRequest()),
        )
        return Look(health, status.view)

    async def drain(self) -> None:
        """Has the Pooler plant no further block. Raises PoolError."""
        await self._pooler.Drain(pooler_pb2.DrainRequest(request_id=str(uuid.uuid4())))

    async def rest(self, ledger: int) -> Look:
        """The second of two looks that find nothing left to do, and nothing done in between.

        One is not enough: what is about to begin shows in neither status. Raises NoRest, PoolError.
        """
        left = ["Backend or Pooler does not answer"]
        pause = _FIRST_PAUSE_WALL_SECONDS
        before: Look | None = None
        try:
            async with asyncio.timeout(self._patience_wall_seconds):
                await asyncio.sleep(_SOONEST_REST_WALL_SECONDS)
                while True:
                    look = await self.look()
                    left = look.what_is_left(ledger, self._least_zeros)
                    if not left and before is not None and before.counts == look.counts:
                        return look
                    before = None if left else look
                    await asyncio.sleep(pause if left else _SECOND_LOOK_WALL_SECONDS)
                    pause = min(pause * _GROWTH, _LONGEST_PAUSE_WALL_SECONDS)
        except TimeoutError:
            what = "; ".join(left) or "it never rests"
            raise NoRest(
                f"no rest in ledger {ledger} after {self._patience_wall_seconds:g} s: {what}"
            ) from None


@asynccontextmanager
async def services_of(pool: LocalPool, least_zeros: int) -> AsyncIterator[Services]:
    """Both must run."""
    async with open_channel(pool.backend_address) as backend, pool.pooler_channel() as pooler:
        yield Services(BackendServiceStub(backend), PoolerServiceStub(pooler), least_zeros)
