"""How a process that somebody else wrote yields to everybody: the lowest priority, from outside."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_NICENESS: Final = 19
_AUTOGROUP_ATTEMPTS: Final = 10
_AUTOGROUP_PAUSE_WALL_SECONDS: Final = 0.1


async def yield_to_everybody(session: int) -> None:
    """The lowest priority for a session, named by the pid of its head; miner_ext.hasher says why it has one.

    All threads that there are get it, and hand it on to those they start. Nothing is raised when the process
    has ended already, or is another user's by now.
    """
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PGRP, session, _NICENESS)
    for _ in range(_AUTOGROUP_ATTEMPTS):
        if _set_autogroup(session):
            return
        # Linux takes such a change only every 0.1 s, whoever makes it.
        await asyncio.sleep(_AUTOGROUP_PAUSE_WALL_SECONDS)


def _set_autogroup(session: int) -> bool:
    """False if Linux wants to be asked again later."""
    try:
        Path(f"/proc/{session}/autogroup").write_text(str(_NICENESS))
    except BlockingIOError:
        return False
    except OSError:
        # It has ended, or this is another system, or a kernel without autogroups.
        return True
    return True
