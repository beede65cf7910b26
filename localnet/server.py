"""The composition root: a chain, its clock and its HTTP server as one node."""

import asyncio
import time
from types import TracebackType
from typing import Self

from kale.networks import Network
from localnet.chain.chain import Chain, new_chain
from localnet.chain.ledger_clock import LedgerClock
from localnet.friendbot import Friendbot
from localnet.http import FRIENDBOT_PATH, HttpHandlers
from localnet.listener import Listener
from localnet.rpc.jsonrpc import Dispatcher
from localnet.rpc.methods import rpc_methods
from localnet.settings import LocalnetSettings


class LocalnetNode:
    """One network with one RPC server; `async with` starts and stops it.

    With `runs_clock` False no ledger closes by itself: whoever holds the node closes them.
    """

    def __init__(self, settings: LocalnetSettings, *, runs_clock: bool = True) -> None:
        """Raises StartupError if the port is taken."""
        start_time = int(time.time()) if settings.start_time is None else settings.start_time
        self.chain: Chain = new_chain(
            settings.network, settings.network_settings, start_time, settings.retention_ledgers
        )
        self._clock = LedgerClock(self.chain, settings.speed) if runs_clock else None
        self._listener = Listener(settings.host, settings.port)
        self._handlers = HttpHandlers(
            Dispatcher(rpc_methods(self.chain, self.friendbot_url)), Friendbot(self.chain)
        )
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"LocalnetNode({self._listener!r}, {self.chain!r})"

    @property
    def network(self) -> Network:
        return self.chain.network

    @property
    def rpc_url(self) -> str:
        return f"http://{self._listener.address}"

    @property
    def friendbot_url(self) -> str:
        return self.rpc_url + FRIENDBOT_PATH

    async def __aenter__(self) -> Self:
        await self.open_rpc()
        if self._clock is not None:
            self._closing = asyncio.create_task(self._clock.close_ledgers_forever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._closing is not None:
            self._closing.cancel()
            await asyncio.wait({self._closing})
        await self.close_rpc()

    async def run_forever(self) -> None:
        """Waits on the clock; ends only with its failure or with cancellation."""
        assert self._closing is not None, "the node is started, and with a clock"
        await asyncio.shield(self._closing)

    async def open_rpc(self) -> None:
        """Accepts connections."""
        await self._listener.open(self._handlers.application())

    async def close_rpc(self) -> None:
        """Refuses connections; the chain goes on."""
        await self._listener.close()
