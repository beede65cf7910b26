"""How busy this machine is."""

from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class MachineLoad:
    """Percent of all cores and of memory in use, by all processes."""

    cpu_percent: float
    memory_percent: float


class MachineLoadGauge:
    """Reads the load of the machine; CPU is the mean since the reading before."""

    def __init__(self) -> None:
        psutil.cpu_percent(interval=None)

    def read(self) -> MachineLoad:
        """The load now. Returns at once."""
        return MachineLoad(psutil.cpu_percent(interval=None), psutil.virtual_memory().percent)
