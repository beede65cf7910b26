"""At what price the transactions of a ledger came in, and how they were grouped."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Base fees are stroops an operation, one for each lane.

    `soroban_clusters` are the numbers of transactions in each cluster: the ledger's Soroban transactions
    stand in that order. Strangers are transactions of the background load: they took room and paid the base
    fee, but are in no history.
    """

    classic_base_fee_stroops: int
    soroban_base_fee_stroops: int
    soroban_clusters: tuple[int, ...] = ()
    classic_strangers: int = 0
    soroban_strangers: int = 0

    def base_fee_stroops(self, *, soroban: bool) -> int:
        return self.soroban_base_fee_stroops if soroban else self.classic_base_fee_stroops

    def strangers(self, *, soroban: bool) -> int:
        return self.soroban_strangers if soroban else self.classic_strangers
