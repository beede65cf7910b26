"""The README as written: its calls by hand against a whole pool, its commands; and no secret lies open."""

import asyncio
import os
import re
import signal
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from stellar_sdk import Keypair, StrKey
from typer.testing import CliRunner

from kale.networks import LOCAL
from kalepool.v1 import pooler_pb2, types_pb2
from kalepool.v1.pooler_pb2_grpc import PoolerServiceStub
from kalepool_cli.demo.wallets import Wallet, ask_friendbot
from kalepool_cli.main import app
from poolkit.stellar_rpc import StellarRpc
from tests.kalepool_cli.commands import all_commands, command_of
from tests.mesh.harness import Mesh, running_mesh

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text()
SPEED = 20.0
CALLS_WALL_SECONDS = 240
_SEED = re.compile(rb"S[A-Z2-7]{55}")
_WATCH_WALL_SECONDS = 0.02

pytestmark = pytest.mark.timeout(900)

# What each block of the section must say, in this order.
TELLING = [
    [],
    [
        "kalepool.v1.BackendService\n",
        "kalepool.v1.FarmerService\n",
        "rpc RegisterFarmer",
        "payout_wallet = 6;",
    ],
    ["HEALTH_STATUS_SERVING", "latest_ledger", "POOLER_STATE_IDLE", '"draining": true', '"backend_link"'],
    ['"name": "by-hand"', "API key written to "],
    ['"status": "FARMER_STATUS_REGISTERED"', "FUNDING_PURPOSE_ACCOUNT_RESERVE"],
    ['"successful": true', '"status": "FARMER_STATUS_ACTIVE"', '"trustline_transaction_hash"'],
    ['"opened"', '"outcome"', '"planted"', '"plant_ledger"', '"summary"', '"requested": 1,', '"planted": 1,'],
    ['"resumed": true', '"outcome"', '"summary"', '"goodbye"'],
    ["InvalidArgument", "REASON_INVALID_FIELD", '"field": "payout_wallet"', "(got 'GNOBODY')"],
]


def section(title: str) -> str:
    text = README.split(f"\n## {title}\n", 1)[1]
    return text.split("\n## ", 1)[0]


