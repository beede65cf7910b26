"""The demo's own accounts on the localnet: they pay the farmers and open the block behind the last one.

Everything here goes through the Stellar RPC URL as any wallet would: signed transactions, nothing else. Nodes
may fail as they like: what was sent is looked up until it is in a ledger, or can be in none any more.
"""

import asyncio
from collections.abc import Sequence

import aiohttp
from stellar_sdk import Account, Asset, InvokeHostFunction, Keypair, Payment, TransactionBuilder
from stellar_sdk.operation import Operation
from stellar_sdk.transaction_envelope import TransactionEnvelope

from backend_svc.envelopes import with_resources
from kale import calls
from kale.constants import STROOPS_PER_KALE
from kale.networks import Network
from kale.storage import account_key
from poolkit.errors import RpcUnavailable
from poolkit.rpc_answers import SendStatus, TransactionStatus
from poolkit.stellar_rpc import StellarRpc

_PAYMENTS_A_TRANSACTION = 100  # the protocol's limit of operations
_BASE_FEE_STROOPS = 1_000
_VALID_LEDGERS = 4
_TRIES = 20
_FRIENDBOT_PAUSE_WALL_SECONDS = 0.25


class WalletError(Exception):
    """A transaction of the demo's own accounts did not succeed; the text says which and why."""


class Wallet:
    """One account that signs for itself on one network."""

    def __init__(self, rpc: StellarRpc, network: Network, keypair: Keypair, poll_wall_seconds: float) -> None:
        self._rpc = rpc
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
            payments = [
                Payment(recipient, asset, amount)
                for recipient in recipients[start : start + _PAYMENTS_A_TRANSACTION]
            ]
            await self._bring_about("payment of KALE", payments)

    async def plant_nothing(self) -> None:
        """Plant 0 as a farmer outside the pool: the first plant of a block opens it.

        Simulated and sent anew if the block boundary fell between the two.
        """
        call = calls.plant(self._network.farm_contract_id, self.address, 0)
        for attempt in range(1, _TRIES + 1):
            try:
                await self._bring_about("plant of 0", [InvokeHostFunction(call)])
            except WalletError:
                if attempt == _TRIES:
                    raise
                await asyncio.sleep(self._poll_wall_seconds)
            else:
                return

    async def _bring_about(self, what: str, operations: Sequence[Operation]) -> None:
        """Until one transaction with these operations has succeeded; another follows only a dead one."""
        for _ in range(_TRIES):
            built = await self._build(what, operations)
            if built is not None and await self._is_sent(built[0]) and await self._is_included(*built, what):
                return
            await asyncio.sleep(self._poll_wall_seconds)
        raise WalletError(f"{what} of {self.address} came into no ledger in {_TRIES} tries")

    async def _build(
        self, what: str, operations: Sequence[Operation]
    ) -> tuple[TransactionEnvelope, int] | None:
        """Signed, and the ledger from which it is dead; None if no node answers."""
        try:
            return await self._prepare(what, operations)
        except RpcUnavailable:
            return None

    async def _prepare(self, what: str, operations: Sequence[Operation]) -> tuple[TransactionEnvelope, int]:
        entries = await self._rpc.entries([account_key(self.address)])
        account = entries.find(account_key(self.address))
        if account is None or account.data.account is None:
            raise WalletError(f"{what}: {self.address} has no account")
        sequence = account.data.account.seq_num.sequence_number.int64
        latest = entries.latest_ledger
        envelope = self._unsigned(sequence, operations, latest + 1 + _VALID_LEDGERS)
        if isinstance(operations[0], InvokeHostFunction):
            simulation = await self._rpc.simulate(envelope.to_xdr())
            if simulation.transaction_data_xdr is None:
                raise WalletError(f"{what} of {self.address} fails in simulation: {simulation.error}")
            envelope = with_resources(
                envelope,
                transaction_data_xdr=simulation.transaction_data_xdr,
                min_resource_fee_stroops=simulation.min_resource_fee_stroops,
                auth_xdr=simulation.auth_xdr,
                also_read_write=(),
            )
        envelope.sign(self._keypair)
        return envelope, latest + 1 + _VALID_LEDGERS

    def _unsigned(
        self, sequence: int, operations: Sequence[Operation], max_ledger: int
    ) -> TransactionEnvelope:
        account = Account(self.address, sequence)
        builder = TransactionBuilder(account, self._network.passphrase, base_fee=_BASE_FEE_STROOPS)
        # No time bounds: they would be in chain time, which runs ahead of this machine's clock.
        builder.add_time_bounds(0, 0).set_ledger_bounds(0, max_ledger)
        for operation in operations:
            builder.append_operation(operation)
        return builder.build()

    async def _is_sent(self, envelope: TransactionEnvelope) -> bool:
        """False only if it is sure that no node has it."""
        try:
            sent = await self._rpc.send(envelope.to_xdr())
        except RpcUnavailable:
            return True
        return sent.status is not SendStatus.ERROR or sent.after_unknown

    async def _is_included(self, envelope: TransactionEnvelope, max_ledger: int, what: str) -> bool:
        """True once it is in a ledger, False once it can be in none. Raises WalletError if it failed."""
        while True:
            try:
                found = await self._rpc.transaction(envelope.hash().hex())
            except RpcUnavailable:
                found = None
            if found is not None and found.status is TransactionStatus.SUCCESS:
                return True
            if found is not None and found.status is TransactionStatus.FAILED:
                raise WalletError(
                    f"{what} of {self.address} failed in ledger {found.ledger}: {found.result_xdr}"
                )
            if found is not None and found.latest_ledger >= max_ledger:
                return False
            await asyncio.sleep(self._poll_wall_seconds)


async def ask_friendbot(friendbot_url: str, addresses: Sequence[str]) -> None:
    """Have each address created with the friendbot's XLM; returns when all of them exist."""

    async def ask(session: aiohttp.ClientSession, address: str) -> None:
        for attempt in range(1, _TRIES + 1):
            try:
                async with session.get(friendbot_url, params={"addr": address}) as response:
                    text = await response.text()
            except aiohttp.ClientError as error:
                if attempt == _TRIES:
                    raise WalletError(f"friendbot does not answer: {error}") from error
                await asyncio.sleep(_FRIENDBOT_PAUSE_WALL_SECONDS)
                continue
            # It may have funded the account when its answer was lost.
            if response.status != 200 and not (attempt > 1 and response.status == 400):
                raise WalletError(f"friendbot refused {address}: {response.status} {text}")
            return

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        for address in addresses:
            tasks.create_task(ask(session, address))
