"""For all tests: the order in which they run, and that hypothesis finds the same every time."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

_FIRST = Path(__file__).parent / "mesh"

# The same examples in every run: what fails, fails where it was changed. How long one takes says how busy the
# machine is, and no more.
settings.register_profile(
    "kale", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("kale")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The mesh tests take longest, and mostly wait: begun first, the others run beside them."""
    items.sort(key=lambda item: not item.path.is_relative_to(_FIRST))
