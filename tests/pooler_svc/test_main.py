"""The entry as a process: exit codes and the one line on stderr."""

import asyncio
import os
import sys
from pathlib import Path

from localnet.testing import NodeHandle
from tests.pooler_svc.fakes import API_KEY, FakeBackend, until


async def start_pooler(directory: Path, **settings: str) -> asyncio.subprocess.Process:
    root = Path(__file__).parents[2]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "generated")]),
        **settings,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pooler_svc.main",
        cwd=directory,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def chain(node: NodeHandle, address: str) -> dict[str, str]:
    return {
        "STELLAR_NETWORK": "local",
        "RPC_URL": node.rpc_url,
        "POOLER_PORT": "0",
        "BACKEND_ADDRESS": address,
        "POOLER_API_KEY": API_KEY,
        "HASHER_THREADS": "1",
    }


async def test_an_unknown_setting_ends_the_start_with_one_line_and_code_2(tmp_path: Path) -> None:
    process = await start_pooler(tmp_path, STELLAR_NETWORK="local", POOLER_PROT="1")
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode().splitlines() == [
        "error: configuration: POOLER_PROT is unknown, did you mean POOLER_PORT?"
    ]


async def test_an_unreachable_backend_ends_the_start_with_one_line_and_code_2(
    tmp_path: Path, node: NodeHandle
) -> None:
    process = await start_pooler(tmp_path, **chain(node, "127.0.0.1:1"), LOG_LEVEL="ERROR")
    _, errors = await process.communicate()
    assert process.returncode == 2
    (line,) = errors.decode().splitlines()
    assert line.startswith("error: pre-flight check 'Backend' failed")
    assert API_KEY not in line


async def test_a_pooler_process_plants_and_ends_cleanly_at_sigterm(
    tmp_path: Path, node: NodeHandle, backend: FakeBackend, backend_address: str
) -> None:
    backend.farm.age_block(300)
    process = await start_pooler(tmp_path, **chain(node, backend_address))
    await until(backend.changes, lambda: len({each.farmer_id for each in backend.candidates}) == 3)
    process.terminate()
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    banner = output.decode().splitlines()
    assert banner[0].startswith("KALE pool Pooler")
    assert any(backend_address in line for line in banner)
    assert API_KEY not in errors.decode()
