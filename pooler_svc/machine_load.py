"""How busy this machine is."""

import os
from dataclasses import dataclass
from typing import Final

import psutil

from poolkit.wall_clock import SystemWallClock, WallClock

_BASIS_POINTS_A_PERCENT: Final = 100
_LOAD_WALL_SECONDS: Final = 1.0
_FAMILY_WALL_SECONDS: Final = 10.0


@dataclass(frozen=True)
class MachineLoad:
    """CPU and memory in use by all processes (0–10,000), and what of it is ours.

    `cores` are those that this process may run on; `resident_bytes` is the memory of this process
    and its children, the hasher among them.
    """

    cpu_basis_points: int
    memory_basis_points: int
    cores: int
    resident_bytes: int


class MachineLoadGauge:
    """Reads the load of the machine, at most once a wall second however many ask.

    CPU is the mean since the reading before. Looking for child processes reads all of /proc, so it is
    done more rarely; a hasher process that was replaced counts a little later.
    """

    def __init__(self, wall_clock: WallClock | None = None) -> None:
        self._wall_clock = wall_clock or SystemWallClock()
        self._process = psutil.Process()
        self._latest: MachineLoad | None = None
        self._latest_at = 0.0
        self._family: list[psutil.Process] = []
        self._family_at: float | None = None
        psutil.cpu_percent(interval=None)

    def __repr__(self) -> str:
        return f"MachineLoadGauge({self._latest})"

    def read(self) -> MachineLoad:
        """The load now, or less than a wall second ago. Returns at once."""
        now = self._wall_clock.monotonic()
        if self._latest is None or now - self._latest_at >= _LOAD_WALL_SECONDS:
            self._latest, self._latest_at = self._measure(now), now
        return self._latest

    def _measure(self, now: float) -> MachineLoad:
        if self._family_at is None or now - self._family_at >= _FAMILY_WALL_SECONDS:
            self._family, self._family_at = [self._process, *self._process.children(recursive=True)], now
        return MachineLoad(
            cpu_basis_points=round(psutil.cpu_percent(interval=None) * _BASIS_POINTS_A_PERCENT),
            memory_basis_points=round(psutil.virtual_memory().percent * _BASIS_POINTS_A_PERCENT),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            resident_bytes=sum(_resident_bytes(each) for each in self._family),
        )


def _resident_bytes(process: psutil.Process) -> int:
    """0 for a process that has just ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
