"""What every classic operation is made of: where it acts, how it ends, and its rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationResultCode, ThresholdIndexes

from localnet.ledger.accounts import available_stroops
from localnet.ledger.classic_entries import ClassicEntries
from localnet.ledger.events import Event
from localnet.network_settings import NetworkSettings


class OperationFailed(Exception):
    """Ends an operation with a result code of its own kind."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class OperationRefused(Exception):
    """Ends an operation with a code that all kinds share, for example too many subentries."""

    def __init__(self, code: OperationResultCode) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Success:
    """What an operation that went through leaves beside its changes.

    `payload` is XDR that follows the success code, for the kinds that have one.
    """

    events: tuple[Event, ...] = ()
    payload: bytes = b""


@dataclass(frozen=True)
class Scene:
    """Where an operation acts: entries on a layer of its own, its source, and the circumstances.

    `sponsors` is the transaction's: sponsored accounts and who pays for their next reserves (CAP-33).
    `sequences` is the ledger's: the numbers that its transactions use, applied or not, by source.
    """

    entries: ClassicEntries
    source: bytes
    memo: xdr.Memo
    close_time: int
    network_id: bytes
    settings: NetworkSettings
    sponsors: dict[bytes, bytes]
    sequences: Mapping[bytes, int]

    def source_account(self) -> xdr.AccountEntry:
        return self.entries.get_account(self.source)

    def require_reserves(self, payer: bytes, count: int, low_reserve: int) -> None:
        """Fails with `low_reserve` unless an account can spare so many reserves."""
        account = self.entries.find_account(payer)
        needed = count * self.settings.base_reserve_stroops
        if account is None or available_stroops(account, self.settings) < needed:
            raise OperationFailed(low_reserve)


def _medium(_: xdr.OperationBody) -> ThresholdIndexes:
    return ThresholdIndexes.THRESHOLD_MED


def low_threshold(_: xdr.OperationBody) -> ThresholdIndexes:
    return ThresholdIndexes.THRESHOLD_LOW


def high_threshold(_: xdr.OperationBody) -> ThresholdIndexes:
    return ThresholdIndexes.THRESHOLD_HIGH


@dataclass(frozen=True)
class Operation:
    """The rules of one kind of operation.

    `check` gives the result code of a body that is wrong whatever the ledger holds, else 0; it gets the
    source's key. `apply` changes the scene's entries; it raises OperationFailed or OperationRefused. `level`
    is the threshold that the source's signatures must reach.
    """

    check: Callable[[xdr.OperationBody, bytes], int]
    apply: Callable[[xdr.OperationBody, Scene], Success]
    level: Callable[[xdr.OperationBody], ThresholdIndexes] = _medium
