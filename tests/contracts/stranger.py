"""Somebody on the chain who is no part of the pool."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from stellar_sdk import InvokeHostFunction, Keypair, TransactionBuilder, xdr
from stellar_sdk.soroban_rpc import GetTransactionStatus, SendTransactionStatus
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.networks import LOCAL
from kalepool_cli.demo.wallets import ask_friendbot
from tests.contracts.running_pool import RunningPool

_FEE_STROOPS = 100
_POLL_WALL_SECONDS = 0.05


class Stranger:
    """One funded account that calls the farm contract by itself. Raises AssertionError if a call fails."""

    def __init__(self, server: SorobanServerAsync, key: Keypair) -> None:
        self._server = server
        self._key = key

    async def work(self, farmer: str, hash: bytes, nonce: int) -> None:
        await self._invoke(calls.work(LOCAL.farm_contract_id, farmer, hash, nonce))

    async def pause(self) -> None:
        """Only for the farm's owner."""
        await self._invoke(calls.invocation(LOCAL.farm_contract_id, "pause", []))

    async def unpause(self) -> None:
        """Only for the farm's owner."""
        await self._invoke(calls.invocation(LOCAL.farm_contract_id, "unpause", []))

    async def _invoke(self, function: xdr.HostFunction) -> None:
        account = await self._server.load_account(self._key.public_key)
        builder = TransactionBuilder(account, LOCAL.passphrase, base_fee=_FEE_STROOPS)
        # No time bounds: the chain's time runs faster than the wall's.
        builder.append_operation(InvokeHostFunction(host_function=function)).add_time_bounds(0, 0)
        envelope = await self._server.prepare_transaction(builder.build())
        envelope.sign(self._key)
        sent = await self._server.send_transaction(envelope)
        assert sent.status == SendTransactionStatus.PENDING, sent
        found = await self._server.get_transaction(sent.hash)
        while found.status == GetTransactionStatus.NOT_FOUND:
            await asyncio.sleep(_POLL_WALL_SECONDS)
            found = await self._server.get_transaction(sent.hash)
        assert found.status == GetTransactionStatus.SUCCESS, found


@asynccontextmanager
async def somebody(pool: RunningPool, key: Keypair | None = None) -> AsyncIterator[Stranger]:
    """Somebody with XLM; a new account unless a key is given."""
    keypair = key or Keypair.random()
    if key is None:
        await ask_friendbot(pool.local.friendbot_url, [keypair.public_key])
    async with SorobanServerAsync(pool.local.rpc_url) as server:
        yield Stranger(server, keypair)
