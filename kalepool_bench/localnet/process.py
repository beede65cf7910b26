"""A localnet of its own process, with a driver: only the bench closes its ledgers."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import psutil

from kalepool_cli.processes import ManagedProcess, ProcessFailed, kalepool_command
from poolkit.ports import keep_port

_HOST: Final = "127.0.0.1"
_READY_WALL_SECONDS: Final = 120.0
_POLL_WALL_SECONDS: Final = 0.002
_HEALTH: Final = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}


@dataclass(frozen=True)
class LocalnetProcess:
    """One that serves; `start_seconds` is the time from its start to its first answer."""

    rpc_url: str
    admin_url: str
    start_seconds: float
    _process: psutil.Process

    def cpu_seconds(self) -> float:
        """What it has used of all CPUs, in user code and in the kernel."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def rss_bytes(self) -> int:
        return int(self._process.memory_info().rss)


@asynccontextmanager
async def localnet_process(folder: Path, entries: Path | None = None) -> AsyncIterator[LocalnetProcess]:
    """Starts one on free ports, on top of saved entries if there are any. Raises ProcessFailed."""
    kept, kept_admin = keep_port(), keep_port()
    port, admin_port = kept.number, kept_admin.number
    arguments = [
        "localnet",
        "--port",
        str(port),
        "--admin-port",
        str(admin_port),
        "--speed",
        "max",
        "--driver",
    ]
    if entries is not None:
        arguments += ["--fork", str(entries)]
    process = ManagedProcess("localnet", kalepool_command(*arguments), os.environ, folder / "localnet.log")
    started = time.monotonic()
    await process.start()
    try:
        rpc_url = f"http://{_HOST}:{port}"
        await _wait_until_it_answers(process, rpc_url)
        yield LocalnetProcess(
            rpc_url,
            f"http://{_HOST}:{admin_port}",
            time.monotonic() - started,
            psutil.Process(process.pid),
        )
    finally:
        await process.stop()
        kept.close()
        kept_admin.close()


async def _wait_until_it_answers(process: ManagedProcess, rpc_url: str) -> None:
    deadline = time.monotonic() + _READY_WALL_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            if not process.is_running:
                await process.fail_if_ended()
            try:
                async with session.post(rpc_url, json=_HEALTH) as answer:
                    if (await answer.json()).get("result"):
                        return
            except aiohttp.ClientError:
                pass  # not there yet
            await asyncio.sleep(_POLL_WALL_SECONDS)
    raise ProcessFailed(f"localnet did not answer within {_READY_WALL_SECONDS:g} s; {process.log_tail()}")
