"""What every classic operation is made of: where it acts, how it ends, and its rules."""

from collections.abc import Callable
from dataclasses import dataclass

from stellar_sdk import xdr
from stellar_sdk.xdr import OperationResultCode, ThresholdIndexes

from localnet.ledger.accounts import (
    account_key,
    find_account,
    stored_account,
    stored_trustline,
    trustline_key,
)
from localnet.ledger.entries import StoredEntry
from localnet.ledger.events import Event
from localnet.ledger.state import Layer
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
    """Where an operation acts: the layer of its own, its source, and the circumstances.

    `sponsors` is the transaction's: sponsored accounts and who pays for their reserves (CAP-33).
    """

    layer: Layer
    source: bytes
    memo: xdr.Memo
    sequence: int
    close_time: int
    network_id: bytes
    settings: NetworkSettings
    sponsors: dict[bytes, bytes]

    def source_account(self) -> xdr.AccountEntry:
        return self.existing_account(self.source)

    def existing_account(self, public_key: bytes) -> xdr.AccountEntry:
        """An account that the rules before have found, or that cannot go: a source, a sponsor."""
        account = find_account(self.layer, public_key)
        assert account is not None
        return account

    def put_account(self, account: xdr.AccountEntry, public_key: bytes) -> None:
        self._put(account_key(public_key), stored_account(account, self.sequence))

    def put_trustline(
        self, line: xdr.TrustLineEntry, holder: bytes, asset: xdr.Asset | xdr.TrustLineAsset
    ) -> None:
        self._put(trustline_key(holder, asset), stored_trustline(line, self.sequence))

    def _put(self, key: bytes, entry: StoredEntry) -> None:
        """Writes an entry; one that was there before keeps its sponsor."""
        before = self.layer.find(key)
        self.layer.put(key, entry if before is None else before.rewritten(entry.data, self.sequence))


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
    source's key. `apply` changes the scene's layer; it raises OperationFailed or OperationRefused. `level` is
    the threshold that the source's signatures must reach.
    """

    check: Callable[[xdr.OperationBody, bytes], int]
    apply: Callable[[xdr.OperationBody, Scene], Success]
    level: Callable[[xdr.OperationBody], ThresholdIndexes] = _medium
