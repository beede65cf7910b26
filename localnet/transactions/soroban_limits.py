"""What a Soroban transaction must look like before it may wait in the queue."""

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.network_settings import NetworkSettings
from localnet.soroban.storage import has_lifetime, is_temporary
from localnet.transactions.envelopes import Envelope, SorobanData
from localnet.transactions.fees import Resources, non_refundable_stroops

MAX_RESOURCE_FEE_STROOPS = 2**50

_KEY_KINDS = frozenset(
    map(
        wire.int32,
        (
            xdr.LedgerEntryType.ACCOUNT,
            xdr.LedgerEntryType.TRUSTLINE,
            xdr.LedgerEntryType.CONTRACT_DATA,
            xdr.LedgerEntryType.CONTRACT_CODE,
        ),
    )
)


def are_resources_valid(envelope: Envelope, settings: NetworkSettings) -> bool:
    """Whether declared resources are inside the network's limits and paid for by the resource fee."""
    data = envelope.soroban_data
    assert data is not None
    declared = envelope.declared_resources
    if non_refundable_stroops(declared, settings.rates) > data.resource_fee_stroops:
        return False
    return (
        _within_limits(declared, settings)
        and _is_footprint_valid(data, settings)
        and _is_archived_list_valid(data)
    )


def is_invocation_plain(envelope: Envelope) -> bool:
    """No memo, no multiplexed source: a contract would not see them (protocol 25)."""
    transaction = envelope.transaction
    operation_source = transaction.operations[0].source_account
    return (
        transaction.memo.type is xdr.MemoType.MEMO_NONE
        and transaction.source_account.med25519 is None
        and (operation_source is None or operation_source.med25519 is None)
    )


def _within_limits(declared: Resources, settings: NetworkSettings) -> bool:
    limits = settings.transaction
    return (
        declared.instructions <= limits.instructions
        and declared.disk_read_entries <= limits.disk_read_entries
        and declared.disk_read_bytes <= limits.disk_read_bytes
        and declared.write_entries <= limits.write_entries
        and declared.write_bytes <= limits.write_bytes
        and declared.transaction_bytes <= limits.size_bytes
    )


def _is_footprint_valid(data: SorobanData, settings: NetworkSettings) -> bool:
    keys = data.footprint.read_only + data.footprint.read_write
    return (
        all(key[:4] in _KEY_KINDS for key in keys)
        and len(keys) <= settings.transaction.footprint_entries
        and len(set(keys)) == len(keys)
        and all(len(key) <= settings.transaction.key_bytes for key in keys)
    )


def _is_archived_list_valid(data: SorobanData) -> bool:
    """Indices of archived entries: ascending, inside the read-write keys, persistent ones only."""
    indices, keys = data.archived, data.footprint.read_write
    return (
        list(indices) == sorted(set(indices))
        and all(index < len(keys) for index in indices)
        and all(has_lifetime(keys[index]) and not is_temporary(keys[index]) for index in indices)
    )
