"""Faults by hand: rules come and go while the chain runs, and each tells how often it struck."""

import pytest
from stellar_sdk.exceptions import BadResponseError
from stellar_sdk.soroban_server_async import SorobanServerAsync

from tests.localnet.admin.conftest import Admin

RULES = """
seed = 3
[[fault]]
kind = "status"
status = 500
methods = ["getHealth", "getEvents"]
count = 2
[[fault]]
kind = "lag"
ledgers = 2
nodes = [0]
"""


async def test_rules_are_added_and_tell_how_often_they_struck(admin: Admin, rpc: SorobanServerAsync) -> None:
    assert await admin.ask("/faults/list") == {"rules": []}
    added = await admin.ask("/faults/add", text=RULES)
    status = {
        "number": 1,
        "kind": "status",
        "count": 2,
        "methods": ["getEvents", "getHealth"],
        "status": 500,
        "opportunities": 0,
        "strikes": 0,
    }
    lag = {"number": 2, "kind": "lag", "nodes": [0], "ledgers": 2, "opportunities": 0, "strikes": 0}
    assert added == {"rules": [status, lag]}
    with pytest.raises(BadResponseError):
        await rpc.get_health()
    struck = (await admin.ask("/faults/list"))["rules"][0]
    assert (struck["opportunities"], struck["strikes"]) == (1, 1)


async def test_a_rule_tells_what_its_file_must_say_whatever_it_says(admin: Admin) -> None:
    text = '[[fault]]\nkind = "status"\nstatus = 503\n[[fault]]\nkind = "surge"\nload = 1\n'
    status, surge = (await admin.ask("/faults/add", text=text))["rules"]
    assert (status["status"], surge["load"]) == (503, 1)


async def test_rules_are_removed_one_by_one_and_all_at_once(admin: Admin, rpc: SorobanServerAsync) -> None:
    await admin.ask("/faults/add", text=RULES)
    assert [rule["number"] for rule in (await admin.ask("/faults/remove", number=1))["rules"]] == [1]
    assert (await rpc.get_health()).status == "healthy"
    assert [rule["number"] for rule in (await admin.ask("/faults/clear"))["rules"]] == [2]
    assert await admin.ask("/faults/list") == {"rules": []}
    assert [rule["number"] for rule in (await admin.ask("/faults/add", text=RULES))["rules"]] == [3, 4]


async def test_a_text_is_refused_with_its_line(admin: Admin) -> None:
    status, answer = await admin.post("/faults/add", json={"text": "\n[[fault]]\nkind = 'none'"})
    assert status == 400
    assert answer["line"] == 3
    assert answer["error"].startswith("text, line 3: kind is 'none', must be one of connection_refused, ")


async def test_a_rule_that_is_not_there_cannot_be_removed(admin: Admin) -> None:
    assert await admin.refused("/faults/remove", number=7) == (404, "there is no rule 7")
