"""What the tests of every Hasher have in common."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from pooler_svc.hashers import Hasher, HashJob

ENTROPY = bytes(range(32))
KEY = bytes(range(32, 64))

H = TypeVar("H", bound=Hasher)


def job(farmer_id: str = "a", *, nonce_from: int = 0, weight: int = 1, entropy: bytes = ENTROPY) -> HashJob:
    return HashJob(farmer_id, 37, entropy, KEY, nonce_from, weight)


@asynccontextmanager
async def started(hasher: H) -> AsyncIterator[H]:
    await hasher.start()
    try:
        yield hasher
    finally:
        await hasher.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no event tells."""
    while not condition():
        await asyncio.sleep(0.01)
