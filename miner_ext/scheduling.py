"""How a process stands with the operating system's scheduler: its CPUs and its priority."""

import os
import re
import time
from pathlib import Path
from typing import Final

NICEST: Final = 19

_NUMBER: Final = re.compile(r"[0-9]{1,20}")
AUTOGROUP_ATTEMPTS: Final = 10
AUTOGROUP_PAUSE_WALL_SECONDS: Final = 0.1


def usable_cpus() -> frozenset[int]:
    """CPUs that this process may run on, which in a container may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def parse_cpus(text: str) -> frozenset[int]:
    """The CPUs of a list like "0-3,8", all usable here, for `stay_on`.

    ValueError naming the limit and the value, also where the system lets no process choose its CPUs.
    """
    if not hasattr(os, "sched_setaffinity"):
        raise ValueError(f"can't be chosen on this operating system, got {text!r}")
    usable = usable_cpus()
    cpus: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not _NUMBER.fullmatch(first) or not (_NUMBER.fullmatch(last) if dash else not last):
            raise ValueError(f"must be CPU numbers like 0-3,8, got {text!r}")
        # Compared before they are counted through: a list may say 0-999999999999.
        if not int(first) <= int(last or first) <= max(usable):
            raise ValueError(f"must be some of the CPUs usable here, {sorted(usable)}, got {text!r}")
        cpus.update(range(int(first), int(last or first) + 1))
    if not cpus <= usable:
        raise ValueError(f"must be some of the CPUs usable here, {sorted(usable)}, got {text!r}")
    return frozenset(cpus)


def stay_on(cpus: frozenset[int]) -> None:
    """Run all threads of this process, from now on, on these CPUs only. Raises OSError."""
    os.sched_setaffinity(0, cpus)


def yield_to_everybody(niceness: int) -> None:
    """Take that nice level, 0 to NICEST, or keep a higher one; towards processes of other sessions too.

    Where Linux shares the CPU by session (autogroup), niceness counts within a session only: there the
    whole session of whoever started us would get as much as a busy service elsewhere. So we leave it,
    and make our own as nice as we are.
    """
    niceness = max(niceness, os.getpriority(os.PRIO_PROCESS, 0))
    os.setpriority(os.PRIO_PROCESS, 0, niceness)
    try:
        os.setsid()
    except PermissionError:
        # The head of a process group, started by hand: the session is others' too.
        return
    for _ in range(AUTOGROUP_ATTEMPTS):
        if set_autogroup(os.getpid(), niceness):
            return
        time.sleep(AUTOGROUP_PAUSE_WALL_SECONDS)


def set_autogroup(session: int, niceness: int) -> bool:
    """Make the session of that process as nice; False if Linux wants to be asked again later.

    Linux takes such a change only every AUTOGROUP_PAUSE_WALL_SECONDS, whoever makes it.
    """
    try:
        Path(f"/proc/{session}/autogroup").write_text(str(niceness))
    except BlockingIOError:
        return False
    except OSError:
        # It has ended, or this is another system, or a kernel without autogroups.
        return True
    return True
