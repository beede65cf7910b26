"""What tests ask about processes."""

import psutil


def has_ended(pid: int) -> bool:
    """Also true of a zombie, which nobody has waited for yet: its parent may have ended before it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
