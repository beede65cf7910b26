"""Whoever closes the ledgers of a local chain at `--speed max`: benches and tests, never the pool itself."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp


class DriverError(Exception):
    """The admin endpoint refuses the driver, or is away."""


@dataclass(frozen=True)
class DrivenLedger:
    """The latest ledger: its sequence and close time (unix seconds)."""

    sequence: int
    close_time: int


class Driver:
    """Holds the ticket inside `async with`, and lets the chain run at max; at the end its speed is as before.

    The lease is how long the chain waits for the next call, at most, before others may take the ticket; None
    leaves it to the endpoint. Every method raises DriverError.
    """

    def __init__(self, admin_url: str, *, lease_wall_seconds: float | None = None) -> None:
        self._admin_url = admin_url
        self._lease = {} if lease_wall_seconds is None else {"lease_wall_seconds": lease_wall_seconds}
        self._session: aiohttp.ClientSession | None = None
        self._token = ""
        self._speed_before: float | str = ""

    def __repr__(self) -> str:
        return f"Driver({self._admin_url}, {'at the wheel' if self._session else 'away'})"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(self._admin_url)
        try:
            taken = await self._ask("/ticket/take", **self._lease)
            self._token, self._speed_before = taken["token"], taken["speed"]
            await self._ask("/clock/speed", speed="max")
        except DriverError:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._ask("/clock/speed", speed=self._speed_before)
            await self._ask("/ticket/release", token=self._token)
        except DriverError:
            if error is None:  # else what went wrong first is what counts
                raise
        finally:
            await self._leave()

    async def close_ledger(self) -> DrivenLedger:
        """Returns the ticket: the next ledger closes, and the ticket comes back."""
        return await self.close_ledgers(1)

    async def close_ledgers(self, count: int) -> DrivenLedger:
        """Up to 1,000 in one call; the last of them."""
        closed = await self._ask("/ticket/return", token=self._token, ledgers=count)
        self._token = closed["token"]
        return DrivenLedger(closed["sequence"], closed["close_time"])

    async def _leave(self) -> None:
        assert self._session is not None
        await self._session.close()
        self._session = None

    async def _ask(self, path: str, **fields: object) -> Any:
        assert self._session is not None, "the driver is inside `async with`"
        try:
            async with self._session.post(path, json=fields) as response:
                answer = await response.json()
        except (aiohttp.ClientError, ValueError, TimeoutError) as error:
            raise DriverError(f"no answer from {self._admin_url}: {error}") from error
        if response.status != 200:
            raise DriverError(answer["error"])
        return answer
