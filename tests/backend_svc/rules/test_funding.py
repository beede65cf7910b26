from hypothesis import given
from hypothesis import strategies as st

from backend_svc.rules.funding import (
    ACCOUNT_RESERVE_STROOPS,
    TRUSTLINE_RESERVE_STROOPS,
    FundingPurpose,
    MissingFunds,
    missing_funds,
    total_missing_stroops,
)

FEES = 10_000_000


def test_an_account_that_does_not_exist_needs_everything() -> None:
    assert missing_funds(0, fee_balance_stroops=FEES) == (
        MissingFunds(FundingPurpose.ACCOUNT_RESERVE, 10_000_000),
        MissingFunds(FundingPurpose.TRUSTLINE_RESERVE, 5_000_000),
        MissingFunds(FundingPurpose.FEES, FEES),
    )


def test_what_is_there_fills_the_reserves_first() -> None:
    assert missing_funds(12_000_000, fee_balance_stroops=FEES) == (
        MissingFunds(FundingPurpose.TRUSTLINE_RESERVE, 3_000_000),
        MissingFunds(FundingPurpose.FEES, FEES),
    )


def test_enough_is_enough() -> None:
    assert missing_funds(25_000_000, fee_balance_stroops=FEES) == ()


def test_what_other_entries_bind_does_not_count() -> None:
    assert missing_funds(25_000_000, other_reserve_stroops=1, fee_balance_stroops=FEES) == (
        MissingFunds(FundingPurpose.FEES, 1),
    )


@given(st.integers(0, 10**10), st.integers(0, 10**9), st.integers(0, 10**9))
def test_balance_and_missing_funds_make_exactly_what_is_needed(
    balance: int, other_reserve: int, fees: int
) -> None:
    missing = missing_funds(balance, other_reserve_stroops=other_reserve, fee_balance_stroops=fees)
    needed = ACCOUNT_RESERVE_STROOPS + TRUSTLINE_RESERVE_STROOPS + fees
    assert total_missing_stroops(missing) == max(0, needed - max(0, balance - other_reserve))
