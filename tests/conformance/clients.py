"""Runs the clients' programs, each against a local network of its own."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stellar_sdk import StrKey, scval, xdr

from kale.storage import token_balance_key
from localnet.ledger.entries import StoredEntry
from localnet.testing import NodeHandle, running_localnet
from tests.conformance.case_table import Client

ROOT = Path(__file__).parents[2]
GO_PROGRAM = Path(__file__).parent / "go_client"
_JAVASCRIPT_PROGRAM = Path(__file__).parent / "javascript_client" / "driver.mjs"

#: The network remembers fewer ledgers than it has closed, so that there are forgotten ones to ask for.
RETENTION_LEDGERS = 1_000
CLOSED_LEDGERS = 1_200
#: Six ledgers a second, so that two transactions reach the same one; a KALE block takes ten seconds.
SPEED = 30.0
RUN_SECONDS = 200


class ToolMissingError(Exception):
    """What runs a client's program is not installed: its tests fail, they are not skipped."""


@dataclass(frozen=True)
class Run:
    """What a client's program saw, case by case, and what it said on stderr."""

    outcomes: Mapping[str, Mapping[str, Any]]
    complaints: str


async def run_all() -> Mapping[Client, Run]:
    """All clients side by side; most of their time they wait for ledgers."""
    runs = await asyncio.gather(*(_run(client) for client in Client))
    return dict(zip(Client, runs, strict=True))


async def _run(client: Client) -> Run:
    try:
        command = _command(client)
    except ToolMissingError as error:
        return Run({}, str(error))
    async with running_localnet(speed=SPEED, retention_ledgers=RETENTION_LEDGERS) as node:
        node.close_ledgers(CLOSED_LEDGERS)
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A package that is not installed is a failure; nothing is fetched while the clock runs.
            env={**os.environ, "GOPROXY": "off"},
            start_new_session=True,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(_stop_late(process))
            output, complaints = await process.communicate(json.dumps(_description(node)).encode())
    lines = map(json.loads, output.splitlines())
    return Run({line["id"]: line["outcome"] for line in lines}, complaints.decode())


async def _stop_late(process: asyncio.subprocess.Process) -> None:
    """Ends a program that takes too long; what it has told until then counts."""
    try:
        async with asyncio.timeout(RUN_SECONDS):
            await process.wait()
    except TimeoutError:
        # The program's own children, too: the wheel's node and what `go run` has built.
        os.killpg(process.pid, signal.SIGKILL)


def _command(client: Client) -> list[str]:
    match client:
        case Client.PYTHON_SYNC | Client.PYTHON_ASYNC:
            way = client.value.removeprefix("python ")
            return [sys.executable, "-m", "tests.conformance.python_client", way]
        case Client.JAVASCRIPT:
            return [tool("node"), str(_JAVASCRIPT_PROGRAM)]
        case Client.GO:
            return [tool("go"), "run", "-C", str(GO_PROGRAM), "."]


def tool(name: str) -> str:
    """The environment's own, else the machine's."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise ToolMissingError(f"{name} is not there")
    return found


def _description(node: NodeHandle) -> dict[str, str]:
    """All that a program needs to know."""
    network = node.network
    return {
        "rpcUrl": node.rpc_url,
        "friendbotUrl": node.friendbot_url,
        "passphrase": network.passphrase,
        "farm": network.farm_contract_id,
        "assetCode": network.asset_code,
        "assetIssuer": network.asset_issuer,
        "assetContract": network.asset_contract_id,
        "faucetSecret": node.faucet.secret,
        "archivedHolder": _archived_holder(node, bytes([1]) * 32),
        "dormantHolder": _archived_holder(node, bytes([2]) * 32),
    }


def _archived_holder(node: NodeHandle, contract_id: bytes) -> str:
    """A contract whose KALE balance has not been looked at for a long time; no clock needs to run so far."""
    holder = StrKey.encode_contract(contract_id)
    key = token_balance_key(node.network.asset_contract_id, holder)
    assert key.contract_data is not None
    balance = {
        "amount": scval.to_int128(1),
        "authorized": scval.to_bool(True),
        "clawback": scval.to_bool(False),
    }
    data = xdr.ContractDataEntry(
        ext=xdr.ExtensionPoint(0),
        contract=key.contract_data.contract,
        key=key.contract_data.key,
        durability=key.contract_data.durability,
        val=scval.to_map({scval.to_symbol(name): value for name, value in balance.items()}),
    )
    entry = xdr.LedgerEntryData(xdr.LedgerEntryType.CONTRACT_DATA, contract_data=data)
    node.chain.state.commit({key.to_xdr_bytes(): StoredEntry(entry, last_modified=1, live_until=1)})
    return holder
