"""What Soroban resources cost: pure arithmetic in stroops, each term rounded up as stellar-core does."""

from collections.abc import Iterable
from typing import NamedTuple

from localnet.network_settings import FeeRates

_TTL_ENTRY_BYTES = 48
_RESULT_BYTES = 300
_CODE_DISCOUNT = 3


class Resources(NamedTuple):
    """What a transaction declares, or a simulation proposes."""

    instructions: int
    disk_read_entries: int
    write_entries: int
    disk_read_bytes: int
    write_bytes: int
    transaction_bytes: int


class RentChange(NamedTuple):
    """How a transaction changes the life of one contract entry; sizes in bytes of the encoded entry.

    `old_live_until` is None for a new or restored entry, which pays from the current ledger on. Code pays a
    third of what data of its size would.
    """

    persistent: bool
    old_bytes: int
    new_bytes: int
    old_live_until: int | None
    new_live_until: int
    is_code: bool = False


def non_refundable_stroops(resources: Resources, rates: FeeRates) -> int:
    """What declared resources cost, used or not."""
    return (
        _ceiling(resources.instructions * rates.per_10_000_instructions, 10_000)
        + resources.disk_read_entries * rates.disk_read_entry
        + resources.write_entries * rates.write_entry
        + _per_1kb(resources.disk_read_bytes, rates.disk_read_1kb)
        + _per_1kb(resources.write_bytes, rates.write_1kb)
        + _per_1kb(resources.transaction_bytes + _RESULT_BYTES, rates.historical_1kb)
        + _per_1kb(resources.transaction_bytes, rates.transaction_size_1kb)
    )


def events_stroops(size_bytes: int, rates: FeeRates) -> int:
    """What events and return value cost, by their encoded size."""
    return _per_1kb(size_bytes, rates.events_1kb)


def rent_stroops(changes: Iterable[RentChange], sequence: int, rates: FeeRates) -> int:
    """What new, longer or larger entries pay for their lives, in ledger `sequence`."""
    total = extended = 0
    for change in changes:
        rent = _rent_of(change, sequence, rates)
        total += rent
        extended += change.old_live_until is None or change.new_live_until > change.old_live_until
    return total + extended * rates.write_entry + _per_1kb(extended * _TTL_ENTRY_BYTES, rates.write_1kb)


def _rent_of(change: RentChange, sequence: int, rates: FeeRates) -> int:
    denominator = rates.persistent_rent_denominator if change.persistent else rates.temporary_rent_denominator
    first_unpaid = sequence if change.old_live_until is None else change.old_live_until + 1
    rent = 0
    if change.new_live_until >= first_unpaid:
        ledgers = change.new_live_until - first_unpaid + 1
        rent += _ceiling(change.new_bytes * rates.rent_1kb * ledgers, 1024 * denominator)
    grown = change.new_bytes - change.old_bytes
    if change.old_live_until is not None and grown > 0:
        paid_ledgers = change.old_live_until - sequence + 1
        rent += _ceiling(grown * rates.rent_1kb * paid_ledgers, 1024 * denominator)
    return rent // _CODE_DISCOUNT if change.is_code else rent


def inclusion_stroops(bid_stroops: int, operations: int, base_fee_stroops: int) -> int:
    """What a transaction pays to be included: its ledger's base fee, or less if it bid less."""
    return min(bid_stroops, base_fee_stroops * operations)


def _per_1kb(size_bytes: int, rate: int) -> int:
    return _ceiling(size_bytes * rate, 1024)


def _ceiling(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
