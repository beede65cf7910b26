import os
import subprocess
import sys

from pooler_svc.machine_load import MachineLoadGauge
from tests.poolkit.fakes import InstantWallClock


def test_the_load_is_within_its_limits() -> None:
    load = MachineLoadGauge().read()
    assert 0 <= load.cpu_basis_points <= 10_000
    assert 0 < load.memory_basis_points <= 10_000
    assert 1 <= load.cores <= (os.cpu_count() or 1)
    assert load.resident_bytes > 1_000_000


def test_the_machine_is_measured_once_a_second_and_our_processes_are_looked_up_now_and_then() -> None:
    clock = InstantWallClock()
    gauge = MachineLoadGauge(clock)
    first = gauge.read()
    large = "memory = b'x' * 50_000_000; print(len(memory), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", large], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"50000000\n"
        clock.advance(0.9)
        assert gauge.read() is first
        clock.advance(0.1)
        second = gauge.read()
        assert second is not first
        clock.advance(10.0)
        assert gauge.read().resident_bytes > second.resident_bytes
        child.kill()
