"""The last things that went wrong, for operators to see in the status."""

import time
from collections import deque
from dataclasses import dataclass, replace

MOST_KEPT = 20


@dataclass(frozen=True)
class RecentError:
    """One failure: when it came last (unix wall seconds), its reason, its text, how often in a row."""

    at: float
    reason: str
    text: str
    count: int = 1


class RecentErrors:
    """Keeps the newest failures. The same failure again and again is kept once and counted."""

    def __init__(self) -> None:
        self._errors: deque[RecentError] = deque(maxlen=MOST_KEPT)

    def __repr__(self) -> str:
        return f"RecentErrors(kept={len(self._errors)})"

    def note(self, reason: str, text: str) -> None:
        """Keep a failure that happened now."""
        newest = self._errors[-1] if self._errors else None
        if newest is not None and (newest.reason, newest.text) == (reason, text):
            self._errors[-1] = replace(newest, at=time.time(), count=newest.count + 1)
        else:
            self._errors.append(RecentError(time.time(), reason, text))

    def newest_first(self) -> tuple[RecentError, ...]:
        """What is kept, newest first."""
        return tuple(reversed(self._errors))
