"""The localnet as a process: banner, signals, a taken port, refused settings."""

import asyncio
import dataclasses
import re
import signal
import socket
import sys
from collections.abc import Callable

import pytest
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale.networks import LOCAL, MAINNET, TESTNET, Network
from localnet.chain.speed import DRIVEN
from localnet.settings import LocalnetSettings
from poolkit.startup_error import StartupError

PROGRAM = (
    "import sys; from localnet.main import run; from localnet.settings import LocalnetSettings; "
    "sys.exit(run(LocalnetSettings(port=int(sys.argv[1]), speed=60)))"
)

FAULTY_PROGRAM = "from localnet.faults.fault_file import load_faults; " + PROGRAM.replace(
    "speed=60", "speed=60, faults=load_faults('one_percent', 1)"
)


async def start(port: int, program: str = PROGRAM) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        str(port),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def read_banner(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or "faucet" not in lines[-1]:
        lines.append((await process.stdout.readline()).decode())
    return "".join(lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_until_it_is_told_to_stop(number: signal.Signals) -> None:
    process = await start(0)
    banner = await read_banner(process)
    assert LOCAL.passphrase in banner
    assert LOCAL.farm_contract_id in banner
    address = re.search(r"http://[\d.]+:\d+", banner)
    assert address is not None
    async with SorobanServerAsync(address.group()) as rpc:
        first = await rpc.get_latest_ledger()
        while (await rpc.get_latest_ledger()).sequence == first.sequence:
            pass
        process.send_signal(number)
        assert await process.wait() == 0


async def test_a_taken_port_is_one_line_and_exit_code_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await start(port)
        out, err = await process.communicate()
    assert process.returncode == 2
    assert out == b""
    assert err.decode() == (f"error: port {port} of 127.0.0.1 is taken; choose another with --port\n")


async def test_at_its_end_it_tells_how_often_each_fault_struck() -> None:
    process = await start(0, FAULTY_PROGRAM)
    await read_banner(process)
    process.send_signal(signal.SIGTERM)
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert b"\nfault 1 connection_refused: struck 0 of 0 times\nfault 2 status: struck 0 " in out


@pytest.mark.parametrize("real", [MAINNET, TESTNET], ids=lambda network: network.name)
def test_a_real_networks_passphrase_is_refused(real: Network) -> None:
    with pytest.raises(StartupError, match=f"refuses the passphrase of {real.name}"):
        LocalnetSettings(network=real)
    renamed = dataclasses.replace(LOCAL, passphrase=real.passphrase)
    with pytest.raises(StartupError, match="refuses the passphrase"):
        LocalnetSettings(network=renamed)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: LocalnetSettings(speed=0.0), "speed is 0, must be above 0 and at most 1000, or max"),
        (lambda: LocalnetSettings(speed=1001.0), "speed is 1001"),
        (lambda: LocalnetSettings(speed=DRIVEN), "speed is max, but no ledger closes without a driver"),
        (lambda: LocalnetSettings(driver=True), "speed is 1, but a driver closes ledgers at speed max only"),
        (lambda: LocalnetSettings(port=65_536), "port is 65536, must be between 0 and 65535"),
        (lambda: LocalnetSettings(admin_port=-1), "admin port is -1, must be between 0 and 65535"),
        (lambda: LocalnetSettings(retention_ledgers=1), "retention is 1 ledgers, must be at least 2"),
        (lambda: LocalnetSettings(start_time=-1), "start time is -1"),
    ],
)
def test_settings_outside_of_their_limits_are_refused_by_name(
    make: Callable[[], LocalnetSettings], text: str
) -> None:
    with pytest.raises(StartupError, match=text):
        make()


async def test_a_start_does_without_what_only_others_need() -> None:
    """Each of these takes a tenth of a second or so: a localnet answers within one."""
    heavy = ["grpc", "google.protobuf", "structlog", "rich", "psutil", "sqlite3", "psycopg2", "peewee"]
    program = (
        "import sys, kalepool_cli.main, localnet.main; from localnet.settings import LocalnetSettings; "
        "from localnet.server import LocalnetNode; LocalnetNode(LocalnetSettings(port=0)); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert (process.returncode, out.decode()) == (0, "[]\n")
