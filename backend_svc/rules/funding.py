"""How much XLM a farmer's account still needs before it can plant."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

# CAP-33: an account's minimum balance is (2 + its entries) base reserves.
BASE_RESERVE_STROOPS: Final = 5_000_000
ACCOUNT_RESERVE_STROOPS: Final = 2 * BASE_RESERVE_STROOPS
TRUSTLINE_RESERVE_STROOPS: Final = BASE_RESERVE_STROOPS


class FundingPurpose(Enum):
    """What the XLM is for, in the order in which it is used up."""

    ACCOUNT_RESERVE = "account_reserve"
    TRUSTLINE_RESERVE = "trustline_reserve"
    FEES = "fees"


@dataclass(frozen=True)
class MissingFunds:
    """XLM that has to come in, in stroops, and what for."""

    purpose: FundingPurpose
    amount_stroops: int


def missing_funds(
    balance_stroops: int, *, other_reserve_stroops: int = 0, fee_balance_stroops: int
) -> tuple[MissingFunds, ...]:
    """What is missing of account reserve, trustline reserve and a balance for fees.

    `other_reserve_stroops` is what entries of other kinds in the account
    already bind. What is there fills the purposes in their order, so the
    amounts add up to exactly what must be sent.
    """
    left = max(0, balance_stroops - other_reserve_stroops)
    missing: list[MissingFunds] = []
    for purpose, needed in (
        (FundingPurpose.ACCOUNT_RESERVE, ACCOUNT_RESERVE_STROOPS),
        (FundingPurpose.TRUSTLINE_RESERVE, TRUSTLINE_RESERVE_STROOPS),
        (FundingPurpose.FEES, fee_balance_stroops),
    ):
        covered = min(left, needed)
        left -= covered
        if covered < needed:
            missing.append(MissingFunds(purpose, needed - covered))
    return tuple(missing)


def total_missing_stroops(missing: tuple[MissingFunds, ...]) -> int:
    """What has to be sent in one payment."""
    return sum(funds.amount_stroops for funds in missing)
