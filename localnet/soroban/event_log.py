"""Everything that a call reports, in the order in which it happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stellar_sdk import scval, xdr

from kale.addresses import contract_hash
from localnet.lazy import lazy
from localnet.ledger import wire
from localnet.ledger.events import Event
from localnet.ledger.value_wire import encode_value
from localnet.soroban.values import describe_error, describe_event

#: The host prints no more than this many events with an error.
_MAX_REPORTED = 25
_FN_CALL: Final = scval.to_symbol("fn_call")
_FN_RETURN: Final = scval.to_symbol("fn_return")
_ERROR: Final = scval.to_symbol("error")
_LOG: Final = scval.to_symbol("log")
_CONTRACT: Final = xdr.ContractEventType.CONTRACT
_DIAGNOSTIC: Final = xdr.ContractEventType.DIAGNOSTIC


@dataclass
class _Logged:
    """An event; `contract_id` (C…) is its contract, None for the host itself."""

    kind: xdr.ContractEventType
    contract_id: str | None
    topics: Sequence[xdr.SCVal]
    data: xdr.SCVal
    failed: bool = False

    @lazy
    def event(self) -> Event:
        return Event(
            contract_id=None if self.contract_id is None else contract_hash(self.contract_id),
            topics=tuple(map(encode_value, self.topics)),
            data=encode_value(self.data),
            kind=self.kind,
        )

    def describe(self) -> str:
        return describe_event(self.kind, self.contract_id, self.topics, self.data, failed=self.failed)


class EventLog:
    """Contract events and diagnostics of one root call."""

    def __init__(self) -> None:
        self._logged: list[_Logged] = []

    def __repr__(self) -> str:
        return f"EventLog({len(self._logged)} events)"

    def contract_event(self, contract_id: str, topics: Sequence[xdr.SCVal], data: xdr.SCVal) -> None:
        """An event that a contract publishes."""
        self._logged.append(_Logged(_CONTRACT, contract_id, topics, data))

    def called(self, caller: str | None, callee: str, function: str, args: Sequence[xdr.SCVal]) -> None:
        """`fn_call`: one argument stands bare, several in a vector, none is void."""
        topics = [_FN_CALL, scval.to_bytes(contract_hash(callee)), scval.to_symbol(function)]
        self._diagnostic(caller, topics, args)

    def returned(self, contract_id: str, function: str, value: xdr.SCVal) -> None:
        """`fn_return`."""
        self._diagnostic(contract_id, [_FN_RETURN, scval.to_symbol(function)], [value])

    def error(
        self, contract_id: str | None, error: xdr.SCError, message: str, args: Sequence[xdr.SCVal]
    ) -> None:
        """`error`: the message alone, or a vector of message and arguments."""
        topics = [_ERROR, xdr.SCVal(xdr.SCValType.SCV_ERROR, error=error)]
        self._diagnostic(contract_id, topics, [scval.to_string(message), *args])

    def vm_trapped(self, contract_id: str, function: str, error: xdr.SCError) -> None:
        """`log`: the VM that ran `function` ended with the error of a host function."""
        values = [
            scval.to_string("VM call trapped with HostError"),
            scval.to_symbol(function),
            xdr.SCVal(xdr.SCValType.SCV_ERROR, error=error),
        ]
        self._diagnostic(contract_id, [_LOG], values)

    def mark(self) -> int:
        """A place in the log, for `fail_from`."""
        return len(self._logged)

    def fail_from(self, mark: int) -> None:
        """What was logged since `mark` belongs to a call that failed."""
        for logged in self._logged[mark:]:
            logged.failed = True

    def contract_events(self) -> tuple[Event, ...]:
        """The events that calls which succeeded published."""
        return tuple(
            logged.event for logged in self._logged if logged.kind is _CONTRACT and not logged.failed
        )

    def diagnostic_events(self) -> tuple[bytes, ...]:
        """All of it, as XDR `DiagnosticEvent`s."""
        return tuple(wire.uint32(not logged.failed) + logged.event.encode() for logged in self._logged)

    def report(self, error: xdr.SCError) -> str:
        """The text with which a node answers: the error, then the log from the newest event on.

        The host takes the log down with the error: that its VM then ended comes too late.
        """
        end = len(self._logged)
        while end and self._logged[end - 1].topics[0] is _LOG:
            end -= 1
        lines = [f"HostError: {describe_error(error)}", "", "Event log (newest first):"]
        for number, logged in enumerate(reversed(self._logged[max(end - _MAX_REPORTED, 0) : end])):
            lines.append(f"   {number}: {logged.describe()}")
        if end > _MAX_REPORTED:
            lines.append(f"   {_MAX_REPORTED}: ... elided ...")
        return "\n".join(lines) + "\n\n"

    def _diagnostic(
        self, contract_id: str | None, topics: Sequence[xdr.SCVal], values: Sequence[xdr.SCVal]
    ) -> None:
        several = scval.to_vec(values) if values else scval.to_void()
        data = values[0] if len(values) == 1 else several
        self._logged.append(_Logged(_DIAGNOSTIC, contract_id, topics, data))
