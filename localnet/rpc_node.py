"""One RPC node of the network: a port, what the node knows of the chain, and what is wrong with it."""

import asyncio

from localnet.chain.chain import Chain
from localnet.chain.chain_view import ChainView
from localnet.faults.faults import Faults
from localnet.faults.requests import RequestFaults
from localnet.friendbot import Friendbot
from localnet.http import FRIENDBOT_PATH, HttpHandlers
from localnet.listener import Listener
from localnet.rpc.jsonrpc import Dispatcher
from localnet.rpc.methods import rpc_methods
from poolkit.logger import get_logger
from poolkit.startup_error import StartupError

log = get_logger(__name__)


class RpcNode:
    """Serves the chain on its own port, at its own distance behind the others."""

    def __init__(
        self, chain: Chain, friendbot: Friendbot, faults: Faults, number: int, host: str, port: int
    ) -> None:
        """`number` is what fault rules call the node, from 0 on. Raises StartupError if the port is taken."""
        self.view = ChainView(chain)
        self._listener = Listener(host, port)
        self._handlers = HttpHandlers(
            Dispatcher(rpc_methods(self.view, self.friendbot_url)),
            friendbot,
            RequestFaults(faults, number, self.view, self._refuse_connections),
        )
        self._outage: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"RpcNode({self._listener!r}, {self.view!r})"

    @property
    def rpc_url(self) -> str:
        return f"http://{self._listener.address}"

    @property
    def friendbot_url(self) -> str:
        return self.rpc_url + FRIENDBOT_PATH

    async def open(self) -> None:
        """Accepts connections."""
        await self._listener.open(self._handlers.serve)

    async def end(self) -> None:
        """Refuses connections for good."""
        await self.close()
        await self._listener.end()

    async def close(self) -> None:
        """Refuses connections; the chain goes on."""
        if self._outage is not None:
            self._outage.cancel()
            await asyncio.wait({self._outage})
            self._outage = None
        await self._listener.close()

    def _refuse_connections(self, wall_seconds: float) -> None:
        if self._outage is None or self._outage.done():
            self._outage = asyncio.create_task(self._be_out(wall_seconds))

    async def _be_out(self, wall_seconds: float) -> None:
        """Nobody listens on the port for that long, nor until it can be listened on again."""
        await self._listener.close()
        await asyncio.sleep(wall_seconds)
        while True:
            try:
                return await self.open()
            except StartupError as error:
                log.warning("A node cannot come back from its outage yet", error=str(error))
                await asyncio.sleep(wall_seconds)
