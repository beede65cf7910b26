import os

from pooler_svc.machine_load import MachineLoadGauge


def test_the_load_is_within_its_limits() -> None:
    load = MachineLoadGauge().read()
    assert 0 <= load.cpu_basis_points <= 10_000
    assert 0 < load.memory_basis_points <= 10_000
    assert 1 <= load.cores <= (os.cpu_count() or 1)
    assert load.resident_bytes > 1_000_000
