"""For all tests: the order in which they run."""

from pathlib import Path

import pytest

_FIRST = Path(__file__).parent / "mesh"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The mesh tests take longest, and mostly wait: begun first, the others run beside them."""
    items.sort(key=lambda item: not item.path.is_relative_to(_FIRST))
