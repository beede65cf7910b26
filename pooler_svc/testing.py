"""A Pooler within the process of a test, with the hasher of its settings unless another one is given."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pooler_svc.hasher_choice import choose_hasher
from pooler_svc.hashers import Hasher
from pooler_svc.server import Pooler, serve_pooler
from pooler_svc.settings import PoolerSettings


@asynccontextmanager
async def running_pooler(settings: PoolerSettings, *, hasher: Hasher | None = None) -> AsyncIterator[Pooler]:
    """Run a Pooler until the block ends; with POOLER_PORT 0 `pooler.server.address` says where it listens."""
    chosen = hasher or choose_hasher(settings)
    async with serve_pooler(settings, chosen) as pooler:
        yield pooler
