"""Real classes behind the ports of poolkit, for its tests."""

import asyncio

from poolkit.errors import Unauthenticated
from poolkit.principal import Principal, PrincipalKind


class InstantWallClock:
    """A wall clock on which sleeping moves the time at once; remembers every sleep."""

    def __init__(self, start: float = 1_000.0) -> None:
        self.time = start
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


class KnownKeys:
    """An ApiKeyVerifier that knows a few keys."""

    def __init__(self, keys: dict[str, Principal]) -> None:
        self._keys = keys

    async def verify(self, key: str) -> Principal:
        principal = self._keys.get(key)
        if principal is None:
            raise Unauthenticated("the API key is unknown or revoked")
        return principal


POOLER_KEY = "kalepool_pooler_key_for_tests_only"
POOLER = Principal(PrincipalKind.POOLER, "3d0e0a4e-1d7f-4f3c-9a39-0d7e6bd4b0f1")
ADMIN_KEY = "kalepool_admin_key_for_tests_only"
ADMIN = Principal(PrincipalKind.ADMIN, "0f3f8f5e-8c0d-4a35-8b8e-6d5f3a2c1b00")


def known_keys() -> KnownKeys:
    return KnownKeys({POOLER_KEY: POOLER, ADMIN_KEY: ADMIN})
