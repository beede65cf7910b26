"""What can be chosen about a local network."""

from dataclasses import dataclass, field
from pathlib import Path

from kale.networks import LOCAL, MAINNET, TESTNET, Network
from localnet.chain.background_load import NO_BACKGROUND_LOAD, BackgroundLoad
from localnet.chain.past_states import MAX_LAG_LEDGERS
from localnet.chain.speed import DRIVEN, check_speed
from localnet.faults.rule import NO_FAULTS, FaultPlan
from localnet.network_settings import MAINNET_SETTINGS, NetworkSettings
from localnet.rivals.group import RivalGroup
from poolkit.startup_error import StartupError

DEFAULT_PORT = 8000
DEFAULT_RETENTION_LEDGERS = 17_280
ADMIN_HOST = "127.0.0.1"
MAX_NODES = 16

_MAX_PORT = 65_535

_REAL_PASSPHRASES = frozenset({MAINNET.passphrase, TESTNET.passphrase})


@dataclass(frozen=True)
class LocalnetSettings:
    """The settings of a localnet process.

    `port` is that of the first of the RPC `nodes`, the others have the next ones; 0 takes free ones.
    `admin_port` is that of the admin endpoint; 0 takes a free one. `lag_ledgers` is how far each node stays
    behind, 0 for those that it does not name. `speed` is chain seconds a wall second, or `DRIVEN`, and then
    `driver` says that a driver will come: without one no ledger closes. `start_time` is the close time of the
    first ledger (unix seconds), None for now. `retention_ledgers` is how far back the nodes answer; older
    ledgers, their transactions and events are forgotten. `state` is the file that the chain is kept in, None
    for none; one that has a chain goes on with it. `fork` is a file of ledger entries to begin with. `rivals`
    play from the start on. `background_load` is what strangers ask of each ledger. `seed` decides what a real
    network leaves to chance: the order of application, between equal bids, and the background load. With
    `simulates_at_wall_time` simulated calls see the time now, as those of nodes before stellar-rpc 27.1 do,
    and not the latest ledger's. Raises StartupError for what cannot be.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    admin_port: int = 0
    speed: float = 1.0
    driver: bool = False
    start_time: int | None = None
    retention_ledgers: int = DEFAULT_RETENTION_LEDGERS
    state: Path | None = None
    fork: Path | None = None
    nodes: int = 1
    lag_ledgers: tuple[int, ...] = ()
    rivals: tuple[RivalGroup, ...] = ()
    faults: FaultPlan = NO_FAULTS
    background_load: BackgroundLoad = NO_BACKGROUND_LOAD
    seed: int = 0
    simulates_at_wall_time: bool = False
    network: Network = LOCAL
    network_settings: NetworkSettings = field(default=MAINNET_SETTINGS)

    def __post_init__(self) -> None:
        if self.network.passphrase in _REAL_PASSPHRASES:
            raise StartupError(
                f"the local network refuses the passphrase of {self.network.name}: what is signed in a "
                "rehearsal would be valid for real"
            )
        self._check_speed()
        for name, port in (("port", self.port), ("admin port", self.admin_port)):
            if not 0 <= port <= _MAX_PORT:
                raise StartupError(f"{name} is {port}, must be between 0 and {_MAX_PORT}")
        self._check_nodes()
        if self.retention_ledgers < 2:
            raise StartupError(f"retention is {self.retention_ledgers} ledgers, must be at least 2")
        if self.start_time is not None and self.start_time < 0:
            raise StartupError(f"start time is {self.start_time}, must not be negative")

    @property
    def rpc_ports(self) -> tuple[int, ...]:
        """Each node's port; 0 for any free one."""
        return tuple(self.port and self.port + position for position in range(self.nodes))

    def _check_speed(self) -> None:
        if self.driver and self.speed != DRIVEN:
            raise StartupError(f"speed is {self.speed:g}, but a driver closes ledgers at speed max only")
        if self.speed == DRIVEN:
            if not self.driver:
                raise StartupError(
                    "speed is max, but no ledger closes without a driver: add --driver if one will come"
                )
            return
        try:
            check_speed(self.speed)
        except ValueError as error:
            raise StartupError(str(error)) from None

    def _check_nodes(self) -> None:
        if not 1 <= self.nodes <= MAX_NODES:
            raise StartupError(f"nodes is {self.nodes}, must be between 1 and {MAX_NODES}")
        if self.port + self.nodes - 1 > _MAX_PORT:
            raise StartupError(
                f"port is {self.port}, must be at most {_MAX_PORT - self.nodes + 1} for {self.nodes} nodes"
            )
        if len(self.lag_ledgers) > self.nodes:
            raise StartupError(f"lag names {len(self.lag_ledgers)} nodes, there are {self.nodes}")
        most = min(MAX_LAG_LEDGERS, self.retention_ledgers - 1)
        for lag_ledgers in self.lag_ledgers:
            if not 0 <= lag_ledgers <= most:
                raise StartupError(f"lag is {lag_ledgers} ledgers, must be between 0 and {most}")


def parse_lag(text: str) -> tuple[int, ...]:
    """How many ledgers each node stays behind, from "0,2". Raises StartupError for anything else."""
    parts = [part.strip() for part in text.split(",")] if text else []
    for part in parts:
        if not (part.isascii() and part.isdecimal()):
            raise StartupError(f"lag is {text!r}, must be whole numbers of ledgers, separated by commas")
    return tuple(map(int, parts))


def parse_simulation_time(text: str) -> bool:
    """Whether simulated calls see the time now: "wall", not "ledger". Raises StartupError for other text."""
    if text not in ("ledger", "wall"):
        raise StartupError(f"simulation time is {text!r}, must be ledger or wall")
    return text == "wall"
