"""A ledger's transactions, applied: fees of all, then each transaction, then the refunds of all."""

from collections.abc import Sequence
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.xdr import TransactionResultCode

from localnet.ledger import meta
from localnet.ledger.accounts import account_key, find_account, stored_account, with_balance, with_sequence
from localnet.ledger.asset_events import fee_event
from localnet.ledger.events import Event
from localnet.ledger.meta import SorobanCharge, Stage
from localnet.ledger.state import EntryChange, Layer, LedgerState
from localnet.network_settings import NetworkSettings
from localnet.soroban.invocation import LedgerInfo
from localnet.transactions.classic import Scene, apply_operation
from localnet.transactions.contract_call import apply_call
from localnet.transactions.envelopes import Envelope
from localnet.transactions.fees import inclusion_stroops
from localnet.transactions.results import TransactionResult
from localnet.transactions.validation import operation_source


@dataclass(frozen=True)
class AppliedTransaction:
    """A transaction as the history keeps it; result, meta and changes are XDR.

    `order` counts from 1. `operation_events` are there for successful transactions only, one tuple an
    operation; fees and refunds are events of the transaction and in every one.
    """

    ledger: int
    close_time: int
    order: int
    hash: bytes
    inner_hash: bytes
    envelope: bytes
    is_fee_bump: bool
    is_soroban: bool
    operations: int
    inclusion_fee_stroops: int
    fee_charged_stroops: int
    succeeded: bool
    result: bytes
    meta: bytes
    fee_changes: bytes
    refund_changes: bytes
    fee_event: Event
    refund_event: Event | None
    operation_events: tuple[tuple[Event, ...], ...]
    diagnostic_events: tuple[bytes, ...]


@dataclass(frozen=True)
class _Charged:
    stroops: int
    changes: bytes
    event: Event


@dataclass(frozen=True)
class _Outcome:
    """A transaction's own part, before refunds."""

    result: TransactionResult
    sequence_changes: bytes
    operation_metas: tuple[bytes, ...] = ()
    operation_events: tuple[tuple[Event, ...], ...] = ()
    charge: SorobanCharge | None = None
    return_value: bytes | None = None
    diagnostic_events: tuple[bytes, ...] = ()


