"""Builds transactions: from an operation and what the chain says, to the envelope that is signed. Pure."""

from collections.abc import Sequence

from stellar_sdk import Account, InvokeHostFunction, Operation, TransactionBuilder, TransactionEnvelope, xdr

# For each entry that a simulation did not see: room for the largest that a KALE call writes (a
# block of 460 bytes), and a fee above what it can cost (write, rent of a temporary entry for its
# whole life, the key's bytes). What is not used is refunded.
_UNSEEN_ENTRY_BYTES = 600
_UNSEEN_ENTRY_FEE_STROOPS = 20_000


def unsigned(
    source: str,
    sequence_number: int,
    operation: Operation,
    *,
    passphrase: str,
    inclusion_fee_stroops: int,
    max_ledger: int,
) -> TransactionEnvelope:
    """A transaction with one operation that no ledger at or after `max_ledger` takes.

    Without time bounds: ledgers are what we prove a transaction's death by.
    """
    return (
        TransactionBuilder(Account(source, sequence_number - 1), passphrase, base_fee=inclusion_fee_stroops)
        .append_operation(operation)
        .add_time_bounds(0, 0)
        .set_ledger_bounds(0, max_ledger)
        .build()
    )


def with_resources(
    envelope: TransactionEnvelope,
    *,
    transaction_data_xdr: str,
    min_resource_fee_stroops: int,
    auth_xdr: Sequence[str],
    also_read_write: Sequence[xdr.LedgerKey],
) -> TransactionEnvelope:
    """The same with what a simulation found: footprint, resources, fee and authorisations.

    `also_read_write` are entries that the call may touch where the simulation
    did not, such as the next block's and its pail near a boundary.
    """
    transaction = envelope.transaction
    operation = transaction.operations[0]
    if not isinstance(operation, InvokeHostFunction):
        raise TypeError(f"only a contract call has resources, not {type(operation).__name__}")
    data = xdr.SorobanTransactionData.from_xdr(transaction_data_xdr)
    added = _widen(data, also_read_write)
    fee = min_resource_fee_stroops + added * _UNSEEN_ENTRY_FEE_STROOPS
    data.resource_fee = xdr.Int64(fee)
    operation.auth = [xdr.SorobanAuthorizationEntry.from_xdr(entry) for entry in auth_xdr]
    transaction.soroban_data = data
    transaction.fee += fee
    return envelope


def _widen(data: xdr.SorobanTransactionData, keys: Sequence[xdr.LedgerKey]) -> int:
    """Make the keys writable; how many were not yet."""
    footprint = data.resources.footprint
    writable = {key.to_xdr() for key in footprint.read_write}
    unseen = {key.to_xdr(): key for key in keys if key.to_xdr() not in writable}
    footprint.read_only = [key for key in footprint.read_only if key.to_xdr() not in unseen]
    footprint.read_write = [*footprint.read_write, *unseen.values()]
    room = len(unseen) * _UNSEEN_ENTRY_BYTES
    data.resources.write_bytes = xdr.Uint32(data.resources.write_bytes.uint32 + room)
    return len(unseen)
