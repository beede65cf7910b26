"""Everything that a call reports, in the order in which it happened."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from stellar_sdk import xdr

from kale.addresses import contract_hash
from localnet.ledger import value_wire, wire
from localnet.ledger.events import Event, encode_event
from localnet.ledger.wire_reader import MAX_DEPTH, WireReader
from localnet.soroban.values import describe_error, describe_event

#: The host prints no more than this many events with an error.
_MAX_REPORTED = 25
#: An argument as deep as a node takes it, in the vectors of a call's arguments and of an error's.
_MAX_DEPTH: Final = MAX_DEPTH + 4
_FN_CALL: Final = value_wire.symbol(b"fn_call")
_FN_RETURN: Final = value_wire.symbol(b"fn_return")
_ERROR: Final = value_wire.symbol(b"error")
_LOG: Final = value_wire.symbol(b"log")
_CONTRACT: Final = xdr.ContractEventType.CONTRACT
_DIAGNOSTIC: Final = xdr.ContractEventType.DIAGNOSTIC
#: Whether the call in which something happened succeeded, as a bool's XDR.
_SUCCEEDED: Final = (wire.uint32(False), wire.uint32(True))


class _Logged:
    """An event; `contract_id` (C…) is its contract, None for the host itself."""

    __slots__ = ("contract_id", "data", "failed", "kind", "topics")

    def __init__(
        self, kind: xdr.ContractEventType, contract_id: str | None, topics: tuple[bytes, ...], data: bytes
    ) -> None:
        self.kind = kind
        self.contract_id = contract_id
        self.topics = topics
        self.data = data
        self.failed = False

    @property
    def contract_hash(self) -> bytes | None:
        return None if self.contract_id is None else contract_hash(self.contract_id)

    @property
    def is_of_vm(self) -> bool:
        """Whether it tells that a VM ended."""
        return self.kind is _DIAGNOSTIC and self.topics[0] == _LOG

    def event(self) -> Event:
        return Event(self.contract_hash, self.topics, self.data, self.kind)

    def diagnostic(self) -> bytes:
        """XDR `DiagnosticEvent`."""
        event = encode_event(self.contract_hash, self.topics, self.data, self.kind)
        return _SUCCEEDED[not self.failed] + event

    def describe(self) -> str:
        topics = list(map(_decoded, self.topics))
        return describe_event(self.kind, self.contract_id, topics, _decoded(self.data), failed=self.failed)


class EventLog:
    """Contract events and diagnostics of one root call."""

    def __init__(self) -> None:
        self._logged: list[_Logged] = []

    def __repr__(self) -> str:
        return f"EventLog({len(self._logged)} events)"

    def contract_event(self, contract_id: str, topics: Sequence[bytes], data: bytes) -> None:
        """An event that a contract publishes."""
        self._logged.append(_Logged(_CONTRACT, contract_id, tuple(topics), data))

    def called(self, caller: str | None, callee: str, function: str, args: Sequence[bytes]) -> None:
        """`fn_call`: one argument stands bare, several in a vector, none is void."""
        self._diagnostic(caller, (_FN_CALL, _contract(callee), _name(function)), args)

    def returned(self, contract_id: str, function: str, value: bytes) -> None:
        """`fn_return`."""
        self._logged.append(_Logged(_DIAGNOSTIC, contract_id, (_FN_RETURN, _name(function)), value))

    def error(self, contract_id: str | None, error: xdr.SCError, message: str, args: Sequence[bytes]) -> None:
        """`error`: the message alone, or a vector of message and arguments."""
        values = [value_wire.string(message.encode()), *args]
        self._diagnostic(contract_id, (_ERROR, value_wire.error(error)), values)

    def vm_trapped(self, contract_id: str, function: str, error: xdr.SCError) -> None:
        """`log`: the VM that ran `function` ended with the error of a host function."""
        values = [
            value_wire.string(b"VM call trapped with HostError"),
            _name(function),
            value_wire.error(error),
        ]
        self._diagnostic(contract_id, (_LOG,), values)

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
            [logged.event() for logged in self._logged if logged.kind is _CONTRACT and not logged.failed]
        )

    def diagnostic_events(self) -> tuple[bytes, ...]:
        """All of it, as XDR `DiagnosticEvent`s."""
        return tuple([logged.diagnostic() for logged in self._logged])

    def report(self, error: xdr.SCError) -> str:
        """The text with which a node answers: the error, then the log from the newest event on.

        The host takes the log down with the error: that its VM then ended comes too late.
        """
        end = len(self._logged)
        while end and self._logged[end - 1].is_of_vm:
            end -= 1
        lines = [f"HostError: {describe_error(error)}", "", "Event log (newest first):"]
        for number, logged in enumerate(reversed(self._logged[max(end - _MAX_REPORTED, 0) : end])):
            lines.append(f"   {number}: {logged.describe()}")
        if end > _MAX_REPORTED:
            lines.append(f"   {_MAX_REPORTED}: ... elided ...")
        return "\n".join(lines) + "\n\n"

    def _diagnostic(
        self, contract_id: str | None, topics: tuple[bytes, ...], values: Sequence[bytes]
    ) -> None:
        data = value_wire.VOID
        if values:
            data = values[0] if len(values) == 1 else value_wire.vector(values)
        self._logged.append(_Logged(_DIAGNOSTIC, contract_id, topics, data))


def _decoded(value: bytes) -> xdr.SCVal:
    return WireReader(value).value(_MAX_DEPTH)


@lru_cache(maxsize=1_024)
def _contract(contract_id: str) -> bytes:
    return value_wire.binary(contract_hash(contract_id))


@lru_cache(maxsize=1_024)
def _name(function: str) -> bytes:
    return value_wire.symbol(function.encode())
