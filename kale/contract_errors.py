"""Error codes of the contracts that a KALE call can fail in.

A transaction's result shows only the number, and each contract numbers from 1:
which of them spoke follows from the call (a 10 from `plant` is the token's).
"""

from enum import IntEnum


class FarmError(IntEnum):
    """Codes of the KALE farm contract."""

    HOMESTEAD_EXISTS = 1
    HOMESTEAD_MISSING = 2
    FARM_BLOCK_MISSING = 3
    FARM_PAUSED = 4
    FARM_NOT_PAUSED = 5
    PLANT_AMOUNT_TOO_LOW = 6
    ZERO_COUNT_TOO_LOW = 7
    PAIL_EXISTS = 8
    PAIL_MISSING = 9
    WORK_MISSING = 10
    BLOCK_MISSING = 11
    BLOCK_INVALID = 12
    HASH_INVALID = 13
    HARVEST_NOT_READY = 14
    GAP_COUNT_TOO_LOW = 15


class TractorError(IntEnum):
    """Codes of the tractor, which harvests many pails at once."""

    NO_PAILS = 1
    NOTHING_HARVESTABLE = 2


class TokenError(IntEnum):
    """Codes of the Stellar Asset Contract (CAP-46-06)."""

    INTERNAL = 1
    OPERATION_NOT_SUPPORTED = 2
    ALREADY_INITIALIZED = 3
    UNAUTHORIZED = 4
    AUTHENTICATION = 5
    ACCOUNT_MISSING = 6
    ACCOUNT_IS_NOT_CLASSIC = 7
    NEGATIVE_AMOUNT = 8
    ALLOWANCE = 9
    BALANCE = 10
    BALANCE_DEAUTHORIZED = 11
    OVERFLOW = 12
    TRUSTLINE_MISSING = 13
    INSUFFICIENT_ACCOUNT_RESERVE = 14
    TOO_MANY_ACCOUNT_SUBENTRIES = 15
