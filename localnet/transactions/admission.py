"""The last check of a transaction, when its turn in the ledger comes.

Those before it in the same ledger may have merged its account, changed signers, bumped the sequence number or
spent the balance. Then it fails with the code that fits; its fee is paid all the same. The order is
stellar-core's: account, sequence number, signatures; signers that were good for this transaction alone go.
"""

from dataclasses import dataclass

from stellar_sdk.xdr import TransactionResultCode

from localnet.ledger.accounts import with_sequence
from localnet.ledger.classic_entries import ClassicEntries
from localnet.ledger.entries import EntryReader
from localnet.ledger.sponsorships import account_signers
from localnet.ledger.state import Layer
from localnet.network_settings import NetworkSettings
from localnet.transactions.classic.reserves import remove_signer
from localnet.transactions.envelopes import Envelope
from localnet.transactions.results import TransactionResult
from localnet.transactions.signatures import SignatureChecker
from localnet.transactions.validation import Moment, Validator, operation_source, refused_operations

# These leave the sequence number as it is.
_UNUSED_SEQUENCE = (TransactionResultCode.txNO_ACCOUNT, TransactionResultCode.txBAD_SEQ)


@dataclass(frozen=True)
class Admission:
    """The result of a transaction that may not run after all, else None; and what changes before it runs."""

    refused: TransactionResult | None
    layer: Layer


def admit(envelope: Envelope, state: EntryReader, moment: Moment, settings: NetworkSettings) -> Admission:
    """Uses the sequence number and judges the transaction. The fee is paid already."""
    entries = ClassicEntries(Layer(state), moment.sequence)
    validator = Validator(entries.layer, moment, settings)
    checker = SignatureChecker(envelope, envelope.inner_hash, envelope.signatures)
    due_stroops = 0 if envelope.fee_bump is None else None
    code = validator.account_refusal(envelope, checker, due_stroops)
    if code not in _UNUSED_SEQUENCE:
        source = entries.get_account(envelope.source)
        entries.put_account(with_sequence(source, envelope.sequence, moment.sequence, moment.latest))
    refused = _signature_refusal(envelope, checker, validator) if code is None else TransactionResult(code)
    sources = {operation_source(operation, envelope) for operation in envelope.transaction.operations}
    for account in sorted({envelope.source, *sources}):
        _remove_used_up_signer(entries, account, envelope.inner_hash)
    return Admission(refused, entries.layer)


def admit_payer(envelope: Envelope, state: EntryReader, sequence: int) -> Layer:
    """What a fee bump changes before its inner transaction's turn: its payer, who may have signed ahead."""
    entries = ClassicEntries(Layer(state), sequence)
    payer = entries.find_account(envelope.fee_source)
    if payer is not None:
        entries.put_account(payer)
        _remove_used_up_signer(entries, envelope.fee_source, envelope.hash)
    return entries.layer


def _remove_used_up_signer(entries: ClassicEntries, account: bytes, transaction_hash: bytes) -> None:
    """A signer that was a transaction's hash is good once, whatever becomes of the transaction."""
    entry = entries.find_account(account)
    if entry is None or not entry.signers:
        return
    for item in account_signers(entry):
        key = item.signer.key
        if key.pre_auth_tx is not None and key.pre_auth_tx.uint256 == transaction_hash:
            remove_signer(entries, account, item)


def _signature_refusal(
    envelope: Envelope, checker: SignatureChecker, validator: Validator
) -> TransactionResult | None:
    refused = {}
    operations = envelope.transaction.operations
    for position, operation in enumerate(operations):
        result = validator.signature_refusal(operation, envelope, checker)
        if result is not None:
            refused[position] = result
    if refused:
        return refused_operations(operations, refused)
    if not checker.all_used():
        return TransactionResult(TransactionResultCode.txBAD_AUTH_EXTRA)
    return None
