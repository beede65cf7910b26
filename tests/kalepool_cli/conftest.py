"""Fixtures of the command's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.backend_svc.playground import Playground, playground
from tests.postgres import database_url, postgres_server

__all__ = ["database_url", "postgres_server"]


@pytest.fixture
async def ground(tmp_path: Path, database_url: str) -> AsyncIterator[Playground]:
    """A Backend to call, on a localnet."""
    async with playground(tmp_path / "backend", database_url) as ground:
        yield ground
