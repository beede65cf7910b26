"""A pool on one machine: what its processes get, how their end is told, what it leaves for a shell."""

import asyncio
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kalepool_cli.local_pool import LocalPool
from kalepool_cli.processes import ProcessFailed
from kalepool_cli.secret_files import write_secret
from poolkit.errors import RpcUnavailable


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[LocalPool]:
    """Nothing of it runs yet; its folder is one that PostgreSQL's own system user may pass."""
    with tempfile.TemporaryDirectory(prefix="kalepool-local-") as folder:
        Path(folder).chmod(0o755)
        pool = LocalPool(Path(folder), speed=60)
        yield pool
        await pool.stop()


async def test_what_never_started_stops_cleanly(pool: LocalPool) -> None:
    assert await pool.stop() == []


async def test_a_process_that_ends_ends_what_is_played_and_is_named(pool: LocalPool) -> None:
    await pool.start_chain_and_database()
    ended = asyncio.Event()

    async def play() -> None:
        try:
            pool.localnet.kill()
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(ProcessFailed, match="localnet ended with exit code -9"):
        await pool.run_watched(play())
    assert ended.is_set()
    assert await pool.stop() == ["localnet"]


async def test_a_process_that_is_started_in_the_play_is_watched_as_well(pool: LocalPool) -> None:
    async def play() -> None:
        await pool.start_chain_and_database()
        pool.localnet.kill()
        await asyncio.Event().wait()

    async with asyncio.timeout(120):
        with pytest.raises(ProcessFailed, match="localnet ended with exit code -9"):
            await pool.run_watched(play())


async def test_a_play_that_fails_because_a_process_has_ended_is_told_by_the_process(pool: LocalPool) -> None:
    await pool.start_chain_and_database()

    async def play() -> None:
        pool.localnet.kill()
        raise RpcUnavailable("nobody answers any more")

    with pytest.raises(ProcessFailed, match="localnet ended with exit code -9"):
        await pool.run_watched(play())


async def test_a_watched_play_gives_its_result_and_its_own_errors(pool: LocalPool) -> None:
    await pool.start_chain_and_database()

    async def result() -> int:
        return 7

    async def failure() -> None:
        raise KeyError("no farmer")

    assert await pool.run_watched(result()) == 7
    with pytest.raises(KeyError, match="no farmer"):
        await pool.run_watched(failure())
    assert await pool.stop() == []


async def test_a_service_that_cannot_start_is_told_with_its_own_words(pool: LocalPool) -> None:
    pool.backend_settings["BACKEND_PROT"] = "1"
    with pytest.raises(ProcessFailed) as caught:
        await pool.start_backend()
    assert "backend ended with exit code 2" in str(caught.value)
    assert "BACKEND_PROT is unknown, did you mean BACKEND_PORT?" in str(caught.value)


async def test_settings_of_the_shell_are_not_for_its_services(
    pool: LocalPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("BACKEND_PROT", "POOLER_ID", "KALE_CONTRACT", "HORIZON_URL", "DB_POOL_SIZE", "MASTER_KEY"):
        monkeypatch.setenv(key, "nonsense")
    pool.database_url = "postgresql://127.0.0.1:9/none"
    pool.rpc_port = 9
    with pytest.raises(ProcessFailed, match="pre-flight check 'database' failed"):
        await pool.start_backend()


def test_its_file_for_a_shell_has_addresses_and_takes_keys_from_their_files(tmp_path: Path) -> None:
    data = tmp_path / "a pool's data"
    pool = LocalPool(data, speed=1, backend_port=3000, pooler_port=3001, rpc_port=8000)
    pool.database_url = "postgresql://postgres:@/kalepool?host=/somewhere"
    write_secret(pool.admin_key_file, "kalepool_admin")
    write_secret(pool.pooler_key_file, "kalepool_pooler")
    file = pool.write_env_file()
    assert "kalepool_" not in file.read_text()
    names = ("BACKEND", "POOLER", "RPC_URL", "FRIENDBOT_URL", "DATABASE_URL", "ADMIN_KEY", "OPERATOR_KEY")
    script = f'. "$1" && printenv {" ".join(names)} && cat "$API_KEY_FILE" && ls "$KEYS"'
    shell = subprocess.run(
        ["bash", "-euc", script, "bash", file], capture_output=True, text=True, timeout=120, check=True
    )
    assert shell.stdout.splitlines() == [
        "127.0.0.1:3000",
        "127.0.0.1:3001",
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8000/friendbot",
        "postgresql://postgres:@/kalepool?host=/somewhere",
        "kalepool_admin",
        "kalepool_pooler",
        "kalepool_admin",
        "admin.key",
        "pooler.key",
    ]
