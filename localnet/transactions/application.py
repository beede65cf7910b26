"""A ledger's transactions, applied: fees of all, then each transaction, then the refunds of all."""

from collections.abc import Sequence
from typing import NamedTuple

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationResultCode, TransactionResultCode

from kale.constants import I64_MAX
from localnet.ledger import meta
from localnet.ledger.accounts import account_key, find_account, with_balance
from localnet.ledger.asset_events import fee_event
from localnet.ledger.classic_entries import ClassicEntries
from localnet.ledger.events import Event
from localnet.ledger.meta import SorobanCharge
from localnet.ledger.state import EntryChange, Layer, LedgerState
from localnet.network_settings import NetworkSettings
from localnet.soroban.invocation import LedgerInfo
from localnet.transactions import results
from localnet.transactions.admission import admit, admit_payer
from localnet.transactions.classic.operation import Scene
from localnet.transactions.classic.registry import Effect, apply_operation
from localnet.transactions.envelopes import Envelope, Operation
from localnet.transactions.fees import inclusion_stroops, non_refundable_stroops
from localnet.transactions.inclusion import Inclusion
from localnet.transactions.results import TransactionResult
from localnet.transactions.soroban_operations import apply_soroban
from localnet.transactions.validation import Moment, operation_source


class AppliedTransaction(NamedTuple):
    """A transaction as the history keeps it; result, meta and changes are XDR.

    `order` counts from 1. `operation_events` are there for successful transactions only, one tuple an
    operation; fees and refunds are events of the transaction and in every one. State files keep the fields
    by their order.
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


class _Charged(NamedTuple):
    stroops: int
    changes: bytes
    event: Event


class _Outcome(NamedTuple):
    """A transaction's own part, before refunds; `changes_before` are those of its admission."""

    result: TransactionResult
    changes_before: bytes
    operation_metas: tuple[bytes, ...] = ()
    operation_events: tuple[tuple[Event, ...], ...] = ()
    charge: SorobanCharge | None = None
    return_value: bytes | None = None
    diagnostic_events: tuple[bytes, ...] = ()


