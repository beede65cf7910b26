"""What a Soroban transaction must look like before it may wait in the queue."""

from itertools import chain

from stellar_sdk import xdr

from localnet.network_settings import NetworkSettings
from localnet.transactions.envelopes import Envelope
from localnet.transactions.fees import Resources, non_refundable_stroops
from localnet.transactions.resource_use import is_classic_key

MAX_RESOURCE_FEE_STROOPS = 2**50

_KEY_KINDS = frozenset(
    {
        xdr.LedgerEntryType.ACCOUNT,
        xdr.LedgerEntryType.TRUSTLINE,
        xdr.LedgerEntryType.CONTRACT_DATA,
        xdr.LedgerEntryType.CONTRACT_CODE,
    }
)


def declared_resources(envelope: Envelope) -> Resources:
    """What the transaction pays for up front. Only classic and archived entries are read from disk."""
    data = envelope.soroban_data
    assert data is not None
    resources = data.resources
    return Resources(
        instructions=resources.instructions.uint32,
        disk_read_entries=_disk_read_entries(envelope, data),
        write_entries=len(resources.footprint.read_write),
        disk_read_bytes=resources.disk_read_bytes.uint32,
        write_bytes=resources.write_bytes.uint32,
        transaction_bytes=envelope.priced_bytes,
    )


def _disk_read_entries(envelope: Envelope, data: xdr.SorobanTransactionData) -> int:
    """Classic keys and those declared archived; to RestoreFootprint everything is archived."""
    keys = envelope.footprint
    if envelope.transaction.operations[0].body.type is xdr.OperationType.RESTORE_FOOTPRINT:
        return len(keys.read_write)
    archived = data.ext.resource_ext.archived_soroban_entries if data.ext.resource_ext else []
    return len(archived) + sum(map(is_classic_key, chain(keys.read_only, keys.read_write)))


def are_resources_valid(envelope: Envelope, settings: NetworkSettings) -> bool:
    """Whether declared resources are inside the network's limits and paid for by the resource fee."""
    data = envelope.soroban_data
    assert data is not None
    declared = declared_resources(envelope)
    if non_refundable_stroops(declared, settings.rates) > data.resource_fee.int64:
        return False
    return (
        _within_limits(declared, settings)
        and _is_footprint_valid(envelope, settings)
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


def _is_footprint_valid(envelope: Envelope, settings: NetworkSettings) -> bool:
    data = envelope.soroban_data
    assert data is not None
    declared = data.resources.footprint
    if any(key.type not in _KEY_KINDS for key in chain(declared.read_only, declared.read_write)):
        return False
    keys = envelope.footprint.read_only + envelope.footprint.read_write
    return (
        len(keys) <= settings.transaction.footprint_entries
        and len(set(keys)) == len(keys)
        and all(len(key) <= settings.transaction.key_bytes for key in keys)
    )


def _is_archived_list_valid(data: xdr.SorobanTransactionData) -> bool:
    """Indices of archived entries: ascending, inside the read-write keys, persistent ones only."""
    if data.ext.resource_ext is None:
        return True
    indices = [index.uint32 for index in data.ext.resource_ext.archived_soroban_entries]
    keys = data.resources.footprint.read_write
    return (
        indices == sorted(set(indices))
        and all(index < len(keys) for index in indices)
        and all(_is_persistent(keys[index]) for index in indices)
    )


def _is_persistent(key: xdr.LedgerKey) -> bool:
    data = key.contract_data
    return key.contract_code is not None or (
        data is not None and data.durability is xdr.ContractDataDurability.PERSISTENT
    )
