"""Runs every scenario through one client: `python -m tests.conformance.python_client sync|async`.

The network's description is JSON on stdin; each case's outcome is a line of JSON on stdout.
"""

import asyncio
import json
import sys
import traceback
from typing import cast

from stellar_sdk import SorobanServer
from stellar_sdk.soroban_server_async import SorobanServerAsync

from tests.conformance.python_client import (
    entries,
    events,
    kale,
    lifetimes,
    node,
    paging,
    simulations,
    submissions,
    transactions,
)
from tests.conformance.python_client.network import LocalNetwork
from tests.conformance.python_client.synchronous import AwaitedServer

SCENARIOS = (
    *node.SCENARIOS,
    *entries.SCENARIOS,
    *kale.OPENING,
    *simulations.SCENARIOS,
    *submissions.SCENARIOS,
    *transactions.SCENARIOS,
    *lifetimes.SCENARIOS,
    *paging.SCENARIOS,
    *events.SCENARIOS,
    *kale.CLOSING,
)


async def run(server: SorobanServerAsync, description: dict[str, str]) -> None:
    """One scenario after the other; what fails is told on stderr, and its cases stay without an outcome."""
    network = LocalNetwork(server, description)
    await network.fund_everybody()
    for scenario in SCENARIOS:
        (failure,) = await asyncio.gather(scenario(network), return_exceptions=True)
        if failure is not None:
            traceback.print_exception(failure)


async def main(client: str) -> None:
    description = json.load(sys.stdin)
    url = description["rpcUrl"]
    if client == "async":
        async with SorobanServerAsync(url) as server:
            await run(server, description)
    else:
        with SorobanServer(url) as blocking:
            await run(cast("SorobanServerAsync", AwaitedServer(blocking)), description)


asyncio.run(main(sys.argv[1]))
