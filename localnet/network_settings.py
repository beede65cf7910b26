"""What validators vote on: fees, limits and lifetimes of the network.

The defaults are mainnet's of July 2026 as the Stellar Laboratory lists them (SLP-4 and SLP-5).
"""

from dataclasses import dataclass
from typing import Final

#: The native supply that the root account starts with: 100 billion XLM.
TOTAL_COINS_STROOPS: Final = 10**18


@dataclass(frozen=True)
class FeeRates:
    """Resource fee rates in stroops."""

    per_10_000_instructions: int = 7
    disk_read_entry: int = 1_563
    disk_read_1kb: int = 447
    write_entry: int = 2_500
    write_1kb: int = 875
    transaction_size_1kb: int = 406
    historical_1kb: int = 4_059
    events_1kb: int = 5_000
    rent_1kb: int = 1_000
    persistent_rent_denominator: int = 1_215
    temporary_rent_denominator: int = 2_430


@dataclass(frozen=True)
class TransactionLimits:
    """The most that one Soroban transaction may declare."""

    instructions: int = 400_000_000
    footprint_entries: int = 400
    disk_read_entries: int = 200
    disk_read_bytes: int = 200_000
    write_entries: int = 200
    write_bytes: int = 132_096
    events_bytes: int = 16_384
    size_bytes: int = 132_096
    key_bytes: int = 250
    entry_bytes: int = 65_536


@dataclass(frozen=True)
class LedgerLimits:
    """The most that one ledger takes; what does not fit waits in the queue."""

    classic_operations: int = 1_000
    soroban_transactions: int = 1_000


@dataclass(frozen=True)
class Lifetimes:
    """Lifetimes of contract data, in ledgers."""

    min_temporary: int = 17_280
    min_persistent: int = 2_073_600
    max_entry: int = 3_110_400


@dataclass(frozen=True)
class NetworkSettings:
    """Everything that is the network's and not the node's."""

    protocol_version: int = 29
    base_fee_stroops: int = 100
    base_reserve_stroops: int = 5_000_000
    rates: FeeRates = FeeRates()
    transaction: TransactionLimits = TransactionLimits()
    ledger: LedgerLimits = LedgerLimits()
    lifetimes: Lifetimes = Lifetimes()


MAINNET_SETTINGS = NetworkSettings()
