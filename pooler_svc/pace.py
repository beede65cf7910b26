"""The loop that every part of the Pooler runs: do what is due, then sleep until something changed."""

from collections.abc import Awaitable, Callable

from pooler_svc.changes import NOTHING_SEEN, Changes
from poolkit.chain_clock import SHORTEST_NAP_WALL_SECONDS, ChainClock

Step = Callable[[], Awaitable[float | None]]
"""Does what is due now; returns the chain time at which something may become due by itself."""


async def step_forever(name: str, step: Step, changes: Changes, clock: ChainClock) -> None:
    """Run the part's `step` after each change, and when the chain time that it named comes."""
    follower = changes.follow(name)
    while True:
        seen, follower.seen = changes.version, NOTHING_SEEN
        wake_at = await step()
        follower.seen = seen
        timeout = None
        if wake_at is not None:
            timeout = max(SHORTEST_NAP_WALL_SECONDS, clock.wall_seconds(wake_at - clock.now()))
        await changes.wait_beyond(seen, timeout)
