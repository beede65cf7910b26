"""What is wrong with a Soroban transaction that is refused, as a node tells it in a diagnostic event."""

from dataclasses import dataclass

from stellar_sdk import scval, xdr

from localnet.ledger import wire
from localnet.ledger.events import Event
from localnet.ledger.value_wire import encode_value

_ERROR = scval.to_symbol("error")


@dataclass(frozen=True, slots=True)
class SorobanFault:
    """A fault that is found before a transaction runs; `values` are what its words are about."""

    kind: xdr.SCErrorType
    code: xdr.SCErrorCode
    message: str
    values: tuple[int, ...] = ()

    def diagnostic_event(self) -> bytes:
        """XDR `DiagnosticEvent`: the message alone, or a vector of the message and the values."""
        message = scval.to_string(self.message)
        data = scval.to_vec([message, *map(scval.to_uint64, self.values)]) if self.values else message
        error = xdr.SCVal(xdr.SCValType.SCV_ERROR, error=xdr.SCError(self.kind, code=self.code))
        event = Event(
            contract_id=None,
            topics=(encode_value(_ERROR), encode_value(error)),
            data=encode_value(data),
            kind=xdr.ContractEventType.DIAGNOSTIC,
        )
        return wire.uint32(False) + event.encode()


@dataclass(frozen=True, slots=True)
class RefusedOperation:
    """An operation that is not valid: its XDR `OperationResult`, and why, where a node says why."""

    result: bytes
    fault: SorobanFault | None = None
