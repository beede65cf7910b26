"""A transaction envelope, decoded once and kept with everything that is asked of it again and again."""

import hashlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stellar_sdk import xdr

from localnet.lazy import lazy
from localnet.ledger import wire
from localnet.ledger.call_reader import InvokedFunction, read_invoked_function
from localnet.ledger.encoded_parts import read_encoded_key
from localnet.ledger.key_kinds import is_classic_key
from localnet.ledger.wire_reader import MAX_DEPTH, WIRE_ERRORS, WireReader
from localnet.transactions.fees import Resources

MAX_ENVELOPE_BYTES = 1024 * 1024
_MAX_OPERATIONS: Final = 100
_MAX_SIGNATURES: Final = 20

_INVOCATION_KINDS = frozenset(
    {
        xdr.OperationType.INVOKE_HOST_FUNCTION,
        xdr.OperationType.EXTEND_FOOTPRINT_TTL,
        xdr.OperationType.RESTORE_FOOTPRINT,
    }
)


class EnvelopeError(ValueError):
    """The bytes are no transaction envelope."""


@dataclass(frozen=True)
class FeeBump:
    """The outer part of a fee bump: who pays instead, how much, and their signatures."""

    fee_source: bytes
    fee_stroops: int
    signatures: list[xdr.DecoratedSignature]
    inner_envelope_hash: bytes
    inner_bytes: int


class DeclaredFootprint(NamedTuple):
    """The ledger keys (XDR) that a Soroban transaction declares."""

    read_only: tuple[bytes, ...]
    read_write: tuple[bytes, ...]


_NO_FOOTPRINT: Final = DeclaredFootprint((), ())


class SorobanData(NamedTuple):
    """XDR `SorobanTransactionData`: `archived` are positions of read-write keys that a call restores."""

    archived: tuple[int, ...]
    footprint: DeclaredFootprint
    instructions: int
    disk_read_bytes: int
    write_bytes: int
    resource_fee_stroops: int


class Operation(NamedTuple):
    """XDR `Operation`: either with the SDK's `body`, or with the `invoked` host function."""

    source_account: xdr.MuxedAccount | None
    type: xdr.OperationType
    body: xdr.OperationBody | None
    invoked: InvokedFunction | None


class Transaction(NamedTuple):
    """XDR `Transaction`, its numbers as such."""

    source_account: xdr.MuxedAccount
    fee_stroops: int
    sequence: int
    conditions: xdr.Preconditions
    memo: xdr.Memo
    operations: list[Operation]
    soroban_data: SorobanData | None


