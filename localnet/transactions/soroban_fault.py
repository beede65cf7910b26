"""What is wrong with a Soroban transaction, as a node tells it in a diagnostic event."""

from dataclasses import dataclass

from stellar_sdk import xdr

from localnet.ledger import value_wire, wire
from localnet.ledger.events import Event

_ERROR = value_wire.symbol(b"error")


@dataclass(frozen=True, slots=True)
class SorobanFault:
    """A fault that the ledger finds, not the contract.

    `values`, numbers or encoded SCVals, are what it is about.
    """

    kind: xdr.SCErrorType
    code: xdr.SCErrorCode
    message: str
    values: tuple[int | bytes, ...] = ()

    def diagnostic_event(self) -> bytes:
        """XDR `DiagnosticEvent`: the message alone, or a vector of the message and the values."""
        data = value_wire.string(self.message.encode())
        if self.values:
            data = value_wire.vector([data, *map(_encoded, self.values)])
        error = value_wire.error(xdr.SCError(self.kind, code=self.code))
        event = Event(None, (_ERROR, error), data, xdr.ContractEventType.DIAGNOSTIC)
        return wire.uint32(False) + event.encode()


def _encoded(value: int | bytes) -> bytes:
    return value_wire.uint64(value) if isinstance(value, int) else value


@dataclass(frozen=True, slots=True)
class RefusedOperation:
    """An operation that is not valid: its XDR `OperationResult`, and why, where a node says why."""

    result: bytes
    fault: SorobanFault | None = None
