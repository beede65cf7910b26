"""Rules for the tests of this folder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from localnet.faults.fault_file import parse_faults
from localnet.testing import NodeHandle, running_localnet
from tests.localnet.conftest import START_TIME


@asynccontextmanager
async def faulty(rules: str, nodes: int = 1) -> AsyncIterator[NodeHandle]:
    """A chain on which things go wrong; ledgers close when the test says so."""
    plan = parse_faults(rules, "test", nodes)
    async with running_localnet(runs_clock=False, start_time=START_TIME, nodes=nodes, faults=plan) as node:
        yield node


def fault(kind: str, *lines: str) -> str:
    """One rule of a fault file."""
    return "\n".join(["[[fault]]", f"kind = '{kind}'", *lines, ""])


def add(node: NodeHandle, rules: str) -> None:
    node.faults.add(parse_faults(rules, "test", len(node.rpc_nodes)))
