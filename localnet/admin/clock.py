"""The clock by hand: speed, pause, single ledgers, jumps to where a KALE block ends."""

import asyncio
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field

from kale.constants import BLOCK_SECONDS
from localnet.admin.requests import AdminError, Fields, NoFields, Result
from localnet.admin.tickets import Tickets
from localnet.chain.chain import Chain
from localnet.chain.ledger_clock import LedgerClock
from localnet.chain.speed import DRIVEN, check_speed, parse_speed, speed_json
from localnet.contracts.farm_view import read_farm

MAX_LEDGERS = 100_000
MAX_OFFSET_SECONDS = 86_400


def _speed(value: object) -> object:
    if isinstance(value, str):
        return parse_speed(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return check_speed(float(value))
    return value


class SpeedFields(Fields):
    """`speed`: chain seconds a wall second, or "max"."""

    speed: Annotated[float, BeforeValidator(_speed)]


class StepFields(Fields):
    ledgers: int = Field(1, ge=1, le=MAX_LEDGERS)


class JumpFields(Fields):
    """`before_seconds` of chain time before the next block can be opened; negative is after it."""

    before_seconds: int = Field(0, ge=-MAX_OFFSET_SECONDS, le=MAX_OFFSET_SECONDS)


class ClockAdmin:
    """Serves `/clock/…`."""

    def __init__(self, chain: Chain, clock: LedgerClock, tickets: Tickets) -> None:
        self._chain = chain
        self._clock = clock
        self._tickets = tickets

    async def set_speed(self, fields: SpeedFields) -> Result:
        if fields.speed == DRIVEN and not self._tickets.is_held:
            raise AdminError(409, "speed max needs a driver, and nobody holds the ticket", field="speed")
        self._clock.set_speed(fields.speed)
        return self._state()

    async def pause(self, _: NoFields) -> Result:
        self._clock.pause()
        return self._state()

    async def resume(self, _: NoFields) -> Result:
        self._clock.resume()
        return self._state()

    async def step(self, fields: StepFields) -> Result:
        """Closes ledgers at once, paused or not."""
        last = self._chain.latest.sequence + fields.ledgers
        return await self._close_while(lambda: self._chain.latest.sequence < last)

    async def jump(self, fields: JumpFields) -> Result:
        """Closes ledgers until the next one is the first at or after the chosen time."""
        farm = read_farm(self._chain.state, self._chain.network)
        target = farm.block.timestamp + BLOCK_SECONDS - fields.before_seconds
        return await self._close_while(lambda: self._clock.next_close_time < target)

    async def _close_while(self, wanted: Callable[[], bool]) -> Result:
        closed = 0
        while closed < MAX_LEDGERS and wanted():
            self._clock.close_ledger()
            closed += 1
            await asyncio.sleep(0)  # whoever waits for ledgers or answers goes on in between
        return {"closed_ledgers": closed, **self._state()}

    def _state(self) -> Result:
        latest = self._chain.latest
        return {
            "sequence": latest.sequence,
            "close_time": latest.close_time,
            "speed": speed_json(self._clock.speed),
            "paused": self._clock.is_paused,
        }
