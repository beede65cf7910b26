"""A chain in the process for tests of operations."""

import pytest

from tests.localnet.play import Play


@pytest.fixture
def play() -> Play:
    return Play()
