"""How busy this machine is."""

import os
from dataclasses import dataclass

import psutil

_BASIS_POINTS_A_PERCENT = 100


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
    """Reads the load of the machine; CPU is the mean since the reading before."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        psutil.cpu_percent(interval=None)

    def read(self) -> MachineLoad:
        """The load now. Returns at once."""
        return MachineLoad(
            cpu_basis_points=round(psutil.cpu_percent(interval=None) * _BASIS_POINTS_A_PERCENT),
            memory_basis_points=round(psutil.virtual_memory().percent * _BASIS_POINTS_A_PERCENT),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            resident_bytes=sum(_resident_bytes(each) for each in self._family()),
        )

    def _family(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


def _resident_bytes(process: psutil.Process) -> int:
    """0 for a process that has just ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
