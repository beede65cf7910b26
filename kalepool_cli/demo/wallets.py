"""The demo's own accounts on the localnet: they pay the farmers and open the block behind the last one.

Everything here goes through the Stellar RPC URL as any wallet would: signed transactions, nothing else.
"""

import asyncio
from collections.abc import Sequence

import aiohttp
from stellar_sdk import Asset, InvokeHostFunction, Keypair, TransactionBuilder
from stellar_sdk.soroban_rpc import GetTransactionStatus, SendTransactionStatus
from stellar_sdk.soroban_server_async import SorobanServerAsync
from stellar_sdk.transaction_envelope import TransactionEnvelope

from kale import calls
from kale.constants import STROOPS_PER_KALE
from kale.networks import Network

_PAYMENTS_A_TRANSACTION = 100  # the protocol's limit of operations
_BASE_FEE_STROOPS = 100
_TRIES = 5


class WalletError(Exception):
    """A transaction of the demo's own accounts did not succeed; the text says which and why."""


class Wallet:
    """One account that signs for itself on one network."""

    def __init__(
        self, server: SorobanServerAsync, network: Network, keypair: Keypair, poll_wall_seconds: float
    ) -> None:
        self._server = server
        self._network = network
        self._keypair = keypair
        self._poll_wall_seconds = poll_wall_seconds

    @property
    def address(self) -> str:
        return self._keypair.public_key

    async def pay_kale(self, recipients: Sequence[str], amount_stroops: int) -> None:
        """Pay each recipient the same amount; up to 100 signed payments a transaction."""
        asset = Asset(self._network.asset_code, self._network.asset_issuer)
        amount = f"{amount_stroops // STROOPS_PER_KALE}.{amount_stroops % STROOPS_PER_KALE:07d}"
        for start in range(0, len(recipients), _PAYMENTS_A_TRANSACTION):
            builder = await self._builder()
            for recipient in recipients[start : start + _PAYMENTS_A_TRANSACTION]:
                builder.append_payment_op(recipient, asset, amount)
            envelope = builder.build()
            envelope.sign(self._keypair)
            await self._send_and_wait(envelope, "payment of KALE")

    async def plant_nothing(self) -> None:
        """Plant 0 as a farmer outside the pool: the first plant of a block opens it.

        Simulated and sent anew if the block boundary fell between the two.
        """
        for attempt in range(1, _TRIES + 1):
            builder = await self._builder()
            call = calls.plant(self._network.farm_contract_id, self.address, 0)
            builder.append_operation(InvokeHostFunction(host_function=call))
            envelope = await self._server.prepare_transaction(builder.build())
            envelope.sign(self._keypair)
            try:
                await self._send_and_wait(envelope, "plant of 0")
            except WalletError:
                if attempt == _TRIES:
                    raise
            else:
                return

    async def _builder(self) -> TransactionBuilder:
        account = await self._server.load_account(self.address)
        builder = TransactionBuilder(account, self._network.passphrase, base_fee=_BASE_FEE_STROOPS)
        # No time bounds: they would be in chain time, which runs ahead of this machine's clock.
        return builder.add_time_bounds(0, 0)

    async def _send_and_wait(self, envelope: TransactionEnvelope, what: str) -> None:
        sent = await self._server.send_transaction(envelope)
        if sent.status not in (SendTransactionStatus.PENDING, SendTransactionStatus.DUPLICATE):
            raise WalletError(
                f"{what} of {self.address} was refused: {sent.status} {sent.error_result_xdr or ''}"
            )
        while True:
            found = await self._server.get_transaction(sent.hash)
            if found.status == GetTransactionStatus.SUCCESS:
                return
            if found.status == GetTransactionStatus.FAILED:
                raise WalletError(
                    f"{what} of {self.address} failed in ledger {found.ledger}: {found.result_xdr}"
                )
            await asyncio.sleep(self._poll_wall_seconds)


async def ask_friendbot(friendbot_url: str, addresses: Sequence[str]) -> None:
    """Have each address created with the friendbot's XLM; returns when all of them exist."""

    async def ask(session: aiohttp.ClientSession, address: str) -> None:
        async with session.get(friendbot_url, params={"addr": address}) as response:
            if response.status != 200:
                raise WalletError(f"friendbot refused {address}: {response.status} {await response.text()}")

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        for address in addresses:
            tasks.create_task(ask(session, address))
