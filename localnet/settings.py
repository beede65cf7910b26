"""What can be chosen about a local network."""

from dataclasses import dataclass, field

from kale.networks import LOCAL, MAINNET, TESTNET, Network
from localnet.network_settings import MAINNET_SETTINGS, NetworkSettings
from poolkit.errors import StartupError

DEFAULT_PORT = 8000
DEFAULT_RETENTION_LEDGERS = 17_280
MAX_SPEED = 1_000.0

_REAL_PASSPHRASES = frozenset({MAINNET.passphrase, TESTNET.passphrase})


@dataclass(frozen=True)
class LocalnetSettings:
    """The settings of a localnet process.

    `port` 0 takes a free one. `speed` is chain seconds a wall second. `start_time` is the close time of the
    first ledger (unix seconds), None for now. `retention_ledgers` is how far back the node answers; older
    ledgers, their transactions and events are forgotten. Raises StartupError for what cannot be.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    speed: float = 1.0
    start_time: int | None = None
    retention_ledgers: int = DEFAULT_RETENTION_LEDGERS
    network: Network = LOCAL
    network_settings: NetworkSettings = field(default=MAINNET_SETTINGS)

    def __post_init__(self) -> None:
        if self.network.passphrase in _REAL_PASSPHRASES:
            raise StartupError(
                f"the local network refuses the passphrase of {self.network.name}: what is signed in a "
                "rehearsal would be valid for real"
            )
        if not 0 < self.speed <= MAX_SPEED:
            raise StartupError(f"speed is {self.speed:g}, must be above 0 and at most {MAX_SPEED:g}")
        if not 0 <= self.port <= 65_535:
            raise StartupError(f"port is {self.port}, must be between 0 and 65535")
        if self.retention_ledgers < 2:
            raise StartupError(f"retention is {self.retention_ledgers} ledgers, must be at least 2")
        if self.start_time is not None and self.start_time < 0:
            raise StartupError(f"start time is {self.start_time}, must not be negative")
