"""The commands as they are typed: JSON and nothing else on stdout, one line for what cannot be."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner, Result

from kalepool_bench.display import warn_of_others
from kalepool_cli.main import app
from kalepool_cli.processes import kalepool_command
from miner_ext import isas
from miner_ext.scheduling import usable_cpus

CPUS = len(usable_cpus())


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["bench", *words], env=environment)


def test_hash_prints_an_object_for_each_isa_and_number_of_threads() -> None:
    result = run("hash", "--isa", f"portable,{isas()[0]}", "--threads", "1", "--seconds", "0.1", "--json")
    assert result.exit_code == 0
    rates = json.loads(result.stdout)
    assert [(rate["isa"], rate["threads"]) for rate in rates] == [
        (isa, 1) for isa in dict.fromkeys(["portable", isas()[0]])
    ]
    for rate in rates:
        assert list(rate) == ["isa", "threads", "mhs", "mhs_per_core", "yardstick_mperms", "ratio"]
        assert rate["mhs"] == rate["mhs_per_core"] > 0
        assert rate["ratio"] > 0
        assert rate["yardstick_mperms"] > 0


def test_hash_prints_a_table_for_people() -> None:
    result = run("hash", "--isa", "portable", "--seconds", "0.1")
    assert result.exit_code == 0
    assert "MH/s a core" in result.stdout
    assert "portable" in result.stdout
    assert ("2 threads, times as fast as 1: portable " in result.stdout) == (CPUS > 1)


def test_search_prints_an_object_for_each_isa() -> None:
    result = run("search", "--isa", "portable", "--seconds", "0.1", "--json")
    assert result.exit_code == 0
    (found,) = json.loads(result.stdout)
    assert list(found) == ["isa", "stop_latency", "python_progress", "two_threads", "cpu_share"]
    assert found["isa"] == "portable"
    assert [stop["threads"] for stop in found["stop_latency"]] == list(dict.fromkeys([1, CPUS]))
    for stop in found["stop_latency"]:
        assert list(stop) == ["threads", "samples", "p50_ms", "p99_ms", "max_ms"]


def test_search_prints_a_table_for_people() -> None:
    result = run("search", "--isa", "portable", "--seconds", "0.1")
    assert result.exit_code == 0
    assert "p99 ms" in result.stdout


def test_localnet_prints_what_the_local_chain_costs() -> None:
    words = ("--accounts", "40", "--plants", "40", "--transactions", "100", "--blocks", "1", "--json")
    result = run("localnet", *words)
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert list(found) == ["start_seconds", "costs", "memory", "day"]
    assert found["start_seconds"] > 0
    assert {(cost["accounts"], cost["count"]) for cost in found["costs"]} == {(40, 40)}
    assert [row["name"] for row in found["memory"]] == ["idle ledgers", "transactions"]
    assert all(row["rss_mb"] > 0 for row in found["memory"])
    assert found["day"]["transactions"] == 3 * found["day"]["farmers"] + 1


def test_localnet_refuses_more_plants_than_it_has_farmers() -> None:
    result = run("localnet", "--accounts", "1000", "--accounts", "30", "--plants", "31")
    assert result.exit_code == 2
    assert "--plants must be at most --accounts, 30 (got 31)" in result.stderr


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_soak_s_exit_code_is_its_verdict(options: tuple[str, ...]) -> None:
    """In a process of its own: what this one holds changes with the tests that came before."""
    command = kalepool_command("bench", "soak", "--searches", "2000", *options)
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.stderr == ""
    if options:
        assert ended.returncode == (0 if json.loads(ended.stdout)["passed"] else 1)
    else:
        assert ("nothing grew" in ended.stdout) == (ended.returncode == 0)
        assert "after searches" in ended.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("hash", "--isa", "sse"), f"--isa must be one of {', '.join(isas())}, got 'sse'"),
        (("search", "--isa", "portable,sse"), f"--isa must be one of {', '.join(isas())}, got 'sse'"),
        (("hash", "--threads", "0"), f"--threads must be from 1 to {CPUS} (usable CPUs), got '0'"),
        (("hash", "--threads", "-3"), f"--threads must be from 1 to {CPUS} (usable CPUs), got '-3'"),
        (
            ("hash", "--threads", "1", "--threads", f"{CPUS + 1}"),
            f"--threads must be from 1 to {CPUS} (usable CPUs), got '{CPUS + 1}'",
        ),
        (("hash", "--seconds", "0"), "--seconds must be from 0.1 to 600, got 0"),
        (("search", "--seconds", "nan"), "--seconds must be from 0.1 to 600, got nan"),
        (("soak", "--searches", "1999"), "--searches must be from 2000 to 100000000, got 1999"),
    ],
)
def test_an_option_that_cannot_be_is_one_line_and_exit_code_2(words: tuple[str, ...], line: str) -> None:
    result = run(*words)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"kalepool: {line}\n")


def test_an_isa_of_the_environment_that_cannot_be_is_one_line() -> None:
    ended = subprocess.run(
        kalepool_command("bench", "hash"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"KALE_MINER_ISA": "sse"},
    )
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("kalepool: KALE_MINER_ISA must be ")


def test_the_command_starts_without_what_only_a_measurement_needs() -> None:
    program = (
        "import sys, kalepool_bench.command;"
        "print(*(name for name in ('miner_ext', 'psutil', 'kalepool_bench.display') if name in sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert loaded.stdout == "\n"


@pytest.mark.parametrize(
    ("shares", "said"), [([], False), ([None], False), ([0.97, 1.0], False), ([1.0, None, 0.51], True)]
)
def test_a_busy_machine_is_told_of_on_stderr(
    shares: list[float | None], said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    warn_of_others(shares)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert ("others are busy on this machine: searches got 51%" in printed.err) == said
