"""What goes into a contract call and what comes out of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from stellar_sdk import xdr

from localnet.lazy import lazy
from localnet.ledger.call_reader import Authorization
from localnet.ledger.entries import StoredEntry
from localnet.ledger.events import Event
from localnet.network_settings import MAINNET_SETTINGS, Lifetimes
from localnet.soroban.key_order import key_order
from localnet.soroban.side_door import SideDoor


@dataclass(frozen=True)
class LedgerInfo:
    """The ledger in which a call runs.

    `sequence` and `close_time` (unix seconds) are what contracts see. `network_id` is
    the sha256 of the passphrase: signatures are bound to it. `side_door` is the farm's.
    """

    sequence: int
    close_time: int
    network_id: bytes
    lifetimes: Lifetimes = MAINNET_SETTINGS.lifetimes
    base_reserve_stroops: int = MAINNET_SETTINGS.base_reserve_stroops
    side_door: SideDoor = field(default_factory=SideDoor, compare=False, repr=False)

    def new_live_until(self, *, temporary: bool) -> int:
        """The last ledger of an entry that is created now."""
        lifetime = self.lifetimes.min_temporary if temporary else self.lifetimes.min_persistent
        return self.sequence + lifetime - 1

    @property
    def max_live_until(self) -> int:
        """The last ledger to which anything can be extended now."""
        return self.sequence + self.lifetimes.max_entry - 1


@dataclass(frozen=True)
class Footprint:
    """Keys (LedgerKey XDR) that a call may read, and may read and write."""

    read_only: frozenset[bytes]
    read_write: frozenset[bytes]


@dataclass(frozen=True)
class RecordAuth:
    """Record what has to be authorised instead of demanding it (simulation).

    `source` is the operation's source account (G…): what it has to authorise needs no
    nonce and no signature. `nonces` gives an i64 for every other address. With
    `root_only` an address whose authorisation is not tied to the root call is refused;
    with `address_bound` the credentials are ADDRESS_V2, else ADDRESS.
    """

    source: str
    nonces: Callable[[], int]
    root_only: bool = True
    address_bound: bool = True


@dataclass(frozen=True)
class EnforceAuth:
    """Demand the authorisation that `entries` give (apply, enforcing simulation).

    `source` is the operation's source account: SOURCE_ACCOUNT entries stand for it.
    """

    source: str
    entries: Sequence[Authorization]


@dataclass(frozen=True)
class Failure:
    """Why a call failed.

    `error` is the host's error value, `text` its name (`Error(Contract, #10)`) and
    `report` the text that a node gives: name, blank line and event log.
    """

    error: xdr.SCError
    text: str
    report: str

    @property
    def contract_code(self) -> int | None:
        """The number of a contract's own error; None if the host refused."""
        return self.error.contract_code.uint32 if self.error.contract_code is not None else None


@dataclass(frozen=True)
class Invocation:
    """The outcome of a root call.

    Exactly one of `encoded_value` and `failure` is set. `writes` holds what changed, None for a
    deletion, and is empty after a failure; an entry whose life alone was extended
    comes with its old `data` and `last_modified` and a new `live_until`. `touched` names
    what was read, and whether it was also written, also after a failure.
    `restored` are the archived entries that a recording restored; they count as written.
    `events` are the contract events of a success, `diagnostic_events` (XDR) everything in
    the order of the calls. `recorded_auth` (XDR) is what would have to be authorised; in enforcing
    mode it is empty. `instructions` is what the call took by the cost table, also after a failure.
    """

    encoded_value: bytes | None
    failure: Failure | None
    writes: Mapping[bytes, StoredEntry | None]
    touched: Mapping[bytes, bool]
    restored: Mapping[bytes, StoredEntry]
    events: tuple[Event, ...]
    diagnostic_events: tuple[bytes, ...]
    recorded_auth: tuple[bytes, ...]
    instructions: int

    @property
    def succeeded(self) -> bool:
        return self.failure is None

    @property
    def value(self) -> xdr.SCVal | None:
        return None if self.encoded_value is None else xdr.SCVal.from_xdr_bytes(self.encoded_value)

    @property
    def auth(self) -> tuple[xdr.SorobanAuthorizationEntry, ...]:
        return tuple(map(xdr.SorobanAuthorizationEntry.from_xdr_bytes, self.recorded_auth))

    @lazy
    def touched_read_only(self) -> tuple[bytes, ...]:
        """The keys that were only read, in the ledger's order."""
        return self._in_order(written=False)

    @lazy
    def touched_read_write(self) -> tuple[bytes, ...]:
        """Those that were written too."""
        return self._in_order(written=True)

    def _in_order(self, *, written: bool) -> tuple[bytes, ...]:
        return tuple(
            sorted((key for key, is_write in self.touched.items() if is_write is written), key=key_order)
        )
