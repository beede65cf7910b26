"""What a Soroban transaction must look like before it may wait in the queue.

Checks, their order and their words are stellar-core's.
"""

from collections.abc import Iterator

from stellar_sdk import xdr
from stellar_sdk.xdr import SCErrorCode, SCErrorType

from localnet.ledger import wire
from localnet.ledger.key_kinds import has_lifetime, is_temporary
from localnet.network_settings import NetworkSettings
from localnet.transactions.envelopes import Envelope, SorobanData
from localnet.transactions.fees import Resources, non_refundable_stroops
from localnet.transactions.soroban_fault import SorobanFault

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

_TRUSTLINE = wire.int32(xdr.LedgerEntryType.TRUSTLINE)
_NATIVE = wire.int32(xdr.AssetType.ASSET_TYPE_NATIVE)
#: A pool share's asset: its kind and the pool's id.
_POOL_BYTES = 36


def transaction_fault(envelope: Envelope, settings: NetworkSettings) -> SorobanFault | None:
    """Why a Soroban transaction is invalid, whatever the state of the ledger is; None for a sound one."""
    data = envelope.soroban_data
    assert data is not None
    fault = _form_fault(envelope) or resource_fault(envelope, settings)
    if fault is not None:
        return fault
    least = non_refundable_stroops(envelope.declared_resources, settings.rates)
    if data.resource_fee_stroops < least:
        return SorobanFault(
            SCErrorType.SCE_STORAGE,
            SCErrorCode.SCEC_EXCEEDED_LIMIT,
            "transaction `sorobanData.resourceFee` is lower than the actual Soroban resource fee",
            (data.resource_fee_stroops, least),
        )
    keys = data.footprint.read_only + data.footprint.read_write
    if len(set(keys)) < len(keys):
        return _unsound(
            "Found duplicate key in the Soroban footprint; every key across read-only and read-write "
            "footprints has to be unique."
        )
    return None


def resource_fault(envelope: Envelope, settings: NetworkSettings) -> SorobanFault | None:
    """What is wrong with the declared resources: beyond the network's limits, or not to be understood."""
    data = envelope.soroban_data
    assert data is not None
    declared = envelope.declared_resources
    return (
        next(_exceeded_limits(declared, data, settings), None)
        or next(_faulty_keys(data, settings), None)
        or _size_fault(declared, settings)
        or _archived_list_fault(data)
    )


def _form_fault(envelope: Envelope) -> SorobanFault | None:
    """No memo and no multiplexed source in a call: a contract would not see them (protocol 25)."""
    transaction = envelope.transaction
    operation = transaction.operations[0]
    if operation.type is not xdr.OperationType.INVOKE_HOST_FUNCTION:
        return None
    source = operation.source_account
    if (
        transaction.memo.type is xdr.MemoType.MEMO_NONE
        and transaction.source_account.med25519 is None
        and (source is None or source.med25519 is None)
    ):
        return None
    return SorobanFault(
        SCErrorType.SCE_CONTEXT,
        SCErrorCode.SCEC_INVALID_INPUT,
        "Soroban transactions are not allowed to use memo or muxed source account",
    )


def _exceeded_limits(
    declared: Resources, data: SorobanData, settings: NetworkSettings
) -> Iterator[SorobanFault]:
    limits = settings.transaction
    if declared.instructions > limits.instructions:
        yield _exceeded(
            "transaction instructions resources exceed network config limit",
            (declared.instructions, limits.instructions),
            SCErrorType.SCE_BUDGET,
        )
    if declared.disk_read_bytes > limits.disk_read_bytes:
        yield _exceeded(
            "transaction byte-read resources exceed network config limit",
            (declared.disk_read_bytes, limits.disk_read_bytes),
        )
    if declared.write_bytes > limits.write_bytes:
        yield _exceeded(
            "transaction byte-write resources exceed network config limit",
            (declared.write_bytes, limits.write_bytes),
        )
    keys = len(data.footprint.read_only) + len(data.footprint.read_write)
    if keys > limits.footprint_entries:
        yield _exceeded(
            "the number of entries in transaction footprint exceeds the network config limit",
            (keys, limits.footprint_entries),
        )
    if declared.disk_read_entries > limits.disk_read_entries:
        yield _exceeded(
            "transaction entry-disk-read resources exceed network config limit",
            (declared.disk_read_entries, limits.disk_read_entries),
        )
    if declared.write_entries > limits.write_entries:
        yield _exceeded(
            "transaction entry-write resources exceed network config limit",
            (declared.write_entries, limits.write_entries),
        )


def _faulty_keys(data: SorobanData, settings: NetworkSettings) -> Iterator[SorobanFault]:
    longest = settings.transaction.key_bytes
    for key in data.footprint.read_only + data.footprint.read_write:
        if key[:4] not in _KEY_KINDS:
            yield SorobanFault(
                SCErrorType.SCE_STORAGE,
                SCErrorCode.SCEC_UNEXPECTED_TYPE,
                "transaction footprint contains unsupported ledger key type",
                (int.from_bytes(key[:4], "big"),),
            )
        if key[:4] == _TRUSTLINE and not _is_line_possible(key):
            yield _unsound("transaction footprint contains invalid trustline asset")
        if len(key) > longest:
            yield _exceeded("transaction footprint key exceeds network config limit", (len(key), longest))


def _is_line_possible(key: bytes) -> bool:
    """Whether there can be such a trustline: nobody has one for XLM or for an asset of their own."""
    account, asset = key[8:40], key[40:]
    return asset[:4] != _NATIVE and not (len(asset) > _POOL_BYTES and asset[-32:] == account)


def _size_fault(declared: Resources, settings: NetworkSettings) -> SorobanFault | None:
    most = settings.transaction.size_bytes
    if declared.transaction_bytes <= most:
        return None
    return _exceeded(
        "total transaction size exceeds network config limit",
        (declared.transaction_bytes, most),
        SCErrorType.SCE_BUDGET,
    )


def _archived_list_fault(data: SorobanData) -> SorobanFault | None:
    """Indices of archived entries: ascending, inside the read-write keys, persistent ones only."""
    keys = data.footprint.read_write
    last = -1
    for index in data.archived:
        if index <= last:
            return _unsound("archivedSorobanEntries must be sorted in ascending order")
        last = index
        if index >= len(keys):
            return _unsound("archivedSorobanEntries index is out of bounds", (index, len(keys)))
        if not has_lifetime(keys[index]) or is_temporary(keys[index]):
            kind = int.from_bytes(keys[index][:4], "big")
            return _unsound("archivedSorobanEntries index points to a non-persistent entry", (index, kind))
    return None


def _exceeded(
    message: str, values: tuple[int, ...], kind: SCErrorType = SCErrorType.SCE_STORAGE
) -> SorobanFault:
    return SorobanFault(kind, SCErrorCode.SCEC_EXCEEDED_LIMIT, message, values)


def _unsound(message: str, values: tuple[int, ...] = ()) -> SorobanFault:
    return SorobanFault(SCErrorType.SCE_STORAGE, SCErrorCode.SCEC_INVALID_INPUT, message, values)
