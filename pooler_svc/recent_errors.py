"""The last things that went wrong, for operators to see in the status."""

from collections import deque
from dataclasses import dataclass

_KEPT = 20


@dataclass(frozen=True)
class RecentError:
    """One failure: when (unix wall seconds), in which part, with which reason and text."""

    at: float
    part: str
    reason: str
    text: str


class RecentErrors:
    """Keeps the newest failures. The same failure again and again is kept once, with its latest time."""

    def __init__(self) -> None:
        self._errors: deque[RecentError] = deque(maxlen=_KEPT)

    def __repr__(self) -> str:
        return f"RecentErrors(kept={len(self._errors)})"

    def note(self, error: RecentError) -> None:
        """Keep `error`, in place of the newest one where only the time differs."""
        if self._errors and _same(self._errors[-1], error):
            self._errors.pop()
        self._errors.append(error)

    def newest_first(self) -> list[RecentError]:
        """What is kept, newest first."""
        return list(reversed(self._errors))


def _same(one: RecentError, other: RecentError) -> bool:
    return (one.part, one.reason, one.text) == (other.part, other.reason, other.text)