@dataclass(frozen=True)
class Envelope:
    """A decoded envelope.

    `hash` names the transaction (a fee bump's own hash), `inner_hash` the inner transaction of a fee bump,
    else the same. `envelope_hash` covers the signatures too: it is what the queue compares and bans.
    `verified` remembers checked signatures: an envelope is validated again when its ledger closes.
    """

    raw: bytes
    hash: bytes
    inner_hash: bytes
    transaction: Transaction
    signatures: list[xdr.DecoratedSignature]
    fee_bump: FeeBump | None
    envelope_hash: bytes
    verified: dict[tuple[bytes, bytes, bytes], bool] = field(default_factory=dict, compare=False, repr=False)

    @lazy
    def source(self) -> bytes:
        """The source account's ed25519 key: whose sequence number is used."""
        return account_of(self.transaction.source_account)

    @property
    def fee_source(self) -> bytes:
        return self.source if self.fee_bump is None else self.fee_bump.fee_source

    @property
    def sequence(self) -> int:
        return self.transaction.sequence

    @lazy
    def soroban(self) -> bool:
        """Whether this is a Soroban transaction: its first operation decides, not its resources."""
        return any(_is_soroban(operation) for operation in self.transaction.operations[:1])

    @property
    def mixes_operations(self) -> bool:
        """Whether Soroban operations stand beside others."""
        return any(_is_soroban(operation) is not self.soroban for operation in self.transaction.operations)

    @property
    def soroban_data(self) -> SorobanData | None:
        return self.transaction.soroban_data

    @property
    def resource_fee_stroops(self) -> int:
        """The part of the bid that is set aside for resources; a classic transaction cannot do so."""
        data = self.transaction.soroban_data
        return 0 if data is None or not self.soroban else data.resource_fee_stroops

    @property
    def footprint(self) -> DeclaredFootprint:
        """What a Soroban transaction may touch, in the envelope's order."""
        data = self.transaction.soroban_data
        return _NO_FOOTPRINT if data is None else data.footprint

    @lazy
    def declared_resources(self) -> Resources:
        """What a Soroban transaction pays for up front."""
        data = self.transaction.soroban_data
        assert data is not None
        return Resources(
            instructions=data.instructions,
            disk_read_entries=self._disk_read_entries(data),
            write_entries=len(data.footprint.read_write),
            disk_read_bytes=data.disk_read_bytes,
            write_bytes=data.write_bytes,
            transaction_bytes=self.priced_bytes,
        )

    def _disk_read_entries(self, data: SorobanData) -> int:
        """Classic keys and those declared archived; to RestoreFootprint everything is archived."""
        read_only, read_write = data.footprint
        if self.transaction.operations[0].type is xdr.OperationType.RESTORE_FOOTPRINT:
            return len(read_write)
        return len(data.archived) + sum(map(is_classic_key, read_only + read_write))

    @property
    def full_fee_stroops(self) -> int:
        """The whole fee bid of whoever pays."""
        return self.transaction.fee_stroops if self.fee_bump is None else self.fee_bump.fee_stroops

    @property
    def inclusion_fee_stroops(self) -> int:
        """The part of the bid that is not set aside for resources; negative in malformed transactions."""
        return self.full_fee_stroops - self.resource_fee_stroops

    @property
    def priced_bytes(self) -> int:
        """The size that limits and resource fees count: of a fee bump only the inner envelope's."""
        return len(self.raw) if self.fee_bump is None else self.fee_bump.inner_bytes

    @property
    def charged_operations(self) -> int:
        """Operations that the base fee is multiplied with: a fee bump counts as one more."""
        return len(self.transaction.operations) + (self.fee_bump is not None)


def _is_soroban(operation: Operation) -> bool:
    return operation.type in _INVOCATION_KINDS


def account_of(source: xdr.MuxedAccount) -> bytes:
    """The ed25519 key behind a plain or multiplexed account."""
    if source.ed25519 is not None:
        return source.ed25519.uint256
    assert source.med25519 is not None
    return source.med25519.ed25519.uint256


def decode_envelope(raw: bytes, network_id: bytes) -> Envelope:
    """Decodes an envelope of any kind. Raises EnvelopeError."""
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise EnvelopeError(f"envelope has {len(raw)} bytes, at most {MAX_ENVELOPE_BYTES} are accepted")
    reader = WireReader(raw)
    try:
        envelope = _read(reader, network_id)
    except WIRE_ERRORS as error:
        raise EnvelopeError(str(error) or type(error).__name__) from error
    return envelope


def _read(reader: WireReader, network_id: bytes) -> Envelope:
    raw, kind = reader.raw, reader.int32()
    if kind == xdr.EnvelopeType.ENVELOPE_TYPE_TX_V0:
        return _read_old(raw, network_id)
    if kind == xdr.EnvelopeType.ENVELOPE_TYPE_TX_FEE_BUMP:
        return _read_fee_bump(reader, network_id)
    if kind != xdr.EnvelopeType.ENVELOPE_TYPE_TX:
        raise EnvelopeError(f"envelope type {kind} is no transaction")
    transaction, body, signatures = _read_inner(reader)
    _require_end(reader)
    content_hash = _content_hash(network_id, xdr.EnvelopeType.ENVELOPE_TYPE_TX, body)
    return Envelope(
        raw, content_hash, content_hash, transaction, signatures, None, hashlib.sha256(raw).digest()
    )


def _read_inner(reader: WireReader) -> tuple[Transaction, bytes, list[xdr.DecoratedSignature]]:
    start = reader.position
    transaction = _read_transaction(reader)
    body = reader.raw[start : reader.position]
    return transaction, body, _read_signatures(reader)


def _read_transaction(reader: WireReader) -> Transaction:
    """The parts of a contract call that are many are read by our own reader, the others by the SDK."""
    depth = MAX_DEPTH - 1
    return Transaction(
        source_account=reader.muxed_account(depth),
        fee_stroops=reader.uint32(),
        sequence=reader.int64(),
        conditions=reader.preconditions(depth),
        memo=reader.memo(depth),
        operations=_read_operations(reader, depth),
        soroban_data=_read_extension(reader, depth),
    )


