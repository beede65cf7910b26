"""A rival's account: builds, signs and submits transactions as any stranger's wallet would."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stellar_sdk import InvokeHostFunction, Keypair, xdr
from stellar_sdk.operation import Operation

from kale.calls import ExpectedFootprint
from localnet.chain.chain import Chain
from localnet.ledger import wire
from localnet.ledger.accounts import find_account
from localnet.rivals.pricing import Pricing
from localnet.transactions.application import AppliedTransaction
from localnet.transactions.queue import PENDING_LEDGERS, SendStatus

#: What is bid to be included, an operation; a ledger with room takes less.
BID_STROOPS: Final = 201

_ENVELOPE_KIND: Final = wire.int32(xdr.EnvelopeType.ENVELOPE_TYPE_TX)


@dataclass(frozen=True)
class Call:
    """A call of the farm; `kind` names those that need the same resources."""

    kind: str
    function: xdr.HostFunction
    footprint: ExpectedFootprint
    auth: tuple[xdr.SorobanAuthorizationEntry, ...] = ()


@dataclass(frozen=True)
class _Sent:
    hash: bytes
    ledger: int
    kind: str


@dataclass
class Tally:
    """What became of a wallet's transactions. Refused: the queue did not take it."""

    succeeded: int = 0
    failed: int = 0
    refused: int = 0


class Wallet:
    """One key that has at most one transaction under way."""

    def __init__(self, chain: Chain, pricing: Pricing, key: Keypair) -> None:
        self._chain = chain
        self._pricing = pricing
        self.key = key
        self.address = key.public_key
        self.public_key = key.raw_public_key()
        self.tally = Tally()
        self._sent: _Sent | None = None

    def __repr__(self) -> str:
        return f"Wallet({self.address}, {self.tally!r})"

    def is_free(self) -> bool:
        """Whether it has an account, and no transaction under way that may still come into a ledger."""
        if find_account(self._chain.state, self.public_key) is None:
            return False
        if self._sent is None:
            return True
        applied = self._chain.history.find_transaction(self._sent.hash)
        if applied is None and self._chain.latest.sequence < self._sent.ledger + PENDING_LEDGERS:
            return False
        if applied is not None:
            self._count(applied, self._sent.kind)
        self._sent = None
        return True

    def call(self, call: Call) -> bool:
        """Submits a contract call; False if it would fail by simulation or the queue refuses it."""
        operation = InvokeHostFunction(call.function, list(call.auth))
        needed = self._pricing.find(call.kind)
        if needed is None:
            needed = self._pricing.simulate(call.kind, self._transaction([operation], 0, None))
        if needed is None:
            return False
        data = needed.declare(call.footprint)
        return self._submit([operation], data.resource_fee.int64 + BID_STROOPS, data, call.kind)

    def send(self, operations: Sequence[Operation], signers: Sequence[Keypair] = ()) -> bool:
        """Submits classic operations; False if the queue refuses them."""
        return self._submit(operations, BID_STROOPS * len(operations), None, "classic", signers)

    def _submit(
        self,
        operations: Sequence[Operation],
        fee_stroops: int,
        data: xdr.SorobanTransactionData | None,
        kind: str,
        signers: Sequence[Keypair] = (),
    ) -> bool:
        body = self._transaction(operations, fee_stroops, data).to_xdr_bytes()
        content_hash = hashlib.sha256(self._chain.network_id + _ENVELOPE_KIND + body).digest()
        signatures = [
            key.sign_decorated(content_hash).to_xdr_object().to_xdr_bytes() for key in (self.key, *signers)
        ]
        submitted = self._chain.submit(_ENVELOPE_KIND + body + wire.array(signatures))
        if submitted.submission.status is not SendStatus.PENDING:
            self.tally.refused += 1
            return False
        self._sent = _Sent(content_hash, self._chain.latest.sequence, kind)
        return True

    def _transaction(
        self, operations: Sequence[Operation], fee_stroops: int, data: xdr.SorobanTransactionData | None
    ) -> xdr.Transaction:
        account = find_account(self._chain.state, self.public_key)
        assert account is not None, "a wallet is used once its account is in a ledger"
        sequence = account.seq_num.sequence_number.int64 + 1
        return xdr.Transaction(
            source_account=self.key.xdr_muxed_account(),
            fee=xdr.Uint32(fee_stroops),
            seq_num=xdr.SequenceNumber(xdr.Int64(sequence)),
            cond=xdr.Preconditions(xdr.PreconditionType.PRECOND_NONE),
            memo=xdr.Memo(xdr.MemoType.MEMO_NONE),
            operations=[operation.to_xdr_object() for operation in operations],
            ext=xdr.TransactionExt(0) if data is None else xdr.TransactionExt(1, soroban_data=data),
        )

    def _count(self, applied: AppliedTransaction, kind: str) -> None:
        if applied.succeeded:
            self.tally.succeeded += 1
        else:
            self.tally.failed += 1
            self._pricing.forget(kind)
