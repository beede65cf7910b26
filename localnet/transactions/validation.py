"""Whether a transaction may enter the queue, and once more, whether it may enter a ledger.

The order of the checks is stellar-core's: the first broken rule names the result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationResultCode, OperationType, ThresholdIndexes, TransactionResultCode

from localnet.ledger.accounts import available_stroops, find_account, sequence_use
from localnet.ledger.entries import EntryReader
from localnet.network_settings import NetworkSettings
from localnet.transactions import results
from localnet.transactions.classic import registry
from localnet.transactions.envelopes import Envelope, Operation, account_of
from localnet.transactions.results import TransactionResult
from localnet.transactions.signatures import LOW_THRESHOLD, SignatureChecker
from localnet.transactions.soroban_fault import RefusedOperation
from localnet.transactions.soroban_limits import transaction_fault
from localnet.transactions.soroban_operations import soroban_refusal

QUEUE_TIME_MARGIN_SECONDS = 10

_SOROBAN_LEVELS: Final = {
    OperationType.INVOKE_HOST_FUNCTION: ThresholdIndexes.THRESHOLD_MED,
    OperationType.EXTEND_FOOTPRINT_TTL: ThresholdIndexes.THRESHOLD_LOW,
    OperationType.RESTORE_FOOTPRINT: ThresholdIndexes.THRESHOLD_LOW,
}


class Moment(NamedTuple):
    """The ledger that a transaction is judged for.

    minTime must have come by `earliest`, maxTime must not have passed by `latest`: in a ledger both are its
    close time, in the queue the last close time and two ledgers later.
    """

    sequence: int
    earliest: int
    latest: int


@dataclass(frozen=True)
class Validator:
    """The rules of one network at one moment on one state."""

    reader: EntryReader
    moment: Moment
    settings: NetworkSettings

    def refusal(self, envelope: Envelope) -> TransactionResult | None:
        """The result of a transaction that is not valid, its nominal fee in it; None for a valid one."""
        if envelope.fee_bump is None:
            refused = self._judge(envelope, pays_fee=True)
        else:
            refused = self._judge_fee_bump(envelope)
        if refused is None or refused.fee_charged_stroops:
            return refused
        return refused.charged(self.nominal_fee_stroops(envelope))

    def nominal_fee_stroops(self, envelope: Envelope) -> int:
        """What a refused transaction is told: its resource fee, and the base fee of its operations."""
        operations = max(envelope.charged_operations, 1)
        return envelope.resource_fee_stroops + self.settings.base_fee_stroops * operations

    def _judge_fee_bump(self, envelope: Envelope) -> TransactionResult | None:
        underpaid = self._underpaid_bump(envelope)
        if underpaid is not None:
            return underpaid
        code = self._fee_bump_refusal(envelope)
        if code is not None:
            return TransactionResult(code)
        inner = self._judge(envelope, pays_fee=False)
        if inner is None:
            return None
        return inner._replace(fee_charged_stroops=0, bumped_hash=envelope.inner_hash)

    def _fee_bump_refusal(self, envelope: Envelope) -> TransactionResultCode | None:
        bump = envelope.fee_bump
        assert bump is not None
        payer = find_account(self.reader, bump.fee_source)
        if payer is None:
            return TransactionResultCode.txNO_ACCOUNT
        checker = SignatureChecker(envelope, envelope.hash, bump.signatures)
        if not checker.has_weight(payer, LOW_THRESHOLD):
            return TransactionResultCode.txBAD_AUTH
        if available_stroops(payer, self.settings) < bump.fee_stroops:
            return TransactionResultCode.txINSUFFICIENT_BALANCE
        if not checker.all_used():
            return TransactionResultCode.txBAD_AUTH_EXTRA
        return None

    def _underpaid_bump(self, envelope: Envelope) -> TransactionResult | None:
        """At least the base fee for one operation more, at no lower a rate than the inner transaction's.

        Only what the second rule needs is told (stellar-core).
        """
        operations = envelope.charged_operations
        bid = envelope.inclusion_fee_stroops
        if bid < self.settings.base_fee_stroops * operations:
            return TransactionResult(TransactionResultCode.txINSUFFICIENT_FEE)
        inner_bid = envelope.transaction.fee_stroops - envelope.resource_fee_stroops
        needed = -(-inner_bid * operations // max(operations - 1, 1))
        if bid < needed:
            return TransactionResult(TransactionResultCode.txINSUFFICIENT_FEE, needed)
        return None

    def _judge(self, envelope: Envelope, *, pays_fee: bool) -> TransactionResult | None:
        code = self._malformation(envelope)
        if code is None and envelope.soroban:
            fault = transaction_fault(envelope, self.settings)
            if fault is not None:
                return TransactionResult(TransactionResultCode.txSOROBAN_INVALID, fault=fault)
        code = code or self._bounds_refusal(envelope.transaction.conditions)
        if code is None and pays_fee and not self._pays_enough(envelope):
            code = TransactionResultCode.txINSUFFICIENT_FEE
        if code is not None:
            return TransactionResult(code)
        checker = SignatureChecker(envelope, envelope.inner_hash, envelope.signatures)
        code = self.account_refusal(envelope, checker, envelope.full_fee_stroops if pays_fee else None)
        if code is not None:
            return TransactionResult(code)
        failed = self._operations_refusal(envelope, checker)
        if failed is None and not checker.all_used():
            return TransactionResult(TransactionResultCode.txBAD_AUTH_EXTRA)
        return failed

    def _malformation(self, envelope: Envelope) -> TransactionResultCode | None:
        operations = envelope.transaction.operations
        if not _are_extra_signers_sound(envelope.transaction.conditions.v2):
            return TransactionResultCode.txMALFORMED
        if not operations:
            return TransactionResultCode.txMISSING_OPERATION
        if envelope.mixes_operations or (envelope.soroban and len(operations) > 1):
            return TransactionResultCode.txMALFORMED
        if envelope.soroban is (envelope.soroban_data is None):
            return TransactionResultCode.txMALFORMED
        return None

    def _bounds_refusal(self, conditions: xdr.Preconditions) -> TransactionResultCode | None:
        extended = conditions.v2
        time_bounds = conditions.time_bounds if extended is None else extended.time_bounds
        ledger_bounds = None if extended is None else extended.ledger_bounds
        if time_bounds is not None and time_bounds.min_time.time_point.uint64 > self.moment.earliest:
            return TransactionResultCode.txTOO_EARLY
        if ledger_bounds is not None and ledger_bounds.min_ledger.uint32 > self.moment.sequence:
            return TransactionResultCode.txTOO_EARLY
        if time_bounds is not None and 0 < time_bounds.max_time.time_point.uint64 < self.moment.latest:
            return TransactionResultCode.txTOO_LATE
        if ledger_bounds is not None and 0 < ledger_bounds.max_ledger.uint32 <= self.moment.sequence:
            return TransactionResultCode.txTOO_LATE
        return None

    def _pays_enough(self, envelope: Envelope) -> bool:
        least = self.settings.base_fee_stroops * len(envelope.transaction.operations)
        return envelope.inclusion_fee_stroops >= least

    def account_refusal(
        self, envelope: Envelope, checker: SignatureChecker, due_stroops: int | None
    ) -> TransactionResultCode | None:
        """Why the source account may not send this transaction now; None if it may.

        `due_stroops` is what it has yet to pay of the fee; None if somebody else pays.
        """
        account = find_account(self.reader, envelope.source)
        if account is None:
            return TransactionResultCode.txNO_ACCOUNT
        extended = envelope.transaction.conditions.v2
        if not self._is_sequence_usable(envelope.sequence, account, extended):
            return TransactionResultCode.txBAD_SEQ
        if extended is not None and not self._is_old_enough(account, extended):
            return TransactionResultCode.txBAD_MIN_SEQ_AGE_OR_GAP
        if not checker.has_weight(account, LOW_THRESHOLD):
            return TransactionResultCode.txBAD_AUTH
        if extended is not None and not checker.all_signed(extended.extra_signers):
            return TransactionResultCode.txBAD_AUTH
        if due_stroops is not None and available_stroops(account, self.settings) < due_stroops:
            return TransactionResultCode.txINSUFFICIENT_BALANCE
        return None

    def _is_sequence_usable(
        self, number: int, account: xdr.AccountEntry, extended: xdr.PreconditionsV2 | None
    ) -> bool:
        current = account.seq_num.sequence_number.int64
        if number == self.moment.sequence << 32:
            return False
        if extended is not None and extended.min_seq_num is not None:
            return extended.min_seq_num.sequence_number.int64 <= current < number
        return number == current + 1

    def _is_old_enough(self, account: xdr.AccountEntry, extended: xdr.PreconditionsV2) -> bool:
        used_ledger, used_time = sequence_use(account)
        return (
            self.moment.earliest - extended.min_seq_age.duration.uint64 >= used_time
            and self.moment.sequence - extended.min_seq_ledger_gap.uint32 >= used_ledger
        )

    def _operations_refusal(self, envelope: Envelope, checker: SignatureChecker) -> TransactionResult | None:
        operations = envelope.transaction.operations
        for position, operation in enumerate(operations):
            refused = self._operation_refusal(operation, envelope, checker)
            if refused is not None:
                result = refused_operations(operations, {position: refused.result})
                return result._replace(fault=refused.fault)
        return None

    def _operation_refusal(
        self, operation: Operation, envelope: Envelope, checker: SignatureChecker
    ) -> RefusedOperation | None:
        if not _is_supported(operation):
            return RefusedOperation(results.refused_operation(OperationResultCode.opNOT_SUPPORTED))
        refused = self.signature_refusal(operation, envelope, checker)
        if refused is None and envelope.soroban:
            return soroban_refusal(envelope, self.settings)
        if refused is None:
            assert operation.body is not None
            refused = registry.check_operation(operation.body, operation_source(operation, envelope))
        return None if refused is None else RefusedOperation(refused)

    def signature_refusal(
        self, operation: Operation, envelope: Envelope, checker: SignatureChecker
    ) -> bytes | None:
        """The result of an operation that its source did not sign; None if it did.

        A source of its own need not exist yet: an operation before this one may create it.
        """
        source = operation_source(operation, envelope)
        account = find_account(self.reader, source)
        if account is not None:
            signed = checker.has_weight(account, _threshold_level(operation))
        elif operation.source_account is None:
            return results.refused_operation(OperationResultCode.opNO_ACCOUNT)
        else:
            signed = checker.signed_by(source)
        return None if signed else results.refused_operation(OperationResultCode.opBAD_AUTH)


def operation_source(operation: Operation, envelope: Envelope) -> bytes:
    """The account that an operation acts for: its own source, else the transaction's."""
    if operation.source_account is None:
        return envelope.source
    return account_of(operation.source_account)


def refused_operations(operations: Sequence[Operation], refused: Mapping[int, bytes]) -> TransactionResult:
    """The result when operations were refused, by position: the others stand at their untouched success."""
    encoded = tuple(
        refused.get(position) or results.untouched_operation(operation.type)
        for position, operation in enumerate(operations)
    )
    return TransactionResult(TransactionResultCode.txFAILED, 0, encoded)


def _are_extra_signers_sound(extended: xdr.PreconditionsV2 | None) -> bool:
    """Whether they differ, and have something to sign."""
    keys = [] if extended is None else extended.extra_signers
    if len(keys) == 2 and keys[0] == keys[1]:
        return False
    return all(key.ed25519_signed_payload is None or key.ed25519_signed_payload.payload for key in keys)


def _is_supported(operation: Operation) -> bool:
    """Contracts are built in: there is nothing to upload or to create on this network."""
    if operation.body is None:
        return operation.invoked is not None and operation.invoked.call is not None
    return registry.is_supported(operation.body) or operation.type in _SOROBAN_LEVELS


def _threshold_level(operation: Operation) -> ThresholdIndexes:
    level = _SOROBAN_LEVELS.get(operation.type)
    if level is None:
        assert operation.body is not None
        return registry.threshold_level(operation.body)
    return level
