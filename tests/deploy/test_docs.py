"""What docs/ tells people to type works as it stands there."""

import asyncio
import re
import stat
import subprocess
from pathlib import Path

import pytest
from stellar_sdk import Keypair
from typer.testing import CliRunner

from backend_svc.custody import master_keys
from kalepool_cli.main import app
from localnet.testing import running_localnet
from tests.kalepool_cli.commands import command_of

DOCS = Path(__file__).resolve().parents[2] / "docs"


def code_blocks(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines() if line.startswith("    "))


def test_the_command_that_makes_a_master_key_makes_one(tmp_path: Path) -> None:
    command = re.search(r"^\(umask .*$", code_blocks((DOCS / "operations.md").read_text()), re.MULTILINE)
    assert command is not None
    subprocess.run(["bash", "-euc", command.group()], cwd=tmp_path, check=True, timeout=120)
    file = tmp_path / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(master_keys(None, file, may_make=False)) == 1


async def test_the_faucet_s_payment_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    snippet = re.search(r"```python\n(.*?)```", (DOCS / "localnet.md").read_text(), re.DOTALL)
    assert snippet is not None
    async with running_localnet() as node:
        program = snippet.group(1).replace("http://127.0.0.1:8000", node.rpc_url)
        program = program.replace("G… with a trustline", Keypair.random().public_key)
        await asyncio.to_thread(exec, program, {})
    assert capsys.readouterr().out.endswith("SendTransactionStatus.PENDING\n")


async def test_the_driver_of_the_page_drives(capsys: pytest.CaptureFixture[str]) -> None:
    snippet = re.search(r"```python\n(.*?)```", (DOCS / "localnet-clock.md").read_text(), re.DOTALL)
    assert snippet is not None
    async with running_localnet(speed=0.001, start_time=1_790_000_000) as node:
        program = snippet.group(1).replace("http://127.0.0.1:8001", node.admin_url)
        await asyncio.to_thread(exec, program, {})
    assert capsys.readouterr().out == "101 1790000500\n"


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    for line in re.findall(r"^kalepool (.*)$", code_blocks(page.read_text()), re.MULTILINE):
        words = line.split()
        command = command_of(words)
        assert command
        text = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"}).output
        for option in (word for word in words if word.startswith("--")):
            assert option in text
