"""One RPC node of the network: a port, and what the node knows of the chain."""

from localnet.chain.chain import Chain
from localnet.chain.chain_view import ChainView
from localnet.friendbot import Friendbot
from localnet.http import FRIENDBOT_PATH, HttpHandlers
from localnet.listener import Listener
from localnet.rpc.jsonrpc import Dispatcher
from localnet.rpc.methods import rpc_methods


class RpcNode:
    """Serves the chain on its own port, at its own distance behind the others."""

    def __init__(self, chain: Chain, friendbot: Friendbot, host: str, port: int) -> None:
        """Raises StartupError if the port is taken."""
        self.view = ChainView(chain)
        self._listener = Listener(host, port)
        self._handlers = HttpHandlers(Dispatcher(rpc_methods(self.view, self.friendbot_url)), friendbot)

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
        await self._listener.open(self._handlers.application())

    async def close(self) -> None:
        """Refuses connections; the chain goes on."""
        await self._listener.close()
