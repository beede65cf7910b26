"""A local network inside a test: the real server on a free port, and a hand on its insides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stellar_sdk import Asset, Keypair

from kale.networks import Network
from localnet.chain.background_load import NO_BACKGROUND_LOAD, BackgroundLoad
from localnet.chain.chain import Chain
from localnet.chain.ledger_clock import LedgerClock
from localnet.faults.faults import Faults
from localnet.faults.rule import NO_FAULTS, FaultPlan
from localnet.genesis import FAUCET
from localnet.ledger.accounts import stored_trustline, trustline_key, with_line_balance
from localnet.network_settings import MAINNET_SETTINGS, NetworkSettings
from localnet.rpc_node import RpcNode
from localnet.server import LocalnetNode
from localnet.settings import DEFAULT_RETENTION_LEDGERS, LocalnetSettings


class NodeHandle:
    """A running node as a test sees it."""

    def __init__(self, node: LocalnetNode) -> None:
        self._node = node

    def __repr__(self) -> str:
        return f"NodeHandle({self._node!r})"

    @property
    def rpc_url(self) -> str:
        return self._node.rpc_url

    @property
    def faults(self) -> Faults:
        """The rules by which things go wrong; empty unless somebody adds some."""
        return self._node.faults

    @property
    def rpc_nodes(self) -> tuple[RpcNode, ...]:
        """All RPC nodes of the network; `rpc_url` is the first one's."""
        return self._node.rpc_nodes

    @property
    def admin_url(self) -> str:
        return self._node.admin_url

    @property
    def friendbot_url(self) -> str:
        return self._node.friendbot_url

    @property
    def network(self) -> Network:
        return self._node.network

    @property
    def chain(self) -> Chain:
        return self._node.chain

    @property
    def clock(self) -> LedgerClock:
        return self._node.clock

    @property
    def faucet(self) -> Keypair:
        """An account with a billion KALE."""
        return FAUCET

    async def pause_rpc(self) -> None:
        """Refuses connections from now on, as if the node had died; ledgers go on closing."""
        await self._node.close_rpc()

    async def resume_rpc(self) -> None:
        """Accepts them again, on the same port."""
        await self._node.open_rpc()

    def close_ledgers(self, count: int = 1) -> None:
        """Closes ledgers at once, each five chain seconds after the last."""
        for _ in range(count):
            self.clock.close_ledger()

    async def wait_for_ledgers(self, count: int) -> None:
        """Waits until the clock has closed that many more ledgers."""
        for _ in range(count):
            await self.chain.next_ledger_closed()

    def add_to_kale_balance(self, holder: str, stroops: int) -> None:
        """Changes a holder's trustline behind everybody's back: no transaction and no event tells of it."""
        asset = Asset(self.network.asset_code, self.network.asset_issuer).to_xdr_object()
        key = trustline_key(Keypair.from_public_key(holder).raw_public_key(), asset)
        entry = self.chain.state.find(key)
        line = None if entry is None else entry.data.trust_line
        if line is None:
            raise ValueError(f"{holder} has no trustline for {self.network.asset_code}")
        changed = with_line_balance(line, line.balance.int64 + stroops)
        self.chain.state.commit({key: stored_trustline(changed, self.chain.latest.sequence)})


@asynccontextmanager
async def running_localnet(
    *,
    speed: float = 60.0,
    port: int = 0,
    start_time: int | None = None,
    retention_ledgers: int = DEFAULT_RETENTION_LEDGERS,
    network_settings: NetworkSettings = MAINNET_SETTINGS,
    runs_clock: bool = True,
    state: Path | None = None,
    fork: Path | None = None,
    nodes: int = 1,
    lag_ledgers: tuple[int, ...] = (),
    faults: FaultPlan = NO_FAULTS,
    background_load: BackgroundLoad = NO_BACKGROUND_LOAD,
    seed: int = 0,
) -> AsyncIterator[NodeHandle]:
    """A localnet in this process and event loop, served over real HTTP.

    With `runs_clock` False ledgers close only when the test says so (`close_ledgers`).
    """
    settings = LocalnetSettings(
        port=port,
        speed=speed,
        start_time=start_time,
        retention_ledgers=retention_ledgers,
        network_settings=network_settings,
        state=state,
        fork=fork,
        nodes=nodes,
        lag_ledgers=lag_ledgers,
        faults=faults,
        background_load=background_load,
        seed=seed,
    )
    async with LocalnetNode(settings, runs_clock=runs_clock) as node:
        yield NodeHandle(node)