def _read_operations(reader: WireReader, depth: int) -> list[Operation]:
    operations = reader.array(_read_operation, depth)
    if len(operations) > _MAX_OPERATIONS:
        raise EnvelopeError(f"{len(operations)} operations, at most {_MAX_OPERATIONS} are accepted")
    return operations


def _read_operation(reader: WireReader, depth: int) -> Operation:
    source = reader.muxed_account(depth - 1) if reader.flag() else None
    if reader.next_is(xdr.OperationType.INVOKE_HOST_FUNCTION):
        invoked = read_invoked_function(reader, depth - 2)
        return Operation(source, xdr.OperationType.INVOKE_HOST_FUNCTION, None, invoked)
    body = reader.by_sdk(xdr.OperationBody, depth - 1)
    return Operation(source, body.type, body, None)


def _read_extension(reader: WireReader, depth: int) -> SorobanData | None:
    version = reader.int32()
    if version == 0:
        return None
    if version != 1:
        raise EnvelopeError(f"unknown transaction extension {version}")
    key_depth = depth - 4
    return SorobanData(
        archived=_read_archived(reader),
        footprint=DeclaredFootprint(
            tuple(reader.array(read_encoded_key, key_depth)), tuple(reader.array(read_encoded_key, key_depth))
        ),
        instructions=reader.uint32(),
        disk_read_bytes=reader.uint32(),
        write_bytes=reader.uint32(),
        resource_fee_stroops=reader.int64(),
    )


def _read_archived(reader: WireReader) -> tuple[int, ...]:
    version = reader.int32()
    if version == 0:
        return ()
    if version != 1:
        raise EnvelopeError(f"unknown extension {version} of resources")
    return tuple(reader.array(lambda own, _: own.uint32(), 1))


def _read_signatures(reader: WireReader) -> list[xdr.DecoratedSignature]:
    count = reader.uint32()
    if count > _MAX_SIGNATURES:
        raise EnvelopeError(f"{count} signatures, at most {_MAX_SIGNATURES} are accepted")
    return [reader.signature() for _ in range(count)]


def _read_old(raw: bytes, network_id: bytes) -> Envelope:
    """A version 0 envelope is a version 1 one without the type of its source key, and hashes as that."""
    kind = wire.int32(xdr.EnvelopeType.ENVELOPE_TYPE_TX)
    key_type = wire.int32(xdr.CryptoKeyType.KEY_TYPE_ED25519)
    return decode_envelope(kind + key_type + raw[4:], network_id)


def _read_fee_bump(reader: WireReader, network_id: bytes) -> Envelope:
    raw, start = reader.raw, reader.position
    fee_source = reader.muxed_account(MAX_DEPTH)
    fee = reader.int64()
    inner_start = reader.position
    inner_kind = reader.int32()
    if inner_kind != xdr.EnvelopeType.ENVELOPE_TYPE_TX:
        raise EnvelopeError(f"fee bump of envelope type {inner_kind}")
    transaction, inner_body, inner_signatures = _read_inner(reader)
    inner_raw = raw[inner_start : reader.position]
    if reader.int32() != 0:
        raise EnvelopeError("unknown fee bump extension")
    body = raw[start : reader.position]
    signatures = _read_signatures(reader)
    _require_end(reader)
    return Envelope(
        raw=raw,
        hash=_content_hash(network_id, xdr.EnvelopeType.ENVELOPE_TYPE_TX_FEE_BUMP, body),
        inner_hash=_content_hash(network_id, xdr.EnvelopeType.ENVELOPE_TYPE_TX, inner_body),
        transaction=transaction,
        signatures=inner_signatures,
        fee_bump=FeeBump(
            account_of(fee_source), fee, signatures, hashlib.sha256(inner_raw).digest(), len(inner_raw)
        ),
        envelope_hash=hashlib.sha256(raw).digest(),
    )


def _require_end(reader: WireReader) -> None:
    left = len(reader.raw) - reader.position
    if left:
        raise EnvelopeError(f"{left} bytes after the envelope")


def _content_hash(network_id: bytes, kind: xdr.EnvelopeType, body: bytes) -> bytes:
    return hashlib.sha256(network_id + wire.int32(kind) + body).digest()
