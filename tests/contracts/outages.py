"""Reasons that only an outage provokes; each needs a pool of its own, which it leaves broken."""

from collections.abc import Awaitable, Callable
from typing import Any

from kalepool.v1 import pooler_pb2
from kalepool.v1.errors_pb2 import Reason
from kalepool.v1.pooler_pb2_grpc import PoolerServiceStub
from tests.contracts.methods import method
from tests.contracts.player import confirm_funding, register_farmer
from tests.contracts.running_pool import RunningPool

Outage = Callable[[RunningPool], Awaitable[None]]
"""Brings it about and makes a call that raises the PoolError."""


async def _confirm_funding_without_chain(pool: RunningPool) -> None:
    farmer = await register_farmer(pool, pool.local.pooler_id)
    assert await pool.local.localnet.stop()
    await confirm_funding(pool, farmer.id)


async def _list_farmers_without_database(pool: RunningPool) -> None:
    assert await pool.local.postgres.stop()
    (await pool.call(method("FarmerService/ListFarmers"), b"")).only()


async def _watch_a_pooler_that_stops(pool: RunningPool) -> None:
    async with pool.local.pooler_channel() as channel:
        watch: Any = PoolerServiceStub(channel).WatchStatus(pooler_pb2.WatchStatusRequest())
        await anext(aiter(watch))
        assert await pool.local.pooler.stop()
        async for _ in watch:
            pass


OUTAGES: dict[Reason.ValueType, Outage] = {
    Reason.REASON_RPC_UNAVAILABLE: _confirm_funding_without_chain,
    Reason.REASON_DATABASE_UNAVAILABLE: _list_farmers_without_database,
    Reason.REASON_SHUTTING_DOWN: _watch_a_pooler_that_stops,
}
