"""The named retry policies: one place says how often each peer is asked again.

A peer is only asked again for errors that the error table calls retryable; a caller's own
deadline (asyncio.timeout) ends any of them.
"""

import random

import tenacity

from poolkit.errors import PoolError, RpcUnavailable
from poolkit.wall_clock import WallClock


def rpc_rounds(rounds: int, wall_clock: WallClock) -> tenacity.AsyncRetrying:
    """To Stellar RPC: up to `rounds` rounds over all endpoints, 0.1 to 1 wall second apart."""
    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(RpcUnavailable),
        stop=tenacity.stop_after_attempt(rounds),
        wait=_at_least_retry_after(tenacity.wait_random_exponential(multiplier=0.1, max=1.0)),
        sleep=wall_clock.sleep,
        reraise=True,
    )


class Backoff:
    """Growing pauses for loops that never give up: reconnecting streams, restarted tasks.

    Each pause is drawn between half and all of the present step (so that many clients of one
    server don't come back at once); the step doubles from `first` to `most`, in wall seconds.
    """

    def __init__(self, first: float, most: float, *, rng: random.Random | None = None) -> None:
        self._first = first
        self._most = most
        self._step = first
        self._rng = rng or random.Random()

    def next(self) -> float:
        pause = self._step * (0.5 + self._rng.random() / 2)
        self._step = min(self._step * 2, self._most)
        return pause

    def reset(self) -> None:
        self._step = self._first


class _at_least_retry_after(tenacity.wait.wait_base):  # noqa: N801 - tenacity names its waits so
    """The pause of another policy, or what the refusal asks for where that is longer."""

    def __init__(self, otherwise: tenacity.wait.wait_base) -> None:
        self._otherwise = otherwise

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after if isinstance(error, PoolError) else None
        return max(self._otherwise(retry_state), asked or 0.0)