BLOCKS: list[str] = re.findall(r"^```sh\n(.*?)^```$", section("Call it by hand"), re.DOTALL | re.MULTILINE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mesh() -> AsyncIterator[Mesh]:
    """As `demo --keep` leaves it: a block was played whole, and the Pooler plants no more."""
    async with running_mesh(farmers=2, speed=SPEED) as mesh:
        assert await mesh.start_pooler_in_a_new_block() == 1
        await mesh.wait_for_plants(1)
        async with mesh.pool.pooler_channel() as channel:
            await PoolerServiceStub(channel).Drain(pooler_pb2.DrainRequest(request_id=str(uuid.uuid4())))
        await mesh.wait_for_works(1)
        await open_next_block(mesh)
        await mesh.wait_for_harvests(1)

        async def idle() -> bool:
            return (await mesh.status()).status == types_pb2.POOLER_STATE_IDLE

        await mesh.eventually("the drained Pooler is idle", idle)
        mesh.pool.write_env_file()
        yield mesh


async def open_next_block(mesh: Mesh) -> None:
    """Somebody who is no farmer of the pool plants as soon as that opens a block."""
    outsider = Keypair.random()
    await ask_friendbot(mesh.pool.friendbot_url, [outsider.public_key])

    async def openable() -> bool:
        return (await mesh.status()).current_block.next_block_can_be_opened

    await mesh.eventually("the next block can be opened", openable)
    async with StellarRpc([mesh.pool.rpc_url]) as rpc:
        await Wallet(rpc, LOCAL, outsider, mesh.pool.ledger_wall_seconds / 2).plant_nothing()


async def run_as_written(blocks: list[str], data: Path) -> list[str]:
    """Run the blocks in one shell, which ends at the first command that fails; what each block printed."""
    script = "set -euo pipefail\n" + "".join(
        f"{block}\necho '@@ end of block {number} @@'\n" for number, block in enumerate(blocks)
    )
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("BACKEND", "POOLER"))}
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        script,
        cwd=REPOSITORY,
        env={**inherited, "DATA": str(data)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(CALLS_WALL_SECONDS):
            said, _ = await shell.communicate()
    finally:
        if shell.returncode is None:
            os.killpg(shell.pid, signal.SIGKILL)
    text = said.decode()
    assert shell.returncode == 0, text
    said_by_block = re.split(r"@@ end of block \d+ @@\n", text)
    assert len(said_by_block) == len(blocks) + 1, text
    return said_by_block[:-1]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_calls_by_hand_run_as_written_and_show_no_key(mesh: Mesh) -> None:
    assert len(BLOCKS) == len(TELLING)
    arguments: set[str] = set()
    watching = asyncio.create_task(watch_arguments(arguments))
    try:
        said_by_block = await run_as_written(BLOCKS, mesh.pool.data)
    finally:
        watching.cancel()
    for said, telling in zip(said_by_block, TELLING, strict=True):
        for text in telling:
            assert text in said
    assert any("grpcurl" in argument for argument in arguments)
    for secret in secrets_of(mesh.pool.data):
        assert not any(secret in argument for argument in arguments)
        assert not any(secret in said for said in said_by_block)
    _, summary = await mesh.reconcile()
    assert summary.reconciled
    assert summary.farmers == mesh.farmers + 1


@pytest.mark.asyncio(loop_scope="module")
async def test_no_secret_is_in_a_log_or_in_the_database_or_in_a_process_s_arguments(mesh: Mesh) -> None:
    data = mesh.pool.data
    for name in ("backend", "pooler", "localnet", "postgres"):
        assert (data / "logs" / f"{name}.log").stat().st_size > 0
    secrets = secrets_of(data)
    assert len(secrets) >= 3
    for path in files_in_the_open(data):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # the database removes files of its own as it goes on
        for secret in secrets:
            assert secret.encode() not in content, f"a key is in {path}"
        assert not list(seeds_in(content)), f"a seed is in {path}"
    for argument in arguments_of_processes():
        assert not any(secret in argument for secret in secrets)
    ours = " ".join(map(command_line, psutil.Process().children(recursive=True)))
    assert "kalepool_cli.main" in ours
    assert not list(seeds_in(ours.encode()))


async def watch_arguments(arguments: set[str]) -> None:
    """Collect what anybody on this machine could read of every process, until cancelled."""
    while True:
        arguments.update(await asyncio.to_thread(arguments_of_processes))
        await asyncio.sleep(_WATCH_WALL_SECONDS)


def command_line(process: psutil.Process) -> str:
    """Empty if it has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def arguments_of_processes() -> list[str]:
    return [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]


def secrets_of(data: Path) -> list[str]:
    """All keys of the pool as text: of admin and poolers, and the master key."""
    return [path.read_text().strip() for path in (data / "keys").iterdir()]


def files_in_the_open(data: Path) -> Iterator[Path]:
    """All of the data folder but the key files: logs, the environment file, the database."""
    for folder, _, names in os.walk(data):
        for path in (Path(folder) / name for name in names):
            if path.is_file() and not path.is_relative_to(data / "keys"):
                yield path


def seeds_in(content: bytes) -> Iterator[str]:
    for match in _SEED.finditer(content):
        text = match.group().decode()
        if StrKey.is_valid_ed25519_secret_seed(text):
            yield text


def test_no_call_by_hand_has_a_key_among_its_arguments() -> None:
    """grpcurl fills in the names itself: the shell must leave them alone."""
    headers = [header for block in BLOCKS for header in re.findall(r"-H \S+ \S+ \S+", block)]
    assert len(headers) >= 5
    for header in headers:
        assert re.fullmatch(r"-H 'authorization: Bearer \$\{[A-Z_]+\}'", header)


def test_every_command_that_the_readme_names_exists_and_every_call_is_named() -> None:
    named, existing = commands_of_the_readme(), all_commands()
    assert named <= existing
    assert {words for words in existing if len(words) > 1} <= named
    for words in sorted(named):
        result = CliRunner().invoke(app, [*words, "--help"])
        assert result.exit_code == 0, words
        assert "Usage: " in result.output


@pytest.mark.parametrize("name", sorted(set(re.findall(r"scripts/([a-z-]+)", README))))
def test_every_script_that_the_readme_names_answers_help(name: str) -> None:
    script = REPOSITORY / "scripts" / name
    result = subprocess.run([script, "--help"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "Usage: " in result.stdout


def commands_of_the_readme() -> set[tuple[str, ...]]:
    """Those in code blocks, and those in the table, where a row may name several of a group."""
    named: set[tuple[str, ...]] = set()
    for line in re.findall(r"^(?: {4})?kalepool (.*)$", README, re.MULTILINE):
        named.add(command_of(line.split()) or (line,))
    for line, others in re.findall(r"^\| `kalepool ([^`]*)`([^|]*) \|", README, re.MULTILINE):
        first = command_of(line.split()) or (line,)
        named |= {first, *((*first[:-1], word) for word in re.findall(r"`([a-z-]+)`", others))}
    return named
