"""What a Soroban transaction must look like before it may wait in the queue.

Checks, their order and their words are stellar-core's.
"""

from collections.abc import Iterator

from stellar_sdk import xdr
from stellar_sdk.xdr import SCErrorCode, SCErrorType

from localnet.ledger import wire
from localnet.ledger.key_kinds import has_lifetime, is_temporary
from localnet.network_settings import NetworkSettings, TransactionLimits
from localnet.transactions.envelopes import Envelope, SorobanData
from localnet.transactions.fees import Resources, non_refundable_stroops
from localnet.transactions.soroban_fault import SorobanFault

MAX_RESOURCE_FEE_STROOPS = 2**50

_BUDGET, _STORAGE = SCErrorType.SCE_BUDGET, SCErrorType.SCE_STORAGE

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
            _STORAGE,
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
    limits = settings.transaction
    return (
        _declared_fault(declared, data, limits)
        or next(_faulty_keys(data, limits), None)
        or _excess("total transaction size exceeds", declared.transaction_bytes, limits.size_bytes, _BUDGET)
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


def _declared_fault(asked: Resources, data: SorobanData, most: TransactionLimits) -> SorobanFault | None:
    keys = len(data.footprint.read_only) + len(data.footprint.read_write)
    return (
        _excess("transaction instructions resources exceed", asked.instructions, most.instructions, _BUDGET)
        or _excess("transaction byte-read resources exceed", asked.disk_read_bytes, most.disk_read_bytes)
        or _excess("transaction byte-write resources exceed", asked.write_bytes, most.write_bytes)
        or _excess("the number of entries in transaction footprint exceeds the", keys, most.footprint_entries)
        or _excess(
            "transaction entry-disk-read resources exceed", asked.disk_read_entries, most.disk_read_entries
        )
        or _excess("transaction entry-write resources exceed", asked.write_entries, most.write_entries)
    )


def _faulty_keys(data: SorobanData, limits: TransactionLimits) -> Iterator[SorobanFault]:
    for key in data.footprint.read_only + data.footprint.read_write:
        if key[:4] not in _KEY_KINDS:
            yield SorobanFault(
                _STORAGE,
                SCErrorCode.SCEC_UNEXPECTED_TYPE,
                "transaction footprint contains unsupported ledger key type",
                (int.from_bytes(key[:4], "big"),),
            )
        if key[:4] == _TRUSTLINE and not _is_line_possible(key):
            yield _unsound("transaction footprint contains invalid trustline asset")
        excess = _excess("transaction footprint key exceeds", len(key), limits.key_bytes)
        if excess is not None:
            yield excess


def _is_line_possible(key: bytes) -> bool:
    """Whether there can be such a trustline: nobody has one for XLM or for an asset of their own."""
    account, asset = key[8:40], key[40:]
    return asset[:4] != _NATIVE and not (len(asset) > _POOL_BYTES and asset[-32:] == account)


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


def _excess(what: str, asked: int, most: int, kind: SCErrorType = _STORAGE) -> SorobanFault | None:
    """The fault of asking for more than a limit of the network; None within it."""
    if asked <= most:
        return None
    message = f"{what} network config limit"
    return SorobanFault(kind, SCErrorCode.SCEC_EXCEEDED_LIMIT, message, (asked, most))


def _unsound(message: str, values: tuple[int, ...] = ()) -> SorobanFault:
    return SorobanFault(_STORAGE, SCErrorCode.SCEC_INVALID_INPUT, message, values)
