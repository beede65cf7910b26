"""Fixtures of the Backend's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.backend_svc.playground import Playground, playground
from tests.postgres import database, database_url, postgres_server

__all__ = ["database", "database_url", "postgres_server"]


@pytest.fixture
async def ground(tmp_path: Path, database_url: str) -> AsyncIterator[Playground]:
    """A Backend on a localnet, and a pooler with its key."""
    async with playground(tmp_path, database_url) as ground:
        yield ground
