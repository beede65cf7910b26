"""The breaker opens after failures in a row and admits single probes."""

from poolkit.breaker import BreakerState, CircuitBreaker
from tests.poolkit.fakes import InstantWallClock


def opened(clock: InstantWallClock) -> CircuitBreaker:
    breaker = CircuitBreaker(
        "peer", failure_threshold=3, reset_wall_seconds=1, max_reset_wall_seconds=3, wall_clock=clock
    )
    for _ in range(3):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_it_opens_at_the_threshold_and_refuses() -> None:
    breaker = opened(InstantWallClock())
    assert breaker.state is BreakerState.OPEN
    assert not breaker.admit()
    assert breaker.wall_seconds_until_probe() == 1


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = CircuitBreaker("peer", failure_threshold=2, wall_clock=InstantWallClock())
    for _ in range(10):
        breaker.failed()
        breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED
    assert breaker.wall_seconds_until_probe() == 0


def test_one_probe_at_a_time_and_its_success_closes_it() -> None:
    clock = InstantWallClock()
    breaker = opened(clock)
    clock.advance(1)
    assert breaker.admit()
    assert "half_open" in repr(breaker)
    assert not breaker.admit()
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED
    assert breaker.admit()


def test_the_pause_doubles_with_each_failed_probe_up_to_its_limit() -> None:
    clock = InstantWallClock()
    breaker = opened(clock)
    pauses = []
    for _ in range(4):
        clock.advance(breaker.wall_seconds_until_probe())
        assert breaker.admit()
        breaker.failed()
        pauses.append(breaker.wall_seconds_until_probe())
    assert pauses == [2, 3, 3, 3]


def test_a_probe_that_never_reports_blocks_nothing() -> None:
    clock = InstantWallClock()
    breaker = opened(clock)
    clock.advance(1)
    assert breaker.admit()
    clock.advance(1)
    assert breaker.admit()


def test_each_change_of_state_is_told_once() -> None:
    seen: list[BreakerState] = []
    clock = InstantWallClock()
    breaker = CircuitBreaker(
        "peer", failure_threshold=1, wall_clock=clock, on_change=lambda each: seen.append(each.state)
    )
    breaker.failed()
    breaker.failed()
    clock.advance(10)
    breaker.admit()
    breaker.succeeded()
    breaker.succeeded()
    assert seen == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]
    assert repr(breaker) == "<CircuitBreaker peer closed failures=0>"
