"""A circuit breaker: stop asking a peer that keeps failing, and probe it now and then."""

import enum
from collections.abc import Callable

from poolkit.wall_clock import SystemWallClock, WallClock


class BreakerState(enum.Enum):
    """CLOSED: calls pass. OPEN: calls are refused. HALF_OPEN: one probe is under way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Opens after `failure_threshold` failures in a row; then admits one probe at a time.

    The pause before a probe starts at `reset_wall_seconds`, doubles with each failed probe and
    stays at most `max_reset_wall_seconds`. A probe that never reports (its caller was cancelled)
    blocks nothing: after the same pause the next one is admitted.
    """

    def __init__(
        self,
        name: str,
        *,
        failure_threshold: int = 5,
        reset_wall_seconds: float = 0.5,
        max_reset_wall_seconds: float = 4.0,
        wall_clock: WallClock | None = None,
        on_change: Callable[["CircuitBreaker"], None] | None = None,
    ) -> None:
        self.name = name
        self._failure_threshold = failure_threshold
        self._reset_wall_seconds = reset_wall_seconds
        self._max_reset_wall_seconds = max_reset_wall_seconds
        self._wall_clock = wall_clock or SystemWallClock()
        self._on_change = on_change
        self._state = BreakerState.CLOSED
        self._failures = 0
        self._pause = reset_wall_seconds
        self._probe_at = 0.0

    @property
    def state(self) -> BreakerState:
        return self._state

    def admit(self) -> bool:
        """May a call go out now? An admitted caller reports `succeeded` or `failed`."""
        if self._state is BreakerState.CLOSED:
            return True
        now = self._wall_clock.monotonic()
        if now < self._probe_at:
            return False
        self._probe_at = now + self._pause
        self._change(BreakerState.HALF_OPEN)
        return True

    def wall_seconds_until_probe(self) -> float:
        """0 while calls pass, else how long until the next one is admitted."""
        if self._state is BreakerState.CLOSED:
            return 0.0
        return max(0.0, self._probe_at - self._wall_clock.monotonic())

    def succeeded(self) -> None:
        """The peer answered, even if the answer was a refusal."""
        self._failures = 0
        self._pause = self._reset_wall_seconds
        self._change(BreakerState.CLOSED)

    def failed(self) -> None:
        """The peer did not answer, or not in its language."""
        self._failures += 1
        if self._state is BreakerState.HALF_OPEN:
            self._pause = min(self._pause * 2, self._max_reset_wall_seconds)
            self._open()
        elif self._state is BreakerState.CLOSED and self._failures >= self._failure_threshold:
            self._open()

    def _open(self) -> None:
        self._probe_at = self._wall_clock.monotonic() + self._pause
        self._change(BreakerState.OPEN)

    def _change(self, state: BreakerState) -> None:
        if state is self._state:
            return
        self._state = state
        if self._on_change is not None:
            self._on_change(self)

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.name} {self._state.value} failures={self._failures}>"
