"""Whether anything was sent twice: the Backend's records against all transactions of the chain."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from stellar_sdk import xdr

from backend_svc.store.records import TransactionStatus
from backend_svc.store.reports import SentTransaction
from kale.addresses import account_text, address_text
from kale.networks import Network
from poolkit.rpc_answers import ChainTransaction
from poolkit.stellar_rpc import StellarRpc


@dataclass(frozen=True)
class IncludedCall:
    """A transaction of one of our accounts in a ledger; the call's parts are None where it calls no farm.

    `hash` is the inner one of a fee bump; `block_index` is that of the pail which the call changed, None if
    it changed none.
    """

    hash: bytes
    succeeded: bool
    function: str | None = None
    farmer: str | None = None
    block_index: int | None = None


async def included_calls(
    rpc: StellarRpc, network: Network, accounts: Collection[str], since_ledger: int
) -> list[IncludedCall]:
    """What the chain holds of our accounts since a ledger. Raises RpcUnavailable, RpcRefused."""
    found: list[IncludedCall] = []
    page = await rpc.transactions(start_ledger=since_ledger)
    while page.transactions:
        found += [
            call for each in page.transactions if (call := read_call(each, network, accounts)) is not None
        ]
        page = await rpc.transactions(cursor=page.cursor)
    return found


def read_call(
    transaction: ChainTransaction, network: Network, accounts: Collection[str]
) -> IncludedCall | None:
    """The call in a transaction; None if its source is none of `accounts`."""
    inner = _inner_transaction(xdr.TransactionEnvelope.from_xdr(transaction.envelope_xdr))
    key = None if inner is None else inner.source_account.ed25519
    if inner is None or key is None or account_text(key.uint256) not in accounts:
        return None
    envelope_hash = _hash_of(inner, network)
    call = inner.operations[0].body.invoke_host_function_op
    target = None if call is None else call.host_function.invoke_contract
    if target is None or address_text(target.contract_address) != network.farm_contract_id:
        return IncludedCall(envelope_hash, transaction.succeeded)
    farmer = address_text(target.args[0].address) if target.args[0].address is not None else None
    return IncludedCall(
        envelope_hash,
        transaction.succeeded,
        target.function_name.sc_symbol.decode(),
        farmer,
        _changed_pail(transaction.result_meta_xdr, network, farmer),
    )


def double_sends(sent: Sequence[SentTransaction], included: Sequence[IncludedCall]) -> list[str]:
    """Everything that shows an intent sent twice, in words; empty if each was sent once.

    A transaction may follow another of its intent only once that has failed, or is dead: in no ledger, ever.
    """
    on_chain = {call.hash for call in included}
    known = {transaction.hash for transaction in sent}
    problems = [
        f"transaction {transaction.hash.hex()} of {transaction.purpose} {transaction.reference_id} is "
        "dead on record, and in a ledger"
        for transaction in sent
        if transaction.status is TransactionStatus.DEAD and transaction.hash in on_chain
    ]
    problems += [
        f"transaction {call.hash.hex()} ({call.function or 'no call'}) is in a ledger and not on record"
        for call in included
        if call.hash not in known
    ]
    return problems + _overtaken(sent) + _repeated(included)


def _overtaken(sent: Iterable[SentTransaction]) -> list[str]:
    """Intents of which a transaction was signed although an earlier one had succeeded, or may yet."""
    by_intent: defaultdict[tuple[str, str], list[SentTransaction]] = defaultdict(list)
    for transaction in sent:
        by_intent[transaction.intent].append(transaction)
    ended = (TransactionStatus.FAILED, TransactionStatus.DEAD)
    return [
        f"{purpose} {reference} was signed again behind a transaction that is {earlier.status}"
        for (purpose, reference), transactions in by_intent.items()
        for earlier in transactions[:-1]
        if earlier.status not in ended
    ]


def _repeated(included: Iterable[IncludedCall]) -> list[str]:
    """Farmers for whom one step succeeded twice in a block."""
    counted = Counter(
        (call.function, call.farmer, call.block_index)
        for call in included
        if call.succeeded and call.function is not None
    )
    return [
        f"{function} of {farmer} in block {index} succeeded {count} times"
        for (function, farmer, index), count in counted.items()
        if count > 1
    ]


def _inner_transaction(envelope: xdr.TransactionEnvelope) -> xdr.Transaction | None:
    """The transaction that acts; None for an envelope of version 0, which the pool never makes."""
    if envelope.fee_bump is None:
        return None if envelope.v1 is None else envelope.v1.tx
    inner = envelope.fee_bump.tx.inner_tx.v1
    return None if inner is None else inner.tx


def _hash_of(transaction: xdr.Transaction, network: Network) -> bytes:
    network_id = hashlib.sha256(network.passphrase.encode()).digest()
    kind = xdr.EnvelopeType.ENVELOPE_TYPE_TX.to_xdr_bytes()
    return hashlib.sha256(network_id + kind + transaction.to_xdr_bytes()).digest()


def _changed_pail(meta_xdr: str, network: Network, farmer: str | None) -> int | None:
    """The block of the one pail that a call planted, worked or harvested."""
    meta = xdr.TransactionMeta.from_xdr(meta_xdr).v4
    changes = (
        []
        if meta is None
        else [change for each in meta.operations for change in each.changes.ledger_entry_changes]
    )
    for change in changes:
        entry = change.created or change.updated
        data = change.removed if entry is None else entry.data
        index = None if data is None or farmer is None else _pail_index(data.contract_data, network, farmer)
        if index is not None:
            return index
    return None


def _pail_index(
    data: xdr.ContractDataEntry | xdr.LedgerKeyContractData | None, network: Network, farmer: str
) -> int | None:
    if data is None or data.key.vec is None or address_text(data.contract) != network.farm_contract_id:
        return None
    parts = data.key.vec.sc_vec
    if len(parts) != 3 or parts[2].u32 is None or parts[1].address is None:
        return None
    return parts[2].u32.uint32 if address_text(parts[1].address) == farmer else None
