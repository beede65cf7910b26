"""Strangers' transactions: the share of each ledger that others take.

They are bids without transactions. Every ledger has a fresh hundred of them for each whole load, and each
asks for a hundredth of what a ledger takes in every dimension: a load of 0.6 asks for 60 % of the operations,
instructions, bytes and entries. They stand in the queue, compete for the ledger, raise its base fee when it
is full, and count in the fee statistics. They are in no history, change no entry and pay no fee: real ones
would cost a hundred times as much and tell a client nothing more. What does not come in is not kept; a load
above 1 fills every ledger.
"""

import math
from dataclasses import dataclass
from random import Random

from localnet.transactions.bids import RATE_UNIT, Bid, Demand

MAX_LOAD = 10
MAX_SPREAD = 10
BID_RANGE = (1, 2**32)

_BIDS_PER_LOAD = 100
_TIE_BYTES = 8


@dataclass(frozen=True)
class BackgroundLoad:
    """How much strangers ask for, in ledgers' worth a ledger, and what they bid.

    Bids are drawn from a log-normal distribution, in stroops an operation and never below the base fee:
    half of them are above `median_bid_stroops`; `bid_spread` is the standard deviation of the logarithm.
    Raises ValueError for what is out of range.
    """

    classic: float = 0.0
    soroban: float = 0.0
    median_bid_stroops: int = 200
    bid_spread: float = 1.0

    def __post_init__(self) -> None:
        self._require("classic", 0, MAX_LOAD)
        self._require("soroban", 0, MAX_LOAD)
        self._require("median_bid_stroops", *BID_RANGE)
        self._require("bid_spread", 0, MAX_SPREAD)

    @property
    def is_any(self) -> bool:
        return self.classic > 0 or self.soroban > 0

    def _require(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if not least <= value <= most:
            raise ValueError(f"background load: {name} is {value}, must be between {least} and {most}")

    def bids(self, capacity: Demand, base_fee_stroops: int, draw: Random, *, soroban: bool) -> list[Bid]:
        """The strangers of one ledger in one lane. Without load nothing is drawn."""
        count = round(_BIDS_PER_LOAD * (self.soroban if soroban else self.classic))
        return [self._bid(capacity, position, base_fee_stroops, draw) for position in range(count)]

    def _bid(self, capacity: Demand, position: int, base_fee_stroops: int, draw: Random) -> Bid:
        stroops = round(draw.lognormvariate(math.log(self.median_bid_stroops), self.bid_spread))
        demand = tuple(
            limit * (position + 1) // _BIDS_PER_LOAD - limit * position // _BIDS_PER_LOAD
            for limit in capacity
        )
        return Bid(max(base_fee_stroops, stroops) * RATE_UNIT, demand, draw.randbytes(_TIE_BYTES))


NO_BACKGROUND_LOAD = BackgroundLoad()
