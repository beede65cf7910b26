"""The commands as they are typed: help, one clear line for what cannot be, exit codes; never a traceback."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kalepool_cli.main import app
from kalepool_cli.processes import kalepool_command
from localnet.testing import running_localnet
from poolkit.version import VERSION
from tests.backend_svc.playground import PAYOUT_WALLET, Playground
from tests.kalepool_cli.commands import all_commands, all_groups

NOBODY = "127.0.0.1:9"
"""The discard port: nobody listens there."""
MASTER_KEY = "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA="
UNKNOWN_FARMER = "00000000-0000-4000-8000-000000000000"
CALLS = [
    ("farmer", "register", "--user-email", "ada@example.org", "--payout-wallet", PAYOUT_WALLET),
    ("farmer", "confirm-funding", UNKNOWN_FARMER),
    ("farmer", "get", UNKNOWN_FARMER),
    ("farmer", "list"),
    ("farmer", "update-stake", UNKNOWN_FARMER, "--stake-basis-points", "5000"),
    ("admin", "create-pooler", "pooler-2", "--key-file", "pooler-2.key"),
    ("admin", "list-poolers"),
    ("admin", "reconcile"),
]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for key in os.environ:
        if key.startswith(("BACKEND", "POOLER", "API_KEY", "KALE")):
            monkeypatch.delenv(key)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(words), env=environment)


@dataclass(frozen=True)
class Ended:
    """What a process left: its exit code, its standard output, and its lines on stderr without its log."""

    code: int
    out: str
    lines: list[str]


async def run_process(*words: str, folder: Path, **environment: str) -> Ended:
    """The command as a process of its own, with this environment alone."""
    process = await asyncio.create_subprocess_exec(
        *kalepool_command(*words),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120):
            out, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    lines = [line for line in said.decode().splitlines() if not line.startswith("{")]
    return Ended(process.returncode, out.decode(), lines)


async def start(*words: str, folder: Path, **environment: str) -> tuple[int, list[str]]:
    """A service that is not to come up: its exit code, and what it says beside its log."""
    ended = await run_process(*words, folder=folder, **environment)
    return ended.code, ended.lines


def test_every_call_of_the_backend_is_in_the_list() -> None:
    assert {call[:2] for call in CALLS} == {
        words for words in all_commands() if words[0] in ("farmer", "admin")
    }


@pytest.mark.parametrize("words", [(), *sorted(all_groups() | all_commands())], ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.output


def test_the_version() -> None:
    assert run("version").output == f"{VERSION}\n"


@pytest.mark.parametrize("call", CALLS, ids=lambda call: " ".join(call[:2]))
def test_a_call_without_a_key_is_one_line_and_exit_code_2(call: tuple[str, ...]) -> None:
    result = run(*call, "--backend", NOBODY)
    assert result.exit_code == 2
    assert result.output == "kalepool: no API key: give --api-key-file or set API_KEY\n"


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe", "schlüssel".encode()])
def test_a_file_without_a_key_is_one_line_that_does_not_quote_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "admin.key"
    file.write_bytes(content)
    result = run("farmer", "list", "--backend", NOBODY, "--api-key-file", str(file))
    assert result.exit_code == 2
    assert result.output == f"kalepool: {file} does not hold an API key\n"


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    result = run("admin", "reconcile", API_KEY_FILE=str(tmp_path / "none.key"))
    assert result.exit_code == 2
    assert result.output == (
        f"kalepool: cannot read the API key file {tmp_path / 'none.key'}: No such file or directory\n"
    )


@pytest.mark.parametrize("call", CALLS, ids=lambda call: " ".join(call[:2]))
def test_a_backend_that_is_away_is_one_line_and_exit_code_1(call: tuple[str, ...]) -> None:
    result = run(*call, BACKEND=NOBODY, API_KEY="kalepool_any")
    assert result.exit_code == 1
    assert result.output.startswith("kalepool: ")
    assert result.output.count("\n") == 1
    assert "kalepool_any" not in result.output
    assert not Path("pooler-2.key").exists()


async def test_calls_answer_in_json_and_refusals_are_one_line(ground: Playground, tmp_path: Path) -> None:
    admin = {
        "BACKEND": ground.backend.server.address,
        "API_KEY_FILE": str(ground.backend.settings.admin_key_path),
    }

    async def call(*words: str) -> Any:
        ended = await run_process(*words, folder=tmp_path, **admin)
        assert ended.code == 0, ended
        return json.loads(ended.out)

    assert (await call("admin", "create-pooler", "second", "--key-file", "second.key"))["name"] == "second"
    assert stat.S_IMODE((tmp_path / "second.key").stat().st_mode) == 0o600
    poolers = (await call("admin", "list-poolers"))["poolers"]
    assert "second" in [pooler["name"] for pooler in poolers]

    farmer = (await call(*CALLS[0], "--pooler-id", ground.pooler_id))["farmer"]
    assert farmer["status"] == "FARMER_STATUS_REGISTERED"
    assert (await call("farmer", "get", farmer["id"]))["farmer"]["id"] == farmer["id"]
    await ground.fund_with_xlm(farmer["public_key"])
    confirmed = await call("farmer", "confirm-funding", farmer["id"])
    assert confirmed["farmer"]["status"] == "FARMER_STATUS_ACTIVE"
    changed = await call("farmer", "update-stake", farmer["id"], "--stake-basis-points", "2500")
    assert changed["farmer"]["stake_basis_points"] == 2500
    listed = (await call("farmer", "list", "--status", "active"))["farmers"]
    assert [entry["id"] for entry in listed] == [farmer["id"]]
    assert (await call("admin", "reconcile"))["reconciled"] is True

    for words, line in [
        (("farmer", "get", "nobody"), "farmer_id: must be a UUID (got 'nobody')"),
        (
            ("farmer", "update-stake", farmer["id"], "--stake-basis-points", "5"),
            "stake_basis_points: must be",
        ),
        (
            ("admin", "create-pooler", "second", "--key-file", "third.key"),
            "name must be unique (got 'second'",
        ),
    ]:
        refused = await run_process(*words, folder=tmp_path, **admin)
        assert (refused.code, refused.out, len(refused.lines)) == (1, "", 1)
        assert refused.lines[0].startswith(f"kalepool: {line}")
    assert not (tmp_path / "third.key").exists()


async def test_a_pooler_s_key_opens_no_call_of_the_admin(ground: Playground, tmp_path: Path) -> None:
    refused = await run_process(
        "admin",
        "list-poolers",
        folder=tmp_path,
        BACKEND=ground.backend.server.address,
        API_KEY=ground.pooler_key,
    )
    assert (refused.code, refused.out, len(refused.lines)) == (1, "", 1)
    assert refused.lines[0].startswith("kalepool: ")
    assert ground.pooler_key not in refused.lines[0]


def test_a_key_file_that_exists_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "pooler.key"
    file.write_text("kalepool_old\n")
    result = run("admin", "create-pooler", "one", "--key-file", str(file), BACKEND=NOBODY, API_KEY="any")
    assert result.exit_code == 2
    assert file.read_text() == "kalepool_old\n"


def test_an_unknown_status_of_farmers_is_refused() -> None:
    result = run("farmer", "list", "--status", "asleep", BACKEND=NOBODY, API_KEY="any")
    assert result.exit_code == 2
    assert "is not a farmer status" in result.output


def test_a_demo_does_not_play_in_a_folder_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "letters").write_text("dear")
    result = run("demo", "--data", str(tmp_path))
    assert result.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_a_file_that_is_no_recording_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    result = run("replay", str(tmp_path / "none.jsonl"))
    assert result.exit_code == 2
    assert "Traceback" not in result.output


async def test_a_taken_port_is_one_line_and_exit_code_2(
    tmp_path: Path, taken_port: int, database_url: str
) -> None:
    code, lines = await start("localnet", "--port", str(taken_port), folder=tmp_path)
    assert (code, lines) == (
        2,
        [f"error: port {taken_port} of 127.0.0.1 is taken; choose another with --port"],
    )
    async with running_localnet() as node:
        chain = {"STELLAR_NETWORK": "local", "RPC_URL": node.rpc_url}
        backend = {"DATABASE_URL": database_url, "MASTER_KEY": MASTER_KEY, "BACKEND_PORT": str(taken_port)}
        pooler = {"POOLER_API_KEY": "kalepool_any", "POOLER_PORT": str(taken_port)}
        for service, settings in (("backend", backend), ("pooler", pooler)):
            code, lines = await start(service, folder=tmp_path, **chain, **settings)
            assert (code, len(lines)) == (2, 1)
            assert f"can not listen on 127.0.0.1:{taken_port}" in lines[0]
            assert f"set another {service.upper()}_PORT" in lines[0]


async def test_an_rpc_that_is_away_is_one_line_and_exit_code_2(tmp_path: Path, database_url: str) -> None:
    chain = {"STELLAR_NETWORK": "local", "RPC_URL": f"http://{NOBODY}"}
    backend = {"DATABASE_URL": database_url, "MASTER_KEY": MASTER_KEY, "BACKEND_PORT": "0"}
    pooler = {"POOLER_API_KEY": "kalepool_any", "POOLER_PORT": "0"}
    for service, settings in (("backend", backend), ("pooler", pooler)):
        code, lines = await start(service, folder=tmp_path, **chain, **settings)
        assert (code, len(lines)) == (2, 1)
        assert lines[0].startswith("error: pre-flight check 'network' failed: ")
        assert f"http://{NOBODY}" in lines[0]


@pytest.mark.parametrize("url", [f"postgresql://ada:sesame@{NOBODY}/none", "sesame", "postgresql://[sesame"])
async def test_a_database_that_is_away_is_one_line_without_its_password(tmp_path: Path, url: str) -> None:
    settings = {"STELLAR_NETWORK": "local", "RPC_URL": f"http://{NOBODY}", "MASTER_KEY": MASTER_KEY}
    code, lines = await start("backend", folder=tmp_path, DATABASE_URL=url, BACKEND_PORT="0", **settings)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("error: ")
    assert "DATABASE_URL" in lines[0]
    assert "ada" not in lines[0]
    assert "sesame" not in lines[0]


async def test_a_backend_that_is_away_ends_the_pooler_s_start(tmp_path: Path) -> None:
    async with running_localnet() as node:
        code, lines = await start(
            "pooler",
            folder=tmp_path,
            STELLAR_NETWORK="local",
            RPC_URL=node.rpc_url,
            POOLER_API_KEY="kalepool_any",
            POOLER_PORT="0",
            BACKEND_ADDRESS=NOBODY,
        )
    assert (code, len(lines)) == (2, 1)
    assert "check BACKEND_ADDRESS and POOLER_API_KEY" in lines[0]


@pytest.mark.parametrize("service", ["backend", "pooler"])
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("BACKEND_PROT=1\nPOOLER_PROT=1\n", "_PROT is unknown, did you mean "),
        ("STELLAR_NETWORK=moon\n", "STELLAR_NETWORK: "),
        ("RPC_URL=ftp://one.example\n", "RPC_URL: must be one or more http:// or https:// addresses"),
        ("LOG_FILE=/dev/null/pool.log\n", "LOG_FILE /dev/null/pool.log can't be written: "),
        ("HORIZON_URL=https://one.example\n", "HORIZON_URL is not used any more"),
        ("\xff\n", "can't be read: "),
    ],
    ids=["unknown", "network", "address", "log file", "dropped", "not text"],
)
async def test_a_bad_configuration_is_one_line_and_exit_code_2(
    tmp_path: Path, service: str, settings: str, text: str
) -> None:
    good = f"STELLAR_NETWORK=local\nRPC_URL=http://{NOBODY}\n"
    key = "POOLER_API_KEY=kalepool_any\n" if service == "pooler" else ""
    (tmp_path / "service.env").write_bytes((good + key + settings).encode("latin-1"))
    code, lines = await start(service, "--env-file", "service.env", folder=tmp_path)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("error: ")
    assert text in lines[0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--speed", "0"), "speed is 0, must be above 0"),
        (("--speed", "max"), "speed is max, but no ledger closes without a driver: add --driver"),
        (("--speed", "60", "--driver"), "speed is 60, but a driver closes ledgers at speed max only"),
        (("--speed", "fast"), "speed is 'fast', must be a number or max"),
        (("--admin-port", "70000"), "admin port is 70000, must be between 0 and 65535"),
        (("--port", "70000", "--admin-port", "0"), "port is 70000, must be between 0 and 65535"),
        (("--state", "none/chain.state"), "state file none/chain.state cannot be opened: "),
        (("--fork", __file__), f"fork file {__file__}, line 1: Invalid JSON"),
        (("--retention-ledgers", "1"), "retention is 1 ledgers, must be at least 2"),
        (("--background-load", "11"), "background load: classic is 11.0, must be between 0 and 10"),
        (("--protocol", "22"), "protocol_version is 22, must be between 23 and 99"),
        (("--network-settings", "futurenet"), "network settings futurenet: neither one of mainnet, testnet"),
    ],
)
async def test_a_localnet_that_cannot_be_is_one_line(
    tmp_path: Path, options: tuple[str, ...], text: str
) -> None:
    code, lines = await start("localnet", *options, folder=tmp_path)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"error: {text}")


@pytest.mark.parametrize(
    ("folder", "text"),
    [
        ("file/data", "cannot make "),
        ("two words", "PostgreSQL can't run in a folder with a blank in its name: "),
    ],
)
async def test_a_folder_that_postgresql_cannot_have_is_one_line(
    tmp_path: Path, folder: str, text: str
) -> None:
    (tmp_path / "file").write_text("")
    code, lines = await start("postgres", "--data", str(tmp_path / folder), folder=tmp_path)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith(f"error: {text}")
