"""simulateTransaction: every failure is a result with an `error`, never a JSON-RPC error."""

from typing import Any

from localnet.chain.chain_view import ChainView
from localnet.ledger.meta import ledger_entry
from localnet.ledger.state import EntryChange
from localnet.ledger.wire import base64_text
from localnet.rpc.jsonrpc import Params, Result
from localnet.rpc.parameters import (
    decode_base64,
    format_refusal,
    optional,
    optional_uint32,
    required_text,
)
from localnet.transactions.envelopes import EnvelopeError, decode_envelope
from localnet.transactions.proposal import Proposal
from localnet.transactions.simulation import (
    AuthMode,
    CallResult,
    Simulation,
    SimulationError,
    SimulationOptions,
    Simulator,
)


class Simulations:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def simulate(self, params: Params) -> Result:
        try:
            return _describe(self._simulate(params))
        except SimulationError as error:
            described: dict[str, Any] = {"error": str(error), "latestLedger": error.latest_ledger}
            if error.events:
                described["events"] = [base64_text(event) for event in error.events]
            return described

    def _simulate(self, params: Params) -> Simulation:
        refusal = format_refusal(params)
        if refusal is not None:
            raise SimulationError(refusal)
        options = _options(params)
        try:
            raw = decode_base64(required_text(params, "transaction"))
            envelope = decode_envelope(raw, self._chain.network_id)
        except (EnvelopeError, ValueError) as error:
            raise SimulationError("Could not unmarshal transaction") from error
        chain = self._chain
        return Simulator(chain.state, chain.ledger_info(), chain.settings).simulate(envelope, options)


def _options(params: Params) -> SimulationOptions:
    config: dict[str, Any] = optional(params, "resourceConfig", dict) or {}
    mode = optional(params, "authMode", str)
    try:
        auth_mode = AuthMode(mode) if mode else None
    except ValueError as error:
        modes = ",".join(known.value for known in AuthMode)
        raise SimulationError(f"optional 'authMode' must be one of {modes} when included") from error
    return SimulationOptions(
        auth_mode=auth_mode,
        instruction_leeway=optional_uint32(config, "instructionLeeway"),
        address_bound_auth=optional(params, "useUpgradedAuth", bool) or False,
    )


def _describe(simulation: Simulation) -> Result:
    described: dict[str, Any] = {
        **_describe_proposal(simulation.proposal),
        "latestLedger": simulation.latest_ledger,
    }
    if simulation.result is not None:
        described["results"] = [_describe_result(simulation.result)]
    if simulation.changes:
        described["stateChanges"] = [_describe_change(change) for change in simulation.changes]
    if simulation.events:
        described["events"] = [base64_text(event) for event in simulation.events]
    if simulation.restoring is not None:
        described["restorePreamble"] = _describe_proposal(simulation.restoring)
    return described


def _describe_proposal(proposal: Proposal) -> dict[str, str]:
    return {
        "transactionData": base64_text(proposal.transaction_data),
        "minResourceFee": str(proposal.resource_fee_stroops),
    }


def _describe_result(result: CallResult) -> dict[str, Any]:
    return {
        "auth": [base64_text(entry) for entry in result.auth],
        "xdr": base64_text(result.return_value),
    }


def _describe_change(change: EntryChange) -> dict[str, str | None]:
    kind = "updated"
    if change.before is None:
        kind = "created"
    elif change.after is None:
        kind = "deleted"
    return {
        "type": kind,
        "key": base64_text(change.key),
        "before": None if change.before is None else base64_text(ledger_entry(change.before)),
        "after": None if change.after is None else base64_text(ledger_entry(change.after)),
    }
