"""Fixtures of the kit's tests."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from poolkit.ports import KeptPort


@pytest.fixture
def kept_port() -> Iterator[int]:
    """Nobody listens on it but whom the test starts there."""
    with closing(KeptPort()) as kept:
        yield kept.number
