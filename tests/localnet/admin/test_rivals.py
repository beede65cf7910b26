"""Rivals by hand: they come and go while the chain runs."""

from localnet.rivals.crowd import rival_key
from localnet.testing import NodeHandle
from tests.localnet.admin.conftest import Admin

RIVALS = """
[[rivals]]
strategy = "idle"
count = 2
[[rivals]]
strategy = "late"
mhs = 3.5
"""


async def test_rivals_are_added_play_and_are_told_to_stop(node: NodeHandle, admin: Admin) -> None:
    assert await admin.ask("/rivals/list") == {"rivals": []}
    added = (await admin.ask("/rivals/add", text=RIVALS))["rivals"]
    assert [rival["strategy"] for rival in added] == ["idle", "idle", "late"]
    assert added[2] == {
        "number": 3,
        "address": rival_key(3).public_key,
        "strategy": "late",
        "stake_kale": 0,
        "seed": 0,
        "mhs": 3.5,
        "succeeded": 0,
        "failed": 0,
        "refused": 0,
    }
    node.close_ledgers(70)
    playing = (await admin.ask("/rivals/list"))["rivals"]
    assert all(rival["succeeded"] > 0 and rival["failed"] == 0 for rival in playing)
    again = await admin.ask("/rivals/add", text=RIVALS)
    assert [rival["number"] for rival in again["rivals"]] == [4, 5, 6]
    assert len((await admin.ask("/rivals/clear"))["rivals"]) == 6
    assert await admin.ask("/rivals/list") == {"rivals": []}


async def test_a_text_is_refused_with_its_line(admin: Admin) -> None:
    status, answer = await admin.post("/rivals/add", json={"text": RIVALS + "mh = 1"})
    assert status == 400
    assert answer["line"] == 8
    assert answer["error"].startswith("text, line 8: mh is no key of a group that plays late; did you mean")


async def test_more_than_a_chain_takes_are_refused(admin: Admin) -> None:
    text = '[[rivals]]\nstrategy = "idle"\ncount = 500\n[[rivals]]\nstrategy = "idle"'
    refused = (409, "rivals are 501 in all, must be at most 500")
    assert await admin.refused("/rivals/add", text=text) == refused
