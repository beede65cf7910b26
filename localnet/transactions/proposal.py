"""The resources and the fee that a simulation proposes for what it used."""

from typing import NamedTuple

from localnet.ledger import wire
from localnet.network_settings import FeeRates
from localnet.transactions.fees import (
    RentChange,
    Resources,
    events_stroops,
    non_refundable_stroops,
    rent_stroops,
)

# An envelope with everything optional in it: multiplexed sources, all preconditions, a hash memo and 20
# signatures; without the operation's own fields and without its resources.
_WORST_ENVELOPE_BYTES = 1_868


class ResourceUse(NamedTuple):
    """What a simulated operation used; keys are LedgerKey XDR in the ledger's order.

    `archived` are positions in `read_write`. `output_bytes` is the size of events and return value.
    """

    read_only: tuple[bytes, ...] = ()
    read_write: tuple[bytes, ...] = ()
    archived: tuple[int, ...] = ()
    instructions: int = 0
    disk_read_entries: int = 0
    disk_read_bytes: int = 0
    write_bytes: int = 0
    output_bytes: int = 0
    rent_changes: tuple[RentChange, ...] = ()


class Proposal(NamedTuple):
    """XDR `SorobanTransactionData`, and the resource fee in it."""

    transaction_data: bytes
    resource_fee_stroops: int


def propose(use: ResourceUse, operation_bytes: int, sequence: int, rates: FeeRates) -> Proposal:
    """Declares what was used, and pays for it: the refundable part with 15 % to spare.

    `operation_bytes` is the size of the operation's own fields; the envelope around them is reckoned at its
    largest, plus 10 % or 500 bytes. `sequence` is the ledger from which rent is paid.
    """
    footprint = wire.array(use.read_only) + wire.array(use.read_write)
    quantities = (
        wire.uint32(use.instructions) + wire.uint32(use.disk_read_bytes) + wire.uint32(use.write_bytes)
    )
    plain_data_bytes = len(wire.ABSENT) + len(footprint) + len(quantities) + len(wire.int64(0))
    envelope_bytes = _WORST_ENVELOPE_BYTES + operation_bytes + plain_data_bytes
    declared = Resources(
        instructions=use.instructions,
        disk_read_entries=use.disk_read_entries,
        write_entries=len(use.read_write),
        disk_read_bytes=use.disk_read_bytes,
        write_bytes=use.write_bytes,
        transaction_bytes=max(envelope_bytes * 11 // 10, envelope_bytes + 500),
    )
    refundable = events_stroops(use.output_bytes, rates) + rent_stroops(use.rent_changes, sequence, rates)
    fee = non_refundable_stroops(declared, rates) + refundable * 115 // 100
    extension = wire.ABSENT
    if use.archived:
        extension = wire.int32(1) + wire.array(map(wire.uint32, use.archived))
    return Proposal(extension + footprint + quantities + wire.int64(fee), fee)
