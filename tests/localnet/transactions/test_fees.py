"""Resource fees: the network's formula, computed by hand."""

import pytest

from localnet.network_settings import MAINNET_SETTINGS
from localnet.transactions.fees import (
    RentChange,
    Resources,
    events_stroops,
    inclusion_stroops,
    non_refundable_stroops,
    rent_stroops,
)

RATES = MAINNET_SETTINGS.rates
NOTHING = Resources(0, 0, 0, 0, 0, 0)
_RESULT = 1_190  # ⌈300 × 4059 / 1024⌉: a result is stored for every transaction


@pytest.mark.parametrize(
    ("resources", "stroops"),
    [
        (NOTHING, _RESULT),
        (Resources(10_001, 0, 0, 0, 0, 0), _RESULT + 8),
        (Resources(0, 2, 0, 0, 0, 0), _RESULT + 2 * 1_563),
        (Resources(0, 0, 3, 0, 0, 0), _RESULT + 3 * 2_500),
        (Resources(0, 0, 0, 1, 0, 0), _RESULT + 1),
        (Resources(0, 0, 0, 0, 2_048, 0), _RESULT + 1_750),
        (Resources(0, 0, 0, 0, 0, 1_024), 5_249 + 406),
    ],
)
def test_each_declared_resource_has_its_rate_rounded_up(resources: Resources, stroops: int) -> None:
    assert non_refundable_stroops(resources, RATES) == stroops


def test_events_are_paid_by_size() -> None:
    assert events_stroops(0, RATES) == 0
    assert events_stroops(1, RATES) == 5
    assert events_stroops(1_024, RATES) == 5_000


def test_a_new_temporary_entry_pays_its_whole_life_and_its_ttl_entry() -> None:
    """1,024 bytes for 17,280 ledgers: 1,000 × 17,280 / 2,430, 2,500 for the TTL entry, 48 bytes written."""
    new = RentChange(
        persistent=False, old_bytes=0, new_bytes=1_024, old_live_until=None, new_live_until=17_280
    )
    assert rent_stroops([new], sequence=1, rates=RATES) == 7_112 + 2_500 + 42


def test_a_longer_life_pays_for_the_ledgers_it_gains() -> None:
    longer = RentChange(
        persistent=True, old_bytes=1_024, new_bytes=1_024, old_live_until=100, new_live_until=1_315
    )
    assert rent_stroops([longer], sequence=50, rates=RATES) == 1_000 + 2_500 + 42


def test_growth_pays_the_difference_for_the_ledgers_that_were_paid_already() -> None:
    grown = RentChange(
        persistent=True, old_bytes=1_024, new_bytes=2_048, old_live_until=1_264, new_live_until=1_264
    )
    assert rent_stroops([grown], sequence=50, rates=RATES) == 1_000


def test_what_neither_grows_nor_lives_longer_pays_no_rent() -> None:
    same = RentChange(persistent=True, old_bytes=100, new_bytes=90, old_live_until=9, new_live_until=9)
    assert rent_stroops([same], sequence=5, rates=RATES) == 0


@pytest.mark.parametrize(("bid", "operations", "stroops"), [(100, 1, 100), (5_000, 2, 200), (150, 2, 150)])
def test_inclusion_costs_the_base_fee_whatever_was_bid(bid: int, operations: int, stroops: int) -> None:
    assert inclusion_stroops(bid, operations, 100) == stroops
