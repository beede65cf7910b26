"""The background load by hand."""

import pytest

from localnet.chain.background_load import BackgroundLoad
from localnet.testing import NodeHandle
from tests.localnet.admin.conftest import Admin


async def test_a_load_is_shown_and_changed_field_by_field(node: NodeHandle, admin: Admin) -> None:
    quiet = await admin.ask("/load")
    assert (quiet["classic"], quiet["soroban"], quiet["classic_base_fee_stroops"]) == (0, 0, 100)
    changed = await admin.ask("/load", classic=2, bid_spread=0)
    assert (changed["classic"], changed["soroban"], changed["median_bid_stroops"]) == (2, 0, 200)
    assert node.chain.background_load == BackgroundLoad(classic=2, bid_spread=0)
    await admin.ask("/clock/step")
    assert (await admin.ask("/load"))["classic_base_fee_stroops"] == 200
    await admin.ask("/load", classic=0)
    await admin.ask("/clock/step")
    assert (await admin.ask("/load"))["classic_base_fee_stroops"] == 100


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("classic", 10.5, "classic: Input should be less than or equal to 10"),
        ("soroban", -1, "soroban: Input should be greater than or equal to 0"),
        ("median_bid_stroops", 0, "median_bid_stroops: Input should be greater than or equal to 1"),
        ("median_bid_stroops", 1.5, "median_bid_stroops: "),
        ("bid_spread", "wide", "bid_spread: Input should be a valid number"),
        ("load", 1, "load: "),
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(
    node: NodeHandle, admin: Admin, field: str, value: object, text: str
) -> None:
    status, error = await admin.refused("/load", **{field: value})
    assert status == 400
    assert error.startswith(text)
    assert node.chain.background_load == BackgroundLoad()
