"""The last check of a transaction, when its turn in the ledger comes.

Those before it in the same ledger may have merged its account, changed signers, bumped the sequence number or
spent the balance. Then it fails with the code that fits; its fee is paid all the same. The order is
stellar-core's: account, sequence number, signatures; signers that were good for this transaction alone go.
"""

from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.xdr import TransactionResultCode

from localnet.ledger import meta
from localnet.ledger.accounts import account_key, with_sequence
from localnet.ledger.state import Layer
from localnet.transactions.envelopes import Envelope
from localnet.transactions.results import TransactionResult
from localnet.transactions.signatures import SignatureChecker
from localnet.transactions.validation import Validator, refused_operations

# These leave the sequence number as it is.
_UNUSED_SEQUENCE = (TransactionResultCode.txNO_ACCOUNT, TransactionResultCode.txBAD_SEQ)


@dataclass(frozen=True)
class Admission:
    """The result of a transaction that may not run after all, else None; and what changed before it runs."""

    refused: TransactionResult | None
    changes: bytes


def admit(envelope: Envelope, layer: Layer, validator: Validator) -> Admission:
    """Uses the sequence number and judges the transaction; writes into `layer`. The fee is paid already."""
    checker = SignatureChecker(envelope, envelope.inner_hash, envelope.signatures)
    due_stroops = 0 if envelope.fee_bump is None else None
    code = validator.account_refusal(envelope, checker, due_stroops)
    if code not in _UNUSED_SEQUENCE:
        _use_sequence(envelope, layer, validator)
    refused = _signature_refusal(envelope, checker, validator) if code is None else TransactionResult(code)
    return Admission(refused, meta.entry_changes(layer.changes(), validator.moment.sequence))


def _use_sequence(envelope: Envelope, layer: Layer, validator: Validator) -> None:
    key = account_key(envelope.source)
    entry = layer.find(key)
    assert entry is not None
    assert entry.data.account is not None
    moment = validator.moment
    account = with_sequence(entry.data.account, envelope.sequence, moment.sequence, moment.latest)
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account)
    layer.put(key, entry.rewritten(data, moment.sequence))


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
