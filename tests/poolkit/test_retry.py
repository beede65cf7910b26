"""Only retryable refusals are tried again, as often and as late as the policy says."""

import random

import pytest

from poolkit.errors import NotFound, PoolError, RpcUnavailable
from poolkit.retry import Backoff, rpc_rounds
from tests.poolkit.fakes import InstantWallClock


async def attempts_until(policy: object, errors: list[PoolError]) -> int:
    attempts = 0
    async for attempt in policy:  # type: ignore[attr-defined]
        with attempt:
            attempts += 1
            if errors:
                raise errors.pop(0)
    return attempts


async def test_rpc_rounds_end_with_the_last_error() -> None:
    clock = InstantWallClock()
    with pytest.raises(RpcUnavailable, match="third"):
        await attempts_until(
            rpc_rounds(3, clock), [RpcUnavailable("first"), RpcUnavailable("second"), RpcUnavailable("third")]
        )
    assert len(clock.sleeps) == 2


async def test_an_answer_ends_the_rounds() -> None:
    assert await attempts_until(rpc_rounds(3, InstantWallClock()), [RpcUnavailable("first")]) == 2


async def test_a_definite_refusal_is_not_tried_again() -> None:
    clock = InstantWallClock()
    with pytest.raises(NotFound):
        await attempts_until(rpc_rounds(5, clock), [NotFound("no such farmer")])
    assert clock.sleeps == []


async def test_the_pause_is_at_least_what_the_refusal_asks_for() -> None:
    clock = InstantWallClock()
    assert await attempts_until(rpc_rounds(5, clock), [RpcUnavailable("busy", retry_after=7.0)]) == 2
    assert clock.sleeps == [7.0]


def test_backoff_doubles_within_its_limits_and_resets() -> None:
    backoff = Backoff(0.1, 1.0, rng=random.Random(7))
    steps = [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    for step in steps:
        assert step / 2 <= backoff.next() <= step
    backoff.reset()
    assert backoff.next() <= 0.1
