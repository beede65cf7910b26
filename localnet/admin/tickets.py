"""The ticket of whoever drives the chain at speed max: a ledger closes each time it is returned."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic import Field

from localnet.admin.requests import AdminError, Fields, Result
from localnet.chain.chain import Chain
from localnet.chain.ledger_clock import LedgerClock
from localnet.chain.speed import speed_json

DEFAULT_LEASE_WALL_SECONDS = 30.0
MAX_LEASE_WALL_SECONDS = 3_600.0
MAX_LEDGERS_A_TICKET = 1_000


class TakeFields(Fields):
    """A driver that is silent for longer than its lease has lost its ticket."""

    lease_wall_seconds: float = Field(DEFAULT_LEASE_WALL_SECONDS, ge=0.1, le=MAX_LEASE_WALL_SECONDS)


class ReturnFields(Fields):
    token: str
    ledgers: int = Field(1, ge=1, le=MAX_LEDGERS_A_TICKET)


class ReleaseFields(Fields):
    token: str


@dataclass(frozen=True)
class _Ticket:
    """`token` changes with every return; `returned` and `answer` are of the last, which may be repeated."""

    driver: str
    number: int
    lease_wall_seconds: float
    expires: float
    returned: str | None = None
    answer: Result | None = None

    @property
    def token(self) -> str:
        return f"{self.driver}-{self.number}"


class Tickets:
    """Serves `/ticket/…`: one driver at a time."""

    def __init__(self, chain: Chain, clock: LedgerClock, now: Callable[[], float] = time.monotonic) -> None:
        """`now` tells wall seconds."""
        self._chain = chain
        self._clock = clock
        self._now = now
        self._ticket: _Ticket | None = None

    @property
    def is_held(self) -> bool:
        return self._ticket is not None and self._now() < self._ticket.expires

    async def take(self, fields: TakeFields) -> Result:
        if self.is_held:
            raise AdminError(409, "another driver holds the ticket")
        lease = fields.lease_wall_seconds
        self._ticket = _Ticket(secrets.token_hex(8), 0, lease, self._now() + lease)
        return {"speed": speed_json(self._clock.speed), **self._state(self._ticket)}

    async def return_(self, fields: ReturnFields) -> Result:
        """Closes a ledger, or as many as are asked for; a return that is repeated closes nothing more."""
        ticket = self._ticket
        if ticket is not None and fields.token == ticket.returned and ticket.answer is not None:
            return ticket.answer
        ticket = self._held(fields.token)
        if not self._clock.is_driven:
            speed = speed_json(self._clock.speed)
            raise AdminError(409, f"speed is {speed}; ledgers close by ticket at max only", value=speed)
        if self._clock.is_paused:
            raise AdminError(409, "the clock is paused")
        for _ in range(fields.ledgers):
            self._clock.close_ledger()
        lease = ticket.lease_wall_seconds
        following = _Ticket(ticket.driver, ticket.number + 1, lease, self._now() + lease)
        answer = self._state(following)
        self._ticket = replace(following, returned=fields.token, answer=answer)
        return answer

    async def release(self, fields: ReleaseFields) -> Result:
        """Another driver may take the ticket now."""
        self._held(fields.token)
        self._ticket = None
        return {}

    def _held(self, token: str) -> _Ticket:
        ticket = self._ticket
        if ticket is None or token != ticket.token:
            raise AdminError(409, "this is not the ticket that is held", field="token", value=token)
        if not self.is_held:
            lease = ticket.lease_wall_seconds
            raise AdminError(409, f"the ticket's lease of {lease:g} s is over", field="token", value=token)
        return ticket

    def _state(self, ticket: _Ticket) -> Result:
        latest = self._chain.latest
        return {"sequence": latest.sequence, "close_time": latest.close_time, "token": ticket.token}
