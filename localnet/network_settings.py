"""What validators vote on: fees, limits and lifetimes of the network, read from TOML.

mainnet's and testnet's are part of the package (`localnet/networks/`); a file of one's own says only what
differs from mainnet's.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeVar, get_type_hints

from kale.constants import I64_MAX, U32_MAX
from localnet.lazy import lazy
from poolkit.startup_error import StartupError

#: The native supply that the root account starts with: 100 billion XLM.
TOTAL_COINS_STROOPS: Final = 10**18
#: Networks whose settings come with the package.
NETWORK_NAMES: Final = ("mainnet", "testnet")

#: What rent for 1 KB costs at least, however small the state is (soroban-env-host's fee.rs).
_LEAST_RENT_1KB: Final = 1_000


class Between(NamedTuple):
    """The range of a setting, both ends allowed."""

    least: int
    most: int


Amount = Annotated[int, Between(0, U32_MAX)]
BigAmount = Annotated[int, Between(0, I64_MAX)]
Signed = Annotated[int, Between(-U32_MAX, U32_MAX)]
Positive = Annotated[int, Between(1, U32_MAX)]
BigPositive = Annotated[int, Between(1, I64_MAX)]


@dataclass(frozen=True)
class FeeRates:
    """Resource fee rates in stroops.

    Rent depends on the size of the contract state: it rises from `rent_1kb_low` to `rent_1kb_high` at the
    target size, and `state_growth_factor` times as fast above it. `state_bytes` is that size; it is a
    setting, because a small chain would never see mainnet's rent.
    """

    per_10_000_instructions: Amount
    disk_read_entry: Amount
    disk_read_1kb: Amount
    write_entry: Amount
    write_1kb: Amount
    transaction_size_1kb: Amount
    historical_1kb: Amount
    events_1kb: Amount
    rent_1kb_low: Signed
    rent_1kb_high: Signed
    state_target_bytes: BigPositive
    state_growth_factor: Amount
    state_bytes: BigAmount
    persistent_rent_denominator: Positive
    temporary_rent_denominator: Positive

    @lazy
    def rent_1kb(self) -> int:
        """Stroops a KB, by stellar-core's curve: rounded up, at least 1,000."""
        rise = self.rent_1kb_high - self.rent_1kb_low
        target = self.state_target_bytes
        if self.state_bytes < target:
            rate = self.rent_1kb_low - (-rise * self.state_bytes // target)
        else:
            above = self.state_bytes - target
            rate = self.rent_1kb_high - (-rise * above * self.state_growth_factor // target)
        return max(rate, _LEAST_RENT_1KB)


@dataclass(frozen=True)
class TransactionLimits:
    """The most that one Soroban transaction may declare or use."""

    instructions: Amount
    memory_bytes: Amount
    footprint_entries: Amount
    disk_read_entries: Amount
    disk_read_bytes: Amount
    write_entries: Amount
    write_bytes: Amount
    events_bytes: Amount
    size_bytes: Amount
    key_bytes: Amount
    entry_bytes: Amount
    wasm_bytes: Amount


@dataclass(frozen=True)
class LedgerLimits:
    """The most that one ledger takes; what does not fit waits in the queue.

    `classic_operations` is the header's maxTxSetSize. Soroban transactions run in up to `clusters` clusters
    side by side (CAP-63), each with up to `cluster_instructions` one after the other; all other limits are
    sums over the ledger's Soroban transactions.
    """

    classic_operations: Amount
    soroban_transactions: Amount
    cluster_instructions: BigAmount
    clusters: Annotated[int, Between(1, 128)]
    disk_read_entries: Amount
    disk_read_bytes: Amount
    write_entries: Amount
    write_bytes: Amount
    size_bytes: Amount


@dataclass(frozen=True)
class Lifetimes:
    """Lifetimes of contract data, in ledgers."""

    min_temporary: Positive
    min_persistent: Positive
    max_entry: Positive


@dataclass(frozen=True)
class NetworkSettings:
    """Everything that is the network's and not the node's.

    `protocol_version` is what headers and the RPC tell; headers and metas have the newest form that the SDK
    knows, whatever it is. `close_milliseconds` is how long a ledger takes, in chain time.
    """

    protocol_version: Annotated[int, Between(23, 99)]
    base_fee_stroops: Positive
    base_reserve_stroops: Positive
    close_milliseconds: Annotated[int, Between(1_000, 60_000)]
    rates: FeeRates
    transaction: TransactionLimits
    ledger: LedgerLimits
    lifetimes: Lifetimes

    def with_protocol(self, version: int) -> "NetworkSettings":
        """The same network, told to be of another protocol version. Raises StartupError."""
        return _built(NetworkSettings, self, {"protocol_version": version}, "")


def load_network_settings(name: str) -> NetworkSettings:
    """Settings of `mainnet`, of `testnet`, or from a file. Raises StartupError."""
    if name in NETWORK_NAMES:
        return _shipped(name)
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(NETWORK_NAMES)
        raise StartupError(
            f"network settings {name}: neither one of {known} nor a file that can be read: {error}"
        ) from error
    return parse_network_settings(text, name)


def parse_network_settings(text: str, source: str) -> NetworkSettings:
    """Settings from TOML; what it leaves out is mainnet's. Raises StartupError naming source and key."""
    return _parsed(NetworkSettings, MAINNET_SETTINGS, text, source)


T = TypeVar("T")


def _parsed(kind: type[T], base: T | None, text: str, source: str) -> T:
    try:
        return _built(kind, base, tomllib.loads(text), "")
    except (ValueError, RecursionError) as error:  # no TOML, or numbers and nesting beyond all measure
        raise StartupError(f"network settings {source}: {error}") from error
    except _SettingError as error:
        raise StartupError(f"network settings {source}: {error}") from None


class _SettingError(StartupError):
    """A key that cannot be."""


def _built(kind: type[T], base: T | None, table: Mapping[str, Any], prefix: str) -> T:
    """A dataclass from a table; keys that the table lacks are the base's."""
    known = get_type_hints(kind, include_extras=True)
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            meant = f", did you mean {close[0]}?" if close else ""
            raise _SettingError(f"{prefix}{key} is unknown{meant}")
    values = {}
    for name, hint in known.items():
        under = None if base is None else getattr(base, name)
        if name in table:
            values[name] = _value(hint, under, table[name], prefix + name)
        elif under is not None:
            values[name] = under
        else:
            raise _SettingError(f"{prefix}{name} is missing")
    return kind(**values)


def _value(hint: Any, base: Any, given: object, key: str) -> object:
    if isinstance(hint, type) and is_dataclass(hint):
        if not isinstance(given, dict):
            raise _SettingError(f"{key} is {given!r}, must be a table")
        return _built(hint, base, given, f"{key}.")
    least, most = hint.__metadata__[0]
    if not isinstance(given, int) or isinstance(given, bool):
        raise _SettingError(f"{key} is {given!r}, must be an integer between {least} and {most}")
    if not least <= given <= most:
        raise _SettingError(f"{key} is {given}, must be between {least} and {most}")
    return given


def _shipped(name: str) -> NetworkSettings:
    if name == "mainnet":
        return MAINNET_SETTINGS
    return parse_network_settings(_shipped_text(name), f"{name}.toml")


def _shipped_text(name: str) -> str:
    return (resources.files("localnet") / "networks" / f"{name}.toml").read_text(encoding="utf-8")


MAINNET_SETTINGS: Final = _parsed(NetworkSettings, None, _shipped_text("mainnet"), "mainnet.toml")
