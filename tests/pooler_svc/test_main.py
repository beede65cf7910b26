"""The entry as a process: exit codes and the one line on stderr."""

import asyncio
import os
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kalepool_cli.processes import kalepool_command
from localnet.testing import NodeHandle, running_localnet
from tests.pooler_svc.fakes import API_KEY, FakeBackend, until

BLOCK_LEDGERS = 60


@pytest.fixture
async def node() -> AsyncIterator[NodeHandle]:
    """A block lasts half a minute: time enough for processes to start, and to search, in it."""
    async with running_localnet(speed=10.0) as running:
        yield running


@asynccontextmanager
async def started_pooler(directory: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    root = Path(__file__).parents[2]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "generated")]),
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pooler_svc.main",
        cwd=directory,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        # The end of its pipes, which its hasher process holds open as well.
        await process.communicate()


def chain(node: NodeHandle, address: str) -> dict[str, str]:
    return {
        "STELLAR_NETWORK": "local",
        "RPC_URL": node.rpc_url,
        "POOLER_PORT": "0",
        "BACKEND_ADDRESS": address,
        "POOLER_API_KEY": API_KEY,
        "HASHER_THREADS": "1",
        "HASHER_NICE": "0",
        "PLANT_HOLD_SECONDS": "300",
    }


async def test_an_unknown_setting_ends_the_start_with_one_line_and_code_2(tmp_path: Path) -> None:
    async with started_pooler(tmp_path, STELLAR_NETWORK="local", POOLER_PROT="1") as process:
        _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().splitlines() == [
        "error: configuration: POOLER_PROT is unknown, did you mean POOLER_PORT?"
    ]


async def test_an_unreachable_backend_ends_the_start_with_one_line_and_code_2(
    tmp_path: Path, node: NodeHandle
) -> None:
    async with started_pooler(tmp_path, **chain(node, "127.0.0.1:1"), LOG_LEVEL="ERROR") as process:
        _, errors = await process.communicate()
    assert process.returncode == 2
    (line,) = errors.decode().splitlines()
    assert line.startswith("error: pre-flight check 'Backend' failed")
    assert API_KEY not in line


async def test_a_pooler_process_plants_and_ends_cleanly_at_sigterm(
    tmp_path: Path, node: NodeHandle, backend: FakeBackend, backend_address: str
) -> None:
    backend.farm.age_block(300)
    async with started_pooler(tmp_path, **chain(node, backend_address)) as process:
        await until(backend.changes, lambda: len({each.farmer_id for each in backend.candidates}) == 3)
        process.terminate()
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    banner = output.decode().splitlines()
    assert banner[0].startswith("KALE pool Pooler")
    assert any(backend_address in line for line in banner)
    assert API_KEY not in errors.decode()


@pytest.mark.parametrize("style", ["range", "difficulty"])
async def test_a_pooler_process_hashes_by_an_external_program_and_ends_cleanly_in_the_midst_of_it(
    tmp_path: Path, node: NodeHandle, backend: FakeBackend, backend_address: str, style: str
) -> None:
    backend.farm.age_block(300)
    command = {
        "HASHER_COMMAND": shlex.join(kalepool_command("hash")),
        "HASHER_COMMAND_STYLE": style,
        "HASHER_COMMAND_NONCES": "100000",
    }
    async with started_pooler(tmp_path, **chain(node, backend_address), **command) as process:
        await until(backend.changes, lambda: len({each.farmer_id for each in backend.candidates}) == 3)
        process.terminate()
        _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    assert "refusal" not in errors.decode()


async def test_a_pooler_that_was_killed_in_mid_block_goes_on_with_it_and_repeats_nothing(
    tmp_path: Path, node: NodeHandle, backend: FakeBackend, backend_address: str
) -> None:
    backend.farm.age_block(300)
    async with started_pooler(tmp_path, **chain(node, backend_address)) as process:
        await until(backend.changes, lambda: len({each.farmer_id for each in backend.candidates}) == 3)
        process.kill()
        await process.communicate()
    assert backend.submitted == []
    node.close_ledgers(BLOCK_LEDGERS)
    async with started_pooler(tmp_path, **chain(node, backend_address)):
        await until(backend.changes, lambda: len(backend.confirmed) == 3)
    assert backend.plant_asked == [1]
    assert len(backend.submitted) == 3
    best = {each.farmer_id: each.zeros for each in backend.candidates}
    assert all(each.zeros >= best[each.farmer_id] for each in backend.submitted)
