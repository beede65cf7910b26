"""Replay of what the real contract answered, and what replay says when it disagrees."""

import copy
import gzip
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from stellar_sdk import scval

from kale.networks import MAINNET
from localnet.replay import replay

VECTORS = Path(__file__).parents[1] / "vectors" / "contract.jsonl.gz"


def replayed(path: Path) -> tuple[int, list[str]]:
    """Exit code and printed lines."""
    output = StringIO()
    code = replay(path, Console(file=output, width=80))
    return code, output.getvalue().splitlines()


def first_scenario() -> dict[str, Any]:
    with gzip.open(VECTORS, "rt") as lines:
        scenario: dict[str, Any] = json.loads(next(iter(lines)))
    return scenario


def written(path: Path, *scenarios: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(scenario) + "\n" for scenario in scenarios))
    return path


def test_every_recorded_call_is_identical() -> None:
    assert replayed(VECTORS) == (0, ["8680 of 8680 calls identical"])


def test_a_plain_file_does_as_well(tmp_path: Path) -> None:
    scenario = first_scenario()
    calls = len(scenario["steps"])
    assert replayed(written(tmp_path / "one.jsonl", scenario)) == (0, [f"{calls} of {calls} calls identical"])


def _another_block_extreme(step: dict[str, Any]) -> str:
    step["after"]["farm_block"]["max_stake"] = "2"
    return "after.farm_block.max_stake: recorded 2, replayed 1"


def _another_result(step: dict[str, Any]) -> str:
    step["result"] = {"error": {"type": "contract", "code": 8, "text": "Error(Contract, #8)"}}
    return "result.error: recorded {type: contract, code: 8, text: Error(Contract, #8)}, replayed None"


def _another_balance(step: dict[str, Any]) -> str:
    step["after"]["balance"] = "7"
    return "after.balance: recorded 7, replayed 151"


def _no_authorisation(step: dict[str, Any]) -> str:
    step["auth"], farmer = None, first_scenario()["genesis"]["farmers"][0]
    farm, asset = MAINNET.farm_contract_id, MAINNET.asset_contract_id
    return f"auth: recorded None, replayed {farm}.plant({farmer}, 1) > {asset}.burn({farmer}, 1)"


def _no_event(step: dict[str, Any]) -> str:
    step["events"], farmer = [], first_scenario()["genesis"]["farmers"][0]
    event = f'topics:[burn, {farmer}, "KALE:{MAINNET.asset_issuer}"], data:1'
    return f"events: recorded [], replayed [[Contract Event] contract:{MAINNET.asset_contract_id}, {event}]"


@pytest.mark.parametrize(
    "change", [_another_block_extreme, _another_result, _another_balance, _no_authorisation, _no_event]
)
def test_a_differing_field_is_named(tmp_path: Path, change: Callable[[dict[str, Any]], str]) -> None:
    scenario = first_scenario()
    told = change(scenario["steps"][0])
    code, lines = replayed(written(tmp_path / "changed.jsonl", scenario))
    calls = len(scenario["steps"])
    assert code == 1
    assert lines[0] == (
        f"scenario {scenario['seed']}, ledger {scenario['steps'][0]['sequence']}: "
        "plant(amount=1, farmer=0), call 1"
    )
    assert f"  {told}" in lines
    assert lines[-1] == f"{calls - 1} of {calls} calls identical"


def test_a_differing_ending_is_named_and_counts(tmp_path: Path) -> None:
    scenario = first_scenario()
    scenario["final_entries"][0]["live_until"] += 1
    code, lines = replayed(written(tmp_path / "ending.jsonl", scenario))
    assert code == 1
    assert lines[0] == f"scenario {scenario['seed']}, final entries"
    assert lines[1].startswith("  final_entries.[")
    assert lines[1].endswith(".live_until: recorded 64503534, replayed 64503533")


def test_a_differing_entry_is_told_in_words(tmp_path: Path) -> None:
    scenario = first_scenario()
    key = next(entry for entry in scenario["final_entries"] if "val" in entry)
    key["val"] = scval.to_vec([scval.to_symbol("other")]).to_xdr()
    _, lines = replayed(written(tmp_path / "entry.jsonl", scenario))
    assert ".val: recorded [other], replayed {" in lines[1]


