"""Whether a transaction may enter the queue, and once more, whether it may enter a ledger.

The order of the checks is stellar-core's: the first broken rule names the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationResultCode, OperationType, TransactionResultCode

from localnet.ledger.accounts import available_stroops, find_account, sequence_use
from localnet.ledger.entries import EntryReader
from localnet.network_settings import NetworkSettings
from localnet.transactions import classic, results
from localnet.transactions.envelopes import Envelope, account_of
from localnet.transactions.results import TransactionResult
from localnet.transactions.signatures import LOW_THRESHOLD, MEDIUM_THRESHOLD, SignatureChecker
from localnet.transactions.soroban_limits import are_resources_valid, is_invocation_plain

QUEUE_TIME_MARGIN_SECONDS = 10


@dataclass(frozen=True)
class Moment:
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
        return None if refused is None else refused.charged(self._nominal_fee(envelope))

    def _nominal_fee(self, envelope: Envelope) -> int:
        return envelope.resource_fee_stroops + self.settings.base_fee_stroops * envelope.charged_operations

    def _judge_fee_bump(self, envelope: Envelope) -> TransactionResult | None:
        code = self._fee_bump_refusal(envelope)
        if code is not None:
            return TransactionResult(code)
        inner = self._judge(envelope, pays_fee=False)
        if inner is None:
            return None
        return TransactionResult(inner.code, 0, inner.operations, bumped_hash=envelope.inner_hash)

    def _fee_bump_refusal(self, envelope: Envelope) -> TransactionResultCode | None:
        bump = envelope.fee_bump
        assert bump is not None
        if not self._bump_pays_enough(envelope):
            return TransactionResultCode.txINSUFFICIENT_FEE
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

    def _bump_pays_enough(self, envelope: Envelope) -> bool:
        """At least the base fee for one operation more, at no lower a rate than the inner transaction's."""
        operations = envelope.charged_operations
        bid = envelope.inclusion_fee_stroops
        inner_bid = envelope.transaction.fee.uint32 - envelope.resource_fee_stroops
        inner_operations = max(len(envelope.transaction.operations), 1)
        return (
            bid >= self.settings.base_fee_stroops * operations
            and bid * inner_operations >= inner_bid * operations
        )

    def _judge(self, envelope: Envelope, *, pays_fee: bool) -> TransactionResult | None:
        code = self._malformation(envelope) or self._bounds_refusal(envelope.transaction.cond)
        if code is None and pays_fee and not self._pays_enough(envelope):
            code = TransactionResultCode.txINSUFFICIENT_FEE
        if code is not None:
            return TransactionResult(code)
        account = find_account(self.reader, envelope.source)
        if account is None:
            return TransactionResult(TransactionResultCode.txNO_ACCOUNT)
        checker = SignatureChecker(envelope, envelope.inner_hash, envelope.signatures)
        code = self._account_refusal(envelope, account, checker, pays_fee)
        if code is not None:
            return TransactionResult(code)
        failed = self._operations_refusal(envelope, checker)
        if failed is None and not checker.all_used():
            return TransactionResult(TransactionResultCode.txBAD_AUTH_EXTRA)
        return failed

    def _malformation(self, envelope: Envelope) -> TransactionResultCode | None:
        operations = envelope.transaction.operations
        if not operations:
            return TransactionResultCode.txMISSING_OPERATION
        if not envelope.soroban:
            with_resources = envelope.soroban_data is not None
            return TransactionResultCode.txMALFORMED if with_resources else None
        if len(operations) > 1 or envelope.soroban_data is None:
            return TransactionResultCode.txMALFORMED
        invokes = operations[0].body.type is OperationType.INVOKE_HOST_FUNCTION
        if invokes and not is_invocation_plain(envelope):
            return TransactionResultCode.txSOROBAN_INVALID
        if not are_resources_valid(envelope, self.settings):
            return TransactionResultCode.txSOROBAN_INVALID
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

    def _account_refusal(
        self, envelope: Envelope, account: xdr.AccountEntry, checker: SignatureChecker, pays_fee: bool
    ) -> TransactionResultCode | None:
        extended = envelope.transaction.cond.v2
        if not self._is_sequence_usable(envelope.sequence, account, extended):
            return TransactionResultCode.txBAD_SEQ
        if extended is not None and not self._is_old_enough(account, extended):
            return TransactionResultCode.txBAD_MIN_SEQ_AGE_OR_GAP
        if not checker.has_weight(account, LOW_THRESHOLD):
            return TransactionResultCode.txBAD_AUTH
        if extended is not None and not _extra_signers_signed(extended, checker):
            return TransactionResultCode.txBAD_AUTH
        if pays_fee and available_stroops(account, self.settings) < envelope.full_fee_stroops:
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
                return TransactionResult(
                    TransactionResultCode.txFAILED, 0, _one_refused(operations, position, refused)
                )
        return None

    def _operation_refusal(
        self, operation: xdr.Operation, envelope: Envelope, checker: SignatureChecker
    ) -> bytes | None:
        source = operation_source(operation, envelope)
        account = find_account(self.reader, source)
        if account is None:
            if not checker.signed_by(source):
                return results.refused_operation(OperationResultCode.opBAD_AUTH)
            return results.refused_operation(OperationResultCode.opNO_ACCOUNT)
        if not checker.has_weight(account, MEDIUM_THRESHOLD):
            return results.refused_operation(OperationResultCode.opBAD_AUTH)
        if operation.body.type is OperationType.INVOKE_HOST_FUNCTION:
            return _invocation_refusal(operation.body)
        return classic.check_operation(operation.body, source)


def operation_source(operation: xdr.Operation, envelope: Envelope) -> bytes:
    """The account that an operation acts for: its own source, else the transaction's."""
    if operation.source_account is None:
        return envelope.source
    return account_of(operation.source_account)


def _extra_signers_signed(extended: xdr.PreconditionsV2, checker: SignatureChecker) -> bool:
    return all(
        signer.ed25519 is not None and checker.signed_by(signer.ed25519.uint256)
        for signer in extended.extra_signers
    )


def _invocation_refusal(body: xdr.OperationBody) -> bytes | None:
    """Contracts are built in: there is nothing to upload or to create on this network."""
    invocation = body.invoke_host_function_op
    assert invocation is not None
    if invocation.host_function.invoke_contract is None:
        return results.refused_operation(OperationResultCode.opNOT_SUPPORTED)
    return None


def _one_refused(operations: Sequence[xdr.Operation], position: int, refused: bytes) -> tuple[bytes, ...]:
    """All operations' results when one was refused: the others stand at their untouched success."""
    untouched = [_untouched(operation.body.type) for operation in operations]
    untouched[position] = refused
    return tuple(untouched)


def _untouched(kind: OperationType) -> bytes:
    if kind is OperationType.INVOKE_HOST_FUNCTION:
        return results.invocation_result(bytes(32))
    return results.operation_result(kind, 0)