class Application:
    """Applies valid transactions to the state, in the given order, as one ledger."""

    def __init__(self, state: LedgerState, ledger: LedgerInfo, settings: NetworkSettings) -> None:
        self._state = state
        self._ledger = ledger
        self._settings = settings

    def apply(self, envelopes: Sequence[Envelope]) -> list[AppliedTransaction]:
        charged = [self._charge(envelope) for envelope in envelopes]
        outcomes = [self._run(envelope) for envelope in envelopes]
        return [
            self._finish(order, envelope, fee, outcome)
            for order, (envelope, fee, outcome) in enumerate(
                zip(envelopes, charged, outcomes, strict=True), start=1
            )
        ]

    def _charge(self, envelope: Envelope) -> _Charged:
        inclusion = inclusion_stroops(
            envelope.inclusion_fee_stroops, envelope.charged_operations, self._settings
        )
        payer = find_account(self._state, envelope.fee_source)
        assert payer is not None, "only valid transactions are applied"
        fee = min(envelope.resource_fee_stroops + inclusion, payer.balance.int64)
        changes = self._write(envelope.fee_source, with_balance(payer, payer.balance.int64 - fee))
        return _Charged(fee, changes, fee_event(self._ledger.network_id, envelope.fee_source, fee))

    def _write(self, public_key: bytes, account: xdr.AccountEntry) -> bytes:
        """Writes an account at once; returns the encoded changes."""
        key = account_key(public_key)
        after = stored_account(account, self._ledger.sequence)
        change = EntryChange(key, self._state.find(key), after)
        self._state.commit({key: after})
        return meta.entry_changes([change], self._ledger.sequence)

    def _run(self, envelope: Envelope) -> _Outcome:
        account = find_account(self._state, envelope.source)
        assert account is not None, "only valid transactions are applied"
        used = with_sequence(account, envelope.sequence, self._ledger.sequence, self._ledger.close_time)
        sequence_changes = self._write(envelope.source, used)
        layer = Layer(self._state)
        if envelope.soroban:
            outcome = self._run_call(envelope, layer, sequence_changes)
        else:
            outcome = self._run_operations(envelope, layer, sequence_changes)
        if outcome.result.succeeded:
            self._state.commit(layer.changed())
        return outcome

    def _run_call(self, envelope: Envelope, layer: Layer, sequence_changes: bytes) -> _Outcome:
        source = operation_source(envelope.transaction.operations[0], envelope)
        effect = apply_call(envelope, source, layer, self._ledger, self._settings)
        if not effect.succeeded:
            return _Outcome(
                _result(envelope, TransactionResultCode.txFAILED, (effect.result,)),
                sequence_changes,
                charge=effect.charge,
                diagnostic_events=effect.diagnostic_events,
            )
        changes = meta.entry_changes(layer.changes(), self._ledger.sequence)
        return _Outcome(
            _result(envelope, TransactionResultCode.txSUCCESS, (effect.result,)),
            sequence_changes,
            operation_metas=(meta.operation_meta(changes, effect.events),),
            operation_events=(effect.events,),
            charge=effect.charge,
            return_value=effect.return_value,
            diagnostic_events=effect.diagnostic_events,
        )

    def _run_operations(self, envelope: Envelope, layer: Layer, sequence_changes: bytes) -> _Outcome:
        """Runs all operations, those after a failed one too: each has its result reported."""
        effects = []
        metas = []
        for operation in envelope.transaction.operations:
            own = Layer(layer)
            effect = apply_operation(operation.body, self._scene(operation, envelope, own))
            effects.append(effect)
            if effect.succeeded:
                changes = meta.entry_changes(own.changes(), self._ledger.sequence)
                metas.append(meta.operation_meta(changes, effect.events))
                layer.put_all(own.changed())
        encoded = tuple(effect.result for effect in effects)
        if not all(effect.succeeded for effect in effects):
            return _Outcome(_result(envelope, TransactionResultCode.txFAILED, encoded), sequence_changes)
        return _Outcome(
            _result(envelope, TransactionResultCode.txSUCCESS, encoded),
            sequence_changes,
            operation_metas=tuple(metas),
            operation_events=tuple(effect.events for effect in effects),
        )

    def _scene(self, operation: xdr.Operation, envelope: Envelope, layer: Layer) -> Scene:
        return Scene(
            layer=layer,
            source=operation_source(operation, envelope),
            memo=envelope.transaction.memo,
            sequence=self._ledger.sequence,
            network_id=self._ledger.network_id,
            settings=self._settings,
        )

    def _finish(
        self, order: int, envelope: Envelope, charged: _Charged, outcome: _Outcome
    ) -> AppliedTransaction:
        refund = _refund_stroops(envelope, outcome.charge)
        refund_changes, refund_event = self._refund(envelope, refund)
        fee = charged.stroops - refund
        return AppliedTransaction(
            ledger=self._ledger.sequence,
            close_time=self._ledger.close_time,
            order=order,
            hash=envelope.hash,
            inner_hash=envelope.inner_hash,
            envelope=envelope.raw,
            is_fee_bump=envelope.fee_bump is not None,
            is_soroban=envelope.soroban,
            operations=len(envelope.transaction.operations),
            inclusion_fee_stroops=charged.stroops - envelope.resource_fee_stroops,
            fee_charged_stroops=fee,
            succeeded=outcome.result.succeeded,
            result=outcome.result.charged(fee).encode(),
            meta=_encode_meta(charged.event, refund_event, outcome),
            fee_changes=charged.changes,
            refund_changes=refund_changes,
            fee_event=charged.event,
            refund_event=refund_event,
            operation_events=outcome.operation_events,
            diagnostic_events=outcome.diagnostic_events,
        )

    def _refund(self, envelope: Envelope, refund: int) -> tuple[bytes, Event | None]:
        if refund == 0:
            return meta.NO_CHANGES, None
        payer = find_account(self._state, envelope.fee_source)
        assert payer is not None, "whoever paid is still there"
        changes = self._write(envelope.fee_source, with_balance(payer, payer.balance.int64 + refund))
        return changes, fee_event(self._ledger.network_id, envelope.fee_source, -refund)


def _result(
    envelope: Envelope, code: TransactionResultCode, operations: tuple[bytes, ...]
) -> TransactionResult:
    bumped = None if envelope.fee_bump is None else envelope.inner_hash
    return TransactionResult(code, 0, operations, bumped)


def _refund_stroops(envelope: Envelope, charge: SorobanCharge | None) -> int:
    if charge is None:
        return 0
    return envelope.resource_fee_stroops - charge.non_refundable_stroops - charge.refundable_stroops


def _encode_meta(charged: Event, refunded: Event | None, outcome: _Outcome) -> bytes:
    events = [meta.transaction_event(Stage.BEFORE_ALL_TRANSACTIONS, charged)]
    if refunded is not None:
        events.append(meta.transaction_event(Stage.AFTER_ALL_TRANSACTIONS, refunded))
    soroban = None
    if outcome.charge is not None:
        soroban = meta.soroban_meta(outcome.charge, outcome.return_value)
    return meta.transaction_meta(
        outcome.sequence_changes, outcome.operation_metas, soroban, events, outcome.diagnostic_events
    )
