"""The composition root: a chain, its clock and the RPC nodes that serve it."""

import asyncio
from types import TracebackType
from typing import Self

from kale.networks import Network
from localnet.admin.nodes import NodeAdmin
from localnet.admin.requests import NoFields, Route
from localnet.admin.routes import admin_routes
from localnet.admin.server import AdminHandlers
from localnet.chain.chain import Chain
from localnet.chain.ledger_clock import LedgerClock
from localnet.chain.start import open_state_file, start_chain
from localnet.faults.admin import FaultAdmin
from localnet.faults.faults import Faults
from localnet.faults.ledgers import LedgerFaults
from localnet.friendbot import Friendbot
from localnet.listener import Listener
from localnet.rivals.admin import RivalAdmin
from localnet.rivals.crowd import Crowd
from localnet.rpc_node import RpcNode
from localnet.settings import ADMIN_HOST, LocalnetSettings


class LocalnetNode:
    """One network with its RPC nodes and its admin endpoint; `async with` starts and stops it.

    With `runs_clock` False the clock begins paused: whoever holds the node closes the ledgers.
    """

    def __init__(self, settings: LocalnetSettings, *, runs_clock: bool = True) -> None:
        """Raises StartupError if a port is taken, a file cannot be used, or the rivals cannot play."""
        self.state_file = open_state_file(settings)
        self.chain: Chain = start_chain(settings, self.state_file)
        self.chain.seed = settings.seed
        self.chain.background_load = settings.background_load
        self.clock = LedgerClock(self.chain, settings.speed, paused=not runs_clock)
        self.rivals = Crowd(self.chain)
        self.rivals.add(settings.rivals)
        friendbot = Friendbot(self.chain)
        self.faults = Faults(settings.faults)
        self.rpc_nodes = tuple(
            RpcNode(self.chain, friendbot, self.faults, number, settings.host, port)
            for number, port in enumerate(settings.rpc_ports)
        )
        for node, lag_ledgers in zip(self.rpc_nodes, settings.lag_ledgers, strict=False):
            node.view.lag(lag_ledgers)
        if settings.simulates_at_wall_time:
            for node in self.rpc_nodes:
                node.view.simulation_time = lambda: self.clock.chain_time
        LedgerFaults(self.faults, self.chain, self.clock, [node.view for node in self.rpc_nodes])
        self._admin_listener = Listener(ADMIN_HOST, settings.admin_port, "--admin-port")
        self._admin_handlers = AdminHandlers(
            {
                **admin_routes(self.chain, self.clock),
                "/nodes": Route(NoFields, NodeAdmin(self.rpc_nodes).get),
                **FaultAdmin(self.faults, len(self.rpc_nodes)).routes(),
                **RivalAdmin(self.rivals).routes(),
            }
        )
        self._closing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"LocalnetNode({self.rpc_nodes!r}, {self.chain!r})"

    @property
    def network(self) -> Network:
        return self.chain.network

    @property
    def rpc_url(self) -> str:
        """The first node's address."""
        return self.rpc_nodes[0].rpc_url

    @property
    def admin_url(self) -> str:
        return f"http://{self._admin_listener.address}"

    @property
    def friendbot_url(self) -> str:
        return self.rpc_nodes[0].friendbot_url

    async def __aenter__(self) -> Self:
        await self.open_rpc()
        await self._admin_listener.open(self._admin_handlers.serve)
        self._closing = asyncio.create_task(self.clock.close_ledgers_forever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._closing is not None:
            self._closing.cancel()
            await asyncio.wait({self._closing})
        await self._admin_listener.end()
        for node in self.rpc_nodes:
            await node.end()
        if self.state_file is not None:
            self.state_file.close()

    async def run_forever(self) -> None:
        """Waits on the clock; ends only with its failure or with cancellation."""
        assert self._closing is not None, "the node is started"
        await asyncio.shield(self._closing)

    async def open_rpc(self) -> None:
        """Accepts connections."""
        for node in self.rpc_nodes:
            await node.open()

    async def close_rpc(self) -> None:
        """Refuses connections; the chain goes on."""
        for node in self.rpc_nodes:
            await node.close()
