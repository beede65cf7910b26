"""How many nonces a time slice has, from the speed that a thread is measured to have."""

from typing import Final

#: Short enough that ten jobs a core each have their turn several times a second, long enough that
#: starting a slice costs nothing.
SLICE_WALL_SECONDS: Final = 0.03

_FIRST_NONCES: Final = 1 << 15
_LEAST_NONCES: Final = 1 << 12
_NEW_WEIGHT: Final = 0.25


class SliceSize:
    """Follows one thread's speed; a thread that shares its core gets smaller slices, not longer ones."""

    def __init__(self) -> None:
        self._per_second: float | None = None

    @property
    def nonces(self) -> int:
        if self._per_second is None:
            return _FIRST_NONCES
        return max(_LEAST_NONCES, int(self._per_second * SLICE_WALL_SECONDS))

    def record(self, hashes: int, wall_seconds: float) -> None:
        """Learn from a slice; one that was stopped early is as good as any."""
        if hashes <= 0 or wall_seconds <= 0:
            return
        measured = hashes / wall_seconds
        known = measured if self._per_second is None else self._per_second
        self._per_second = known + _NEW_WEIGHT * (measured - known)

    def __repr__(self) -> str:
        return f"<SliceSize {self.nonces} nonces>"