def test_what_differs_only_in_its_encoding_is_told_as_it_is_encoded(tmp_path: Path) -> None:
    scenario = first_scenario()
    (encoded,) = scenario["steps"][0]["events"]
    scenario["steps"][0]["events"] = [encoded + "AAAA"]
    _, lines = replayed(written(tmp_path / "longer.jsonl", scenario))
    assert f"  events: recorded [{encoded}AAAA]" in lines[1]


def test_a_hosts_own_error_is_compared_by_its_text(tmp_path: Path) -> None:
    """A call that the contract does not know ends with one; records name its type in their own words."""
    scenario = first_scenario()
    step = copy.deepcopy(scenario["steps"][0])
    step["call"] = {"dance": {}}
    step["result"] = {"error": {"type": "host", "code": 3, "text": "Error(WasmVm, MissingValue)"}}
    step |= {"auth": None, "events": []}
    index = scenario["genesis"]["farm_index"]
    started = {"farm_index": index, "block_index": index, "block": None, "pail": None}
    step["after"] |= {**started, "balance": scenario["genesis"]["balances"][0]}
    scenario["steps"] = [step]
    _, lines = replayed(written(tmp_path / "host.jsonl", scenario))
    assert not any("result" in line for line in lines)


def test_a_scenario_without_calls_ends_as_it_began(tmp_path: Path) -> None:
    scenario = first_scenario() | {"steps": []}
    _, lines = replayed(written(tmp_path / "empty.jsonl", scenario))
    assert lines[-1] == "0 of 0 calls identical"


def test_differing_endings_are_counted(tmp_path: Path) -> None:
    scenario = first_scenario()
    scenario["final_entries"][0]["live_until"] += 1
    _, lines = replayed(written(tmp_path / "ending.jsonl", scenario))
    assert lines[-2] == "1 scenarios end with other entries"


def test_at_most_20_differing_calls_are_printed(tmp_path: Path) -> None:
    scenario = first_scenario()
    for step in scenario["steps"]:
        step["after"]["balance"] = "-1"
    code, lines = replayed(written(tmp_path / "all.jsonl", scenario))
    assert code == 1
    assert sum(line.startswith("scenario") for line in lines) == 20
    assert lines[-1] == f"0 of {len(scenario['steps'])} calls identical"


def test_an_entry_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    scenario = first_scenario()
    del scenario["final_entries"][0]
    code, lines = replayed(written(tmp_path / "missing.jsonl", scenario))
    assert code == 1
    assert "recorded None, replayed {key: [Block, 94076], live_until: 64503533, val: {entropy: " in lines[1]


def _stranger(scenario: dict[str, Any]) -> str:
    scenario["steps"][0]["call"]["plant"]["farmer"] = 99
    return "farmer is 99, there are 4"


def _no_amount(scenario: dict[str, Any]) -> str:
    scenario["steps"][0]["call"]["plant"]["amount"] = "much"
    return "much"


def _nothing_after(scenario: dict[str, Any]) -> str:
    del scenario["steps"][0]["after"], scenario["steps"][0]["auth"]
    return "a step without auth, after"


def _balance_of_nobody(scenario: dict[str, Any]) -> str:
    scenario["genesis"]["balances"].append("1")
    return "zip()"


@pytest.mark.parametrize("change", [_stranger, _no_amount, _nothing_after, _balance_of_nobody])
def test_a_scenario_that_cannot_be_played_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], str]
) -> None:
    scenario = first_scenario()
    told = change(scenario)
    code, lines = replayed(written(tmp_path / "bad.jsonl", scenario))
    assert (code, len(lines)) == (2, 1)
    assert "line 1: not a scenario (" in lines[0]
    assert told in lines[0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no scenario"),
        (b"{}\n", "line 1: not a scenario"),
        (b"\n\nnonsense\n", "line 3: not a scenario"),
        (b"\xff\xfe", "cannot read"),
        (b"\x1f\x8bbroken", "cannot read"),
    ],
)
def test_a_file_without_scenarios_is_refused_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    code, lines = replayed(path)
    assert code == 2
    assert len(lines) == 1
    assert told in lines[0]


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    code, lines = replayed(tmp_path / "none.jsonl")
    assert (code, len(lines)) == (2, 1)
