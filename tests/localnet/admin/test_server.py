"""The endpoint's door: JSON by POST, nobody's web page, and errors that name field, limit and value."""

import io
from typing import Any

import pytest

from localnet.testing import NodeHandle
from tests.localnet.admin.conftest import Admin

JSON = {"Content-Type": "application/json"}


async def test_a_web_page_is_not_served(node: NodeHandle, admin: Admin) -> None:
    for origin in ("https://example.org", node.admin_url, "null"):
        status, answer = await admin.post("/clock/step", json={}, headers={"Origin": origin})
        assert (status, answer) == (403, {"error": "requests of web pages are not served"})
    assert node.chain.latest.sequence == 1


async def test_what_a_page_may_send_without_asking_is_not_read(node: NodeHandle, admin: Admin) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        status, answer = await admin.post("/clock/step", data=b"{}", headers={"Content-Type": kind})
        assert (status, answer["error"]) == (
            415,
            f"content type is {kind}, must be application/json",
        )
    assert node.chain.latest.sequence == 1


async def test_no_answer_may_be_read_by_another_origin(admin: Admin) -> None:
    async with admin.session.options("/status", headers={"Origin": "https://example.org"}) as response:
        assert response.status == 403
        assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_only_post_is_served(admin: Admin) -> None:
    async with admin.session.get("/status") as response:
        assert response.status == 405
        assert (await response.json())["error"] == "GET is not served, only POST"


async def test_an_unknown_path_is_told_the_known_ones(admin: Admin) -> None:
    status, text = await admin.refused("/stats")
    assert status == 404
    assert text.startswith("/stats is unknown; known are /clock/jump, ")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", {}),
        (b"{", {"error": "the body is no JSON object that this path takes: "}),
        (b"[]", {"error": "the body is no JSON object that this path takes: "}),
        (b'{"ledgers": 0}', {"error": "ledgers: ", "field": "ledgers", "limit": 1, "value": 0}),
        (b'{"ledgers": 100001}', {"field": "ledgers", "limit": 100_000, "value": 100_001}),
        (b'{"ledgers": "1"}', {"error": "ledgers: ", "field": "ledgers", "value": "1"}),
        (b'{"ledgers": NaN}', {"field": "ledgers", "value": "nan"}),
        (b'{"ledger": 1}', {"error": "ledger: ", "field": "ledger", "value": 1}),
    ],
)
async def test_a_bad_body_is_refused_by_field_limit_and_value(
    node: NodeHandle, admin: Admin, body: bytes, error: dict[str, Any]
) -> None:
    status, answer = await admin.post("/clock/step", data=body, headers=JSON)
    assert status == (400 if error else 200)
    text = error.pop("error", "")
    assert answer.pop("error", "").startswith(text)
    assert error.items() <= answer.items()
    assert node.chain.latest.sequence == (2 if status == 200 else 1)


async def test_a_body_that_is_too_long_is_refused(admin: Admin) -> None:
    status, answer = await admin.post("/clock/step", data=io.BytesIO(b" " * 2**20 + b"{}"), headers=JSON)
    assert (status, answer["error"]) == (413, "the body is too long, at most 1048576 bytes are read")


async def test_the_status(node: NodeHandle, admin: Admin) -> None:
    node.close_ledgers(4)
    status = await admin.ask("/status")
    assert status.pop("rss_bytes") > 10_000_000
    assert status == {
        "sequence": 5,
        "close_time": node.chain.latest.close_time,
        "speed": 60.0,
        "paused": True,
        "driver": False,
        "block_index": 0,
        "seconds_to_boundary": 280,
        "entries": len(node.chain.state),
        "accounts": 37,
        "queue_length": 0,
    }
