"""How a process that somebody else wrote yields to everybody: the lowest priority, from outside."""

import asyncio
import os
from contextlib import suppress

from miner_ext.scheduling import (
    AUTOGROUP_ATTEMPTS,
    AUTOGROUP_PAUSE_WALL_SECONDS,
    NICEST,
    set_autogroup,
)


async def yield_to_everybody(session: int) -> None:
    """The lowest priority for a session, named by the pid of its head; miner_ext.scheduling says why.

    All threads that there are get it, and hand it on to those they start. Nothing is raised when the process
    has ended already, or is another user's by now.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PGRP, session, NICEST)
    for _ in range(AUTOGROUP_ATTEMPTS):
        if set_autogroup(session, NICEST):
            return
        await asyncio.sleep(AUTOGROUP_PAUSE_WALL_SECONDS)
