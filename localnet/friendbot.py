"""The friendbot: gives new accounts XLM, and answers once the ledger has it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stellar_sdk import Account, Asset, Keypair, StrKey, TransactionBuilder

from localnet.chain.chain import Chain
from localnet.genesis import FRIENDBOT, FRIENDBOT_MINIONS, STROOPS_PER_XLM
from localnet.ledger.accounts import find_account
from localnet.ledger.wire import base64_text
from localnet.transactions.application import AppliedTransaction
from localnet.transactions.queue import PENDING_LEDGERS, SendStatus

STARTING_XLM: Final = 10_000
BASE_FEE_STROOPS: Final = 100_000


class FriendbotRefusal(Exception):
    """No XLM for this request; `detail` is what the friendbot answers with status 400."""

    def __init__(self, detail: str, invalid_field: str | None = None, reason: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.invalid_field = invalid_field
        self.reason = reason


def _invalid_address(reason: str) -> FriendbotRefusal:
    return FriendbotRefusal("The request you sent was invalid in some way.", "addr", reason)


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
        """Gives an account its XLM. Raises FriendbotRefusal and FriendbotFailure."""
        if not StrKey.is_valid_ed25519_public_key(address):
            if StrKey.is_valid_contract(address):
                raise _invalid_address(
                    "contract addresses are not supported, configure rpc_url to fund contract addresses"
                )
            raise _invalid_address("invalid address: must be a valid G or C address")
        minion = await self._idle.get()
        try:
            return await self._fund_through(minion, address)
        finally:
            self._idle.put_nowait(minion)

    async def _fund_through(self, minion: Keypair, address: str) -> Funding:
        account = find_account(self._chain.state, StrKey.decode_ed25519_public_key(address))
        if account is not None and account.balance.int64 >= STARTING_XLM * STROOPS_PER_XLM:
            raise FriendbotRefusal("account already funded to starting balance")
        envelope = self._envelope(minion, address, is_new=account is None)
        submitted = self._chain.submit(envelope)
        if submitted.submission.status is not SendStatus.PENDING:
            raise FriendbotFailure(f"the queue answered {submitted.submission.status.value}")
        applied = await self._wait_for(submitted.hash)
        if not applied.succeeded:
            # Somebody else created the account first; clients know this text and go on.
            raise FriendbotRefusal(f"createAccountAlreadyExist ({base64_text(applied.result)})")
        return Funding(submitted.hash, envelope)

    def _envelope(self, minion: Keypair, address: str, *, is_new: bool) -> bytes:
        account = find_account(self._chain.state, minion.raw_public_key())
        if account is None:
            raise FriendbotFailure(f"{minion.public_key}, whose sequence numbers it uses, was merged")
        source = Account(minion.public_key, account.seq_num.sequence_number.int64)
        builder = TransactionBuilder(source, self._chain.network.passphrase, BASE_FEE_STROOPS)
        builder.add_time_bounds(0, 0)
        if is_new:
            builder.append_create_account_op(address, str(STARTING_XLM), FRIENDBOT.public_key)
        else:
            builder.append_payment_op(
                address, asset=Asset.native(), amount=str(STARTING_XLM), source=FRIENDBOT.public_key
            )
        envelope = builder.build()
        envelope.sign(minion)
        envelope.sign(FRIENDBOT)
        return envelope.to_xdr_object().to_xdr_bytes()

    async def _wait_for(self, transaction_hash: bytes) -> AppliedTransaction:
        for _ in range(PENDING_LEDGERS):
            await self._chain.next_ledger_closed()
            applied = self._chain.history.find_transaction(transaction_hash)
            if applied is not None:
                return applied
        raise FriendbotFailure(f"not included within {PENDING_LEDGERS} ledgers")
