"""The loop that every part of the Pooler runs: do what is due, then sleep until something changed."""

from collections.abc import Awaitable, Callable
from typing import Final

from pooler_svc.changes import Changes
from poolkit.chain_clock import ChainClock

Step = Callable[[], Awaitable[float | None]]
"""Does what is due now; returns the chain time at which something may become due by itself."""

# While the chain is slower than predicted its time stands still: what is due then must not spin.
_SHORTEST_NAP_WALL_SECONDS: Final = 0.005


async def step_forever(step: Step, changes: Changes, clock: ChainClock) -> None:
    """Run `step` after each change, and when the chain time that it named comes."""
    with changes.following() as follower:
        while True:
            seen = changes.version
            wake_at = await step()
            follower.seen = seen
            timeout = None
            if wake_at is not None:
                timeout = max(_SHORTEST_NAP_WALL_SECONDS, clock.wall_seconds(wake_at - clock.now()))
            await changes.wait_beyond(seen, timeout)
