"""`kalepool localnet ctl …` against a running localnet, and against none."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from kalepool_cli.main import app
from localnet.testing import NodeHandle, running_localnet


async def ctl(node: NodeHandle, *words: str) -> Any:
    result = await run(*words, "--admin", node.admin_url)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


async def run(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["localnet", "ctl", *words])


async def test_the_clock_is_controlled_from_the_command_line() -> None:
    async with running_localnet(runs_clock=False) as node:
        assert (await ctl(node, "status"))["sequence"] == 1
        assert (await ctl(node, "step"))["sequence"] == 2
        assert (await ctl(node, "nodes"))["nodes"][0]["latest_ledger"] == 2
        assert (await ctl(node, "step", "3"))["sequence"] == 5
        assert (await ctl(node, "speed", "0.5"))["speed"] == 0.5
        assert (await ctl(node, "resume"))["paused"] is False
        assert (await ctl(node, "pause"))["paused"] is True
        assert (await ctl(node, "jump", "--before", "30"))["closed_ledgers"] == 49
        assert (await ctl(node, "status"))["seconds_to_boundary"] == 35


async def test_the_background_load_is_controlled_from_the_command_line() -> None:
    async with running_localnet(runs_clock=False) as node:
        assert (await ctl(node, "load"))["classic"] == 0
        changed = await ctl(node, "load", "--classic", "1.5", "--bid", "500")
        assert (changed["classic"], changed["soroban"], changed["median_bid_stroops"]) == (1.5, 0, 500)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("speed", "max"), "speed max needs a driver, and nobody holds the ticket"),
        (("speed", "0"), "speed: speed is 0, must be above 0"),
        (("speed", "fast"), "speed: speed is 'fast', must be a number or max (got 'fast')"),
        (("load", "--soroban", "11"), "soroban: Input should be less than or equal to 10 (got 11.0)"),
        (("step", "0"), "ledgers: Input should be greater than or equal to 1 (got 0)"),
    ],
)
async def test_a_refusal_is_one_line_and_exit_code_1(words: tuple[str, ...], text: str) -> None:
    async with running_localnet(runs_clock=False) as node:
        result = await run(*words, "--admin", node.admin_url)
    assert result.exit_code == 1
    assert result.output.startswith(f"kalepool: {text}")
    assert result.output.count("\n") == 1


async def test_the_rpc_is_no_admin_endpoint() -> None:
    async with running_localnet(runs_clock=False) as node:
        result = await run("step", "--admin", node.rpc_url)
    assert result.exit_code == 1
    assert result.output == f"kalepool: {node.rpc_url} is the RPC of a chain, and not its admin endpoint\n"


async def test_an_endpoint_that_is_away_is_one_line() -> None:
    result = await run("status", "--admin", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert result.output.startswith("kalepool: no answer from the admin endpoint http://127.0.0.1:9: ")
    result = await run("status", "--admin", "127.0.0.1:9")
    assert (result.exit_code, result.output) == (
        2,
        "kalepool: --admin is '127.0.0.1:9', must be a http:// URL\n",
    )


async def test_faults_come_and_go_from_the_command_line() -> None:
    async with running_localnet(runs_clock=False) as node:
        added = await ctl(node, "faults", "add", "one_percent")
        assert len(added["rules"]) > 10
        assert await ctl(node, "faults", "list") == added
        assert (await ctl(node, "faults", "remove", "3"))["rules"] == added["rules"][2:3]
        assert len((await ctl(node, "faults", "clear"))["rules"]) == len(added["rules"]) - 1
        assert await ctl(node, "faults", "list") == {"rules": []}


async def test_a_fault_file_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("[[fault]]\nkind = 'garbage'\nodds = 1\n")
    async with running_localnet(runs_clock=False) as node:
        result = await run("faults", "add", str(file), "--admin", node.admin_url)
    assert result.exit_code == 1
    assert result.output.startswith(f"kalepool: {file}, line 3: odds is no key of a garbage fault; ")
    assert (await run("faults", "add", "none.toml")).output.startswith("kalepool: faults none.toml: neither ")


async def test_rivals_come_and_go_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("[[rivals]]\nstrategy = 'idle'\nmhs = 1\n")
    async with running_localnet(runs_clock=False) as node:
        added = await ctl(node, "rivals", "add", "meddler")
        assert {rival["strategy"] for rival in added["rivals"]} == {"meddler", "fixed_delay"}
        assert await ctl(node, "rivals", "list") == added
        assert await ctl(node, "rivals", "clear") == added
        assert await ctl(node, "rivals", "list") == {"rivals": []}
        result = await run("rivals", "add", str(file), "--admin", node.admin_url)
    assert result.exit_code == 1
    assert result.output.startswith(f"kalepool: {file}, line 3: mhs is no key of a group that plays idle; ")
    assert (await run("rivals", "add", "none.toml")).output.startswith("kalepool: rivals none.toml: neither ")


async def test_saved_entries_are_what_another_localnet_begins_with(tmp_path: Path) -> None:
    file = tmp_path / "entries.jsonl"
    async with running_localnet(runs_clock=False) as node:
        await ctl(node, "step", "7")
        said = await ctl(node, "save-entries", str(file))
        entries = dict(node.chain.state.entries())
    assert said == {"file": str(file), "sequence": 8, "entries": len(entries)}
    assert list(tmp_path.iterdir()) == [file]
    async with running_localnet(runs_clock=False, fork=file) as node:
        assert node.chain.state.entries() == entries
        result = await run("save-entries", str(tmp_path / "none" / "file"), "--admin", node.admin_url)
    assert result.exit_code == 2
    assert result.output.startswith("kalepool: cannot write ")
