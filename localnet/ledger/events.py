"""Contract events as the ledger keeps them: encoded piece by piece, and numbered."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from stellar_sdk import xdr

from localnet.ledger import wire

_CONTRACT: Final = xdr.ContractEventType.CONTRACT

OPERATION_OF_REFUNDS = 0
TRANSACTION_OF_REFUNDS = 1_048_575
LAST_OPERATION = 4_095
LAST_EVENT = 4_294_967_295


class Event(NamedTuple):
    """A contract event; topics and data are encoded SCVals. State files keep the fields by their order."""

    contract_id: bytes | None
    topics: tuple[bytes, ...]
    data: bytes
    kind: xdr.ContractEventType = _CONTRACT

    def encode(self) -> bytes:
        """XDR `ContractEvent`."""
        return encode_event(*self)


def encode_event(
    contract_id: bytes | None, topics: tuple[bytes, ...], data: bytes, kind: xdr.ContractEventType
) -> bytes:
    """The same without an event."""
    heading = _contract_heading if kind is _CONTRACT else _diagnostic_heading
    return heading(contract_id) + wire.array(topics) + data


@lru_cache(maxsize=1_024)
def _contract_heading(contract_id: bytes | None) -> bytes:
    return _heading(contract_id, _CONTRACT)


@lru_cache(maxsize=1_024)
def _diagnostic_heading(contract_id: bytes | None) -> bytes:
    return _heading(contract_id, xdr.ContractEventType.DIAGNOSTIC)


def _heading(contract_id: bytes | None, kind: xdr.ContractEventType) -> bytes:
    """What comes before topics and data: extension, contract, kind and the body's version."""
    contract = wire.ABSENT if contract_id is None else wire.present(contract_id)
    return wire.ABSENT + contract + wire.int32(kind) + wire.ABSENT


@dataclass(frozen=True, order=True)
class EventPosition:
    """Where an event stands in the history of the chain; the order of events is the order of positions.

    Fees come first in a ledger (transaction 0), refunds last (1048575); transactions count from 1,
    operations and events from 0.
    """

    ledger: int
    transaction: int
    operation: int
    event: int

    def __str__(self) -> str:
        return f"{total_order(self.ledger, self.transaction, self.operation):019d}-{self.event:010d}"

    @classmethod
    def of_order(cls, order: int, event: int) -> "EventPosition":
        """The position that a total order id and the event's number name."""
        return cls(order >> 32, (order >> 12) & 0xFFFFF, order & 0xFFF, event)


def total_order(ledger: int, transaction: int, operation: int) -> int:
    """The total order id (SEP-35) of an operation, of a transaction (operation 0) or of a ledger (both 0)."""
    return ledger << 32 | transaction << 12 | operation