class Application:
    """Applies valid transactions to the state, in the given order, as one ledger."""

    def __init__(
        self, state: LedgerState, ledger: LedgerInfo, settings: NetworkSettings, inclusion: Inclusion
    ) -> None:
        self._state = state
        self._ledger = ledger
        self._settings = settings
        self._inclusion = inclusion
        self._sequences: dict[bytes, int] = {}
        self._moment = Moment(ledger.sequence, ledger.close_time, ledger.close_time)

    def apply(self, envelopes: Sequence[Envelope]) -> list[AppliedTransaction]:
        self._sequences = {envelope.source: envelope.sequence for envelope in envelopes}
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
            envelope.inclusion_fee_stroops,
            envelope.charged_operations,
            self._inclusion.base_fee_stroops(soroban=envelope.soroban),
        )
        payer = find_account(self._state, envelope.fee_source)
        assert payer is not None, "fees are paid before anything can remove an account"
        fee = min(envelope.resource_fee_stroops + inclusion, payer.balance.int64)
        changes = self._write(envelope.fee_source, with_balance(payer, payer.balance.int64 - fee))
        return _Charged(fee, changes, fee_event(self._ledger.network_id, envelope.fee_source, fee))

    def _write(self, public_key: bytes, account: xdr.AccountEntry) -> bytes:
        """Writes an account that is there at once; returns the encoded changes."""
        key = account_key(public_key)
        before = self._state.find(key)
        assert before is not None
        data = xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account)
        after = before.rewritten(data, self._ledger.sequence)
        self._state.commit({key: after})
        return meta.entry_changes([EntryChange(key, before, after)], self._ledger.sequence)

    def _run(self, envelope: Envelope) -> _Outcome:
        changes_before = []
        if envelope.fee_bump is not None:
            changes_before += self._commit(admit_payer(envelope, self._state, self._ledger.sequence))
        admission = admit(envelope, self._state, self._moment, self._settings)
        changes_before += self._commit(admission.layer)
        before = meta.entry_changes(changes_before, self._ledger.sequence)
        if admission.refused is not None:
            return self._refused(envelope, admission.refused, before)
        layer = Layer(self._state)
        if envelope.soroban:
            outcome = self._run_soroban(envelope, layer, before)
        else:
            outcome = self._run_operations(envelope, layer, before)
        if outcome.result.succeeded:
            self._state.commit(layer.changed())
        return outcome

    def _commit(self, layer: Layer) -> list[EntryChange]:
        changes = layer.changes()
        self._state.commit(layer.changed())
        return changes

    def _refused(self, envelope: Envelope, result: TransactionResult, changes_before: bytes) -> _Outcome:
        """A transaction that did not run; of its resource fee it gets back what is refundable."""
        charge = None
        if envelope.soroban_data is not None:
            fixed = non_refundable_stroops(envelope.declared_resources, self._settings.rates)
            charge = SorobanCharge(fixed)
        return _Outcome(_bumped(envelope, result), changes_before, charge=charge)

    def _run_soroban(self, envelope: Envelope, layer: Layer, changes_before: bytes) -> _Outcome:
        source = operation_source(envelope.transaction.operations[0], envelope)
        if find_account(layer, source) is None:
            missing = results.refused_operation(OperationResultCode.opNO_ACCOUNT)
            result = TransactionResult(TransactionResultCode.txFAILED, 0, (missing,))
            return self._refused(envelope, result, changes_before)
        effect = apply_soroban(envelope, source, layer, self._ledger, self._settings)
        if not effect.succeeded:
            return _Outcome(
                _result(envelope, TransactionResultCode.txFAILED, (effect.result,)),
                changes_before,
                charge=effect.charge,
                diagnostic_events=effect.diagnostic_events,
            )
        changes = meta.entry_changes(layer.changes(), self._ledger.sequence)
        return _Outcome(
            _result(envelope, TransactionResultCode.txSUCCESS, (effect.result,)),
            changes_before,
            operation_metas=(meta.operation_meta(changes, effect.events),),
            operation_events=(effect.events,),
            charge=effect.charge,
            return_value=effect.return_value,
            diagnostic_events=effect.diagnostic_events,
        )

    def _run_operations(self, envelope: Envelope, layer: Layer, changes_before: bytes) -> _Outcome:
        """Runs all operations, those after a failed one too: each has its result reported."""
        effects = []
        metas = []
        sponsors: dict[bytes, bytes] = {}
        for operation in envelope.transaction.operations:
            own = Layer(layer)
            effect = _run_operation(operation, self._scene(operation, envelope, own, sponsors))
            effects.append(effect)
            if effect.succeeded:
                changes = meta.entry_changes(own.changes(), self._ledger.sequence)
                metas.append(meta.operation_meta(changes, effect.events))
                layer.put_all(own.changed())
        encoded = tuple(effect.result for effect in effects)
        if not all(effect.succeeded for effect in effects):
            return _Outcome(_result(envelope, TransactionResultCode.txFAILED, encoded), changes_before)
        if sponsors:
            return _Outcome(_result(envelope, TransactionResultCode.txBAD_SPONSORSHIP), changes_before)
        return _Outcome(
            _result(envelope, TransactionResultCode.txSUCCESS, encoded),
            changes_before,
            operation_metas=tuple(metas),
            operation_events=tuple(effect.events for effect in effects),
        )

    def _scene(
        self, operation: Operation, envelope: Envelope, layer: Layer, sponsors: dict[bytes, bytes]
    ) -> Scene:
        return Scene(
            entries=ClassicEntries(layer, self._ledger.sequence),
            source=operation_source(operation, envelope),
            memo=envelope.transaction.memo,
            close_time=self._ledger.close_time,
            network_id=self._ledger.network_id,
            settings=self._settings,
            sponsors=sponsors,
            sequences=self._sequences,
        )

    def _finish(
        self, order: int, envelope: Envelope, charged: _Charged, outcome: _Outcome
    ) -> AppliedTransaction:
        refund_changes, refund_event, refund = self._refund(envelope, outcome.charge)
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

    def _refund(self, envelope: Envelope, charge: SorobanCharge | None) -> tuple[bytes, Event | None, int]:
        """Gives back what is left of the resource fee; nobody gets it if the payer was merged meanwhile."""
        refund = _refund_stroops(envelope, charge)
        payer = find_account(self._state, envelope.fee_source)
        if refund == 0 or payer is None or payer.balance.int64 > I64_MAX - refund:
            return meta.NO_CHANGES, None, 0
        changes = self._write(envelope.fee_source, with_balance(payer, payer.balance.int64 + refund))
        return changes, fee_event(self._ledger.network_id, envelope.fee_source, -refund), refund


def _run_operation(operation: Operation, scene: Scene) -> Effect:
    if scene.entries.find_account(scene.source) is None:
        return Effect(False, results.refused_operation(OperationResultCode.opNO_ACCOUNT))
    assert operation.body is not None
    return apply_operation(operation.body, scene)


def _result(
    envelope: Envelope, code: TransactionResultCode, operations: tuple[bytes, ...] = ()
) -> TransactionResult:
    return _bumped(envelope, TransactionResult(code, 0, operations))


def _bumped(envelope: Envelope, result: TransactionResult) -> TransactionResult:
    """What is said of a fee bump's inner transaction is reported as such."""
    return result if envelope.fee_bump is None else result._replace(bumped_hash=envelope.inner_hash)


def _refund_stroops(envelope: Envelope, charge: SorobanCharge | None) -> int:
    if charge is None:
        return 0
    return envelope.resource_fee_stroops - charge.non_refundable_stroops - charge.refundable_stroops


def _encode_meta(charged: Event, refunded: Event | None, outcome: _Outcome) -> bytes:
    events = [meta.transaction_event(meta.BEFORE_ALL, charged)]
    if refunded is not None:
        events.append(meta.transaction_event(meta.AFTER_ALL, refunded))
    soroban = None
    if outcome.charge is not None:
        soroban = meta.soroban_meta(outcome.charge, outcome.return_value)
    return meta.transaction_meta(
        outcome.changes_before, outcome.operation_metas, soroban, events, outcome.diagnostic_events
    )
