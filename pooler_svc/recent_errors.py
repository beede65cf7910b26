"""The last things that went wrong, for operators to see in the status."""

import time
from collections import deque
from dataclasses import dataclass, replace

MOST_KEPT = 20


@dataclass(frozen=True)
class RecentError:
    """One failure: when it came last (unix wall seconds), its reason, its text, how often."""

    at: float
    reason: str
    text: str
    count: int = 1


class RecentErrors:
    """Keeps the newest failures. One that comes again is kept once, in its new place, and counted."""

    def __init__(self) -> None:
        self._errors: deque[RecentError] = deque(maxlen=MOST_KEPT)

    def __repr__(self) -> str:
        return f"RecentErrors(kept={len(self._errors)})"

    def note(self, reason: str, text: str) -> None:
        """Keep a failure that happened now."""
        now = time.time()
        for known in self._errors:
            if (known.reason, known.text) == (reason, text):
                self._errors.remove(known)
                self._errors.append(replace(known, at=now, count=known.count + 1))
                return
        self._errors.append(RecentError(now, reason, text))

    def newest_first(self) -> tuple[RecentError, ...]:
        """What is kept, newest first."""
        return tuple(reversed(self._errors))
