"""A chain in the test's own process, driven transaction by transaction through the SDK's builder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from stellar_sdk import (
    Account,
    Asset,
    FeeBumpTransactionEnvelope,
    Keypair,
    TransactionBuilder,
    TransactionEnvelope,
    xdr,
)

from kale.networks import LOCAL
from localnet.chain.chain import Chain, new_chain
from localnet.genesis import FAUCET
from localnet.ledger.accounts import account_key, find_account, find_trustline
from localnet.ledger.entries import StoredEntry
from localnet.network_settings import MAINNET_SETTINGS, NetworkSettings
from localnet.transactions.application import Application, AppliedTransaction
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.queue import SendStatus, Submission

START_TIME = 1_700_000_000
KALE = Asset(LOCAL.asset_code, LOCAL.asset_issuer)

AnyEnvelope = TransactionEnvelope | FeeBumpTransactionEnvelope


@dataclass(frozen=True)
class Applied:
    """A transaction that is in a ledger, decoded."""

    transaction: AppliedTransaction
    result: xdr.TransactionResult
    meta: xdr.TransactionMetaV4

    @property
    def succeeded(self) -> bool:
        return self.transaction.succeeded

    @property
    def code(self) -> str:
        """The transaction's code; of a fee bump the inner one's."""
        inner = self.result.result.inner_result_pair
        return (self.result if inner is None else inner.result).result.code.name

    @property
    def operation_codes(self) -> list[str]:
        inner = self.result.result.inner_result_pair
        results = (self.result if inner is None else inner.result).result.results
        return [operation_code(result) for result in results or ()]


def operation_code(result: xdr.OperationResult) -> str:
    """The name of an operation's own code, or of the one that all kinds share."""
    if result.tr is None:
        return result.code.name
    (own,) = (part for name, part in vars(result.tr).items() if name != "type" and part is not None)
    code: xdr.OperationResultCode = own.code
    return code.name


class Play:
    """One chain and the keys that act on it, each by its name."""

    def __init__(self, settings: NetworkSettings = MAINNET_SETTINGS) -> None:
        self.chain: Chain = new_chain(LOCAL, settings, START_TIME, 1_000)

    def key(self, name: str) -> Keypair:
        return Keypair.from_raw_ed25519_seed(sha256(name.encode()).digest())

    def funded(self, name: str, xlm: str = "100") -> Keypair:
        """A new account."""
        key = self.key(name)
        applied = self.apply(self.builder(FAUCET).append_create_account_op(key.public_key, xlm), FAUCET)
        assert applied.succeeded
        return key

    def builder(self, source: Keypair, fee: int = 100) -> TransactionBuilder:
        """A transaction with the source's next sequence number."""
        number = self.account(source).seq_num.sequence_number.int64
        return TransactionBuilder(Account(source.public_key, number), LOCAL.passphrase, fee).add_time_bounds(
            0, 0
        )

    def send(self, envelope: AnyEnvelope | TransactionBuilder, *keys: Keypair) -> Submission:
        """Signs with all keys and offers the transaction to the queue."""
        return self._submit(_signed(envelope, keys))

    def refusal(self, builder: AnyEnvelope | TransactionBuilder, *keys: Keypair) -> list[str]:
        """Why the queue refuses a transaction: its code and its operations' codes."""
        submission = self.send(builder, *keys)
        assert submission.status is SendStatus.ERROR, submission.status
        assert submission.result is not None
        decoded = xdr.TransactionResult.from_xdr_bytes(submission.result.encode()).result
        return [decoded.code.name, *map(operation_code, decoded.results or ())]

    def apply(self, builder: AnyEnvelope | TransactionBuilder, *keys: Keypair) -> Applied:
        """Sends a transaction, closes a ledger, and says what became of it."""
        (applied,) = self.apply_all(_signed(builder, keys))
        return applied

    def apply_all(self, *envelopes: AnyEnvelope) -> list[Applied]:
        """Sends signed transactions for one ledger; what became of each, in the order given."""
        hashes = []
        for envelope in envelopes:
            submission = self._submit(envelope)
            assert submission.status is SendStatus.PENDING, submission
            hashes.append(envelope.hash())
        self.chain.close_ledger()
        return [self.applied(transaction_hash) for transaction_hash in hashes]

    def apply_in_order(self, *envelopes: AnyEnvelope) -> list[Applied]:
        """Applies signed transactions, each of them valid before, in the order given; no ledger closes."""
        latest = self.chain.ledger_info()
        ledger = replace(latest, sequence=latest.sequence + 1, close_time=latest.close_time + 5)
        decoded = []
        for envelope in envelopes:
            assert self._submit(envelope).status is SendStatus.PENDING
            decoded.append(decode_envelope(encoded(envelope), self.chain.network_id))
        applied = Application(
            self.chain.state, ledger, self.chain.settings, self.chain.latest.inclusion
        ).apply(decoded)
        return [_decoded(transaction) for transaction in applied]

    def applied(self, transaction_hash: bytes) -> Applied:
        transaction = self.chain.history.find_transaction(transaction_hash)
        assert transaction is not None
        return _decoded(transaction)

    def account(self, key: Keypair) -> xdr.AccountEntry:
        account = find_account(self.chain.state, key.raw_public_key())
        assert account is not None
        return account

    def exists(self, key: Keypair) -> bool:
        return find_account(self.chain.state, key.raw_public_key()) is not None

    def account_entry(self, key: Keypair) -> StoredEntry:
        entry = self.chain.state.find(account_key(key.raw_public_key()))
        assert entry is not None
        return entry

    def line(self, key: Keypair, asset: Asset = KALE) -> xdr.TrustLineEntry:
        line = find_trustline(self.chain.state, key.raw_public_key(), asset.to_xdr_object())
        assert line is not None
        return line

    def _submit(self, envelope: AnyEnvelope) -> Submission:
        return self.chain.submit(encoded(envelope)).submission


def sponsored_count(account: xdr.AccountEntry) -> int:
    """The account's reserves that others pay."""
    second = None if account.ext.v1 is None else account.ext.v1.ext.v2
    return 0 if second is None else second.num_sponsored.uint32


def signed(builder: TransactionBuilder, *keys: Keypair) -> TransactionEnvelope:
    envelope = builder.build()
    for key in keys:
        envelope.sign(key)
    return envelope


def _signed(envelope: AnyEnvelope | TransactionBuilder, keys: Sequence[Keypair]) -> AnyEnvelope:
    if isinstance(envelope, TransactionBuilder):
        return signed(envelope, *keys)
    for key in keys:
        envelope.sign(key)
    return envelope


def encoded(envelope: AnyEnvelope) -> bytes:
    return envelope.to_xdr_object().to_xdr_bytes()


def _decoded(transaction: AppliedTransaction) -> Applied:
    """The decoded transaction; result and meta encode to the same bytes again."""
    meta = xdr.TransactionMeta.from_xdr_bytes(transaction.meta)
    assert meta.v4 is not None
    assert meta.to_xdr_bytes() == transaction.meta
    result = xdr.TransactionResult.from_xdr_bytes(transaction.result)
    assert result.to_xdr_bytes() == transaction.result
    return Applied(transaction, result, meta.v4)
