"""The friendbot: gives accounts and contracts XLM, and answers once the ledger has it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stellar_sdk import (
    Account,
    Asset,
    InvokeHostFunction,
    Keypair,
    StrKey,
    TransactionBuilder,
    TransactionEnvelope,
    scval,
)

from kale.calls import invocation
from kale.storage import token_balance_key
from localnet.chain.chain import Chain
from localnet.genesis import FRIENDBOT, FRIENDBOT_MINIONS, STROOPS_PER_XLM
from localnet.ledger.accounts import find_account
from localnet.ledger.wire import base64_text
from localnet.prepared_call import prepare_call
from localnet.transactions.application import AppliedTransaction
from localnet.transactions.queue import PENDING_LEDGERS, SendStatus
from localnet.transactions.simulation import SimulationError

STARTING_XLM: Final = 10_000
BASE_FEE_STROOPS: Final = 100_000

_STARTING_STROOPS: Final = STARTING_XLM * STROOPS_PER_XLM


class FriendbotRefusal(Exception):
    """No XLM for this request; `detail` is what the friendbot answers with status 400."""

    def __init__(self, detail: str, invalid_field: str | None = None, reason: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.invalid_field = invalid_field
        self.reason = reason


class FriendbotFailure(Exception):
    """The network did not take or include the funding transaction; status 500."""


@dataclass(frozen=True)
class Funding:
    """A funding that is in a ledger."""

    hash: bytes
    envelope: bytes


class Friendbot:
    """Funds from one account, through minions that lend their sequence numbers, one at a time."""

    def __init__(self, chain: Chain, minions: Sequence[Keypair] = FRIENDBOT_MINIONS) -> None:
        self._chain = chain
        self._idle: asyncio.Queue[Keypair] = asyncio.Queue()
        for minion in minions:
            self._idle.put_nowait(minion)

    async def fund(self, address: str) -> Funding:
        """Gives an account or a contract its XLM. Raises FriendbotRefusal and FriendbotFailure."""
        if not (StrKey.is_valid_ed25519_public_key(address) or StrKey.is_valid_contract(address)):
            reason = "invalid address: must be a valid G or C address"
            raise FriendbotRefusal("The request you sent was invalid in some way.", "addr", reason)
        minion = await self._idle.get()
        try:
            return await self._fund_through(minion, address)
        finally:
            self._idle.put_nowait(minion)

    async def _fund_through(self, minion: Keypair, address: str) -> Funding:
        balance = self._find_balance(address)
        if balance is not None and balance >= _STARTING_STROOPS:
            raise FriendbotRefusal("account already funded to starting balance")
        if StrKey.is_valid_contract(address):
            unsigned = self._transfer(minion, address)
        else:
            unsigned = self._payment(minion, address, is_new=balance is None)
        envelope = _signed(unsigned, minion)
        submitted = self._chain.submit(envelope)
        if submitted.submission.status is not SendStatus.PENDING:
            raise FriendbotFailure(f"the queue answered {submitted.submission.status.value}")
        applied = await self._wait_for(submitted.hash)
        if not applied.succeeded:
            result = base64_text(applied.result)
            if balance is not None or applied.is_soroban:
                raise FriendbotFailure(f"the transaction failed: {result}")
            # Somebody else created the account first; clients know this text and go on.
            raise FriendbotRefusal(f"createAccountAlreadyExist ({result})")
        return Funding(submitted.hash, envelope)

    def _find_balance(self, address: str) -> int | None:
        """Stroops of XLM; None if there is no such account, or if a contract never had any."""
        if StrKey.is_valid_ed25519_public_key(address):
            account = find_account(self._chain.state, StrKey.decode_ed25519_public_key(address))
            return None if account is None else account.balance.int64
        entry = self._chain.state.find(token_balance_key(self._native_contract, address).to_xdr_bytes())
        if entry is None or entry.data.contract_data is None:
            return None
        return scval.from_int128(scval.from_struct(entry.data.contract_data.val)["amount"])

    @property
    def _native_contract(self) -> str:
        return Asset.native().contract_id(self._chain.network.passphrase)

    def _builder(self, minion: Keypair) -> TransactionBuilder:
        account = find_account(self._chain.state, minion.raw_public_key())
        if account is None:
            raise FriendbotFailure(f"{minion.public_key}, whose sequence numbers it uses, was merged")
        source = Account(minion.public_key, account.seq_num.sequence_number.int64)
        builder = TransactionBuilder(source, self._chain.network.passphrase, BASE_FEE_STROOPS)
        return builder.add_time_bounds(0, 0)

    def _payment(self, minion: Keypair, address: str, *, is_new: bool) -> TransactionEnvelope:
        builder = self._builder(minion)
        if is_new:
            builder.append_create_account_op(address, str(STARTING_XLM), FRIENDBOT.public_key)
        else:
            builder.append_payment_op(
                address, asset=Asset.native(), amount=str(STARTING_XLM), source=FRIENDBOT.public_key
            )
        return builder.build()

    def _transfer(self, minion: Keypair, contract_id: str) -> TransactionEnvelope:
        """A contract gets its XLM by a call of the asset's contract, prepared as a client does it."""
        arguments = [
            scval.to_address(FRIENDBOT.public_key),
            scval.to_address(contract_id),
            scval.to_int128(_STARTING_STROOPS),
        ]
        function = invocation(self._native_contract, "transfer", arguments)
        call = InvokeHostFunction(function, source=FRIENDBOT.public_key)
        envelope = self._builder(minion).append_operation(call).build()
        try:
            prepare_call(self._chain, envelope)
        except SimulationError as error:
            raise FriendbotFailure(f"the transfer fails: {error}") from error
        return envelope

    async def _wait_for(self, transaction_hash: bytes) -> AppliedTransaction:
        for _ in range(PENDING_LEDGERS):
            await self._chain.next_ledger_closed()
            applied = self._chain.history.find_transaction(transaction_hash)
            if applied is not None:
                return applied
        raise FriendbotFailure(f"not included within {PENDING_LEDGERS} ledgers")


def _signed(envelope: TransactionEnvelope, minion: Keypair) -> bytes:
    envelope.sign(minion)
    envelope.sign(FRIENDBOT)
    return envelope.to_xdr_object().to_xdr_bytes()
