"""What a Soroban operation came to, and how it fails."""

from typing import NamedTuple

from localnet.ledger.events import Event
from localnet.ledger.meta import SorobanCharge
from localnet.transactions.soroban_fault import SorobanFault


class SorobanEffect(NamedTuple):
    """The outcome of a Soroban transaction's one operation; `result` is XDR `OperationResult`."""

    succeeded: bool
    result: bytes
    charge: SorobanCharge
    return_value: bytes | None = None
    events: tuple[Event, ...] = ()
    diagnostic_events: tuple[bytes, ...] = ()


def failed_effect(
    result: bytes,
    fixed_stroops: int,
    fault: SorobanFault | None = None,
    diagnostic_events: tuple[bytes, ...] = (),
) -> SorobanEffect:
    """A failure: it costs what was fixed up front, and everything refundable comes back.

    What the ledger has to say follows what happened in the call.
    """
    if fault is not None:
        diagnostic_events = (*diagnostic_events, fault.diagnostic_event())
    return SorobanEffect(
        succeeded=False,
        result=result,
        charge=SorobanCharge(fixed_stroops),
        diagnostic_events=diagnostic_events,
    )
