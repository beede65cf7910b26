"""A node on which tests see entries expire."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from localnet.network_settings import MAINNET_SETTINGS
from localnet.testing import NodeHandle, running_localnet
from tests.localnet.conftest import START_TIME
from tests.localnet.transactions.lifetimes.short_lifetimes import LIFETIMES


@pytest.fixture
async def node() -> AsyncIterator[NodeHandle]:
    """A network whose entries live for a few minutes."""
    settings = replace(MAINNET_SETTINGS, lifetimes=LIFETIMES)
    async with running_localnet(runs_clock=False, start_time=START_TIME, network_settings=settings) as handle:
        yield handle
