"""simulateTransaction: every failure is a result with an `error`, never a JSON-RPC error."""

from collections.abc import Mapping
from typing import Any, Final

from stellar_sdk import xdr

from localnet.chain.chain_view import ChainView
from localnet.ledger.meta import ledger_entry_as_of
from localnet.ledger.state import EntryChange
from localnet.rpc.jsonrpc import Result
from localnet.rpc.parameters import FLAG, TEXT, UINT64, Params, Structure, decode_base64
from localnet.rpc.xdr_format import XdrFormat, chosen_format, format_refusal
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

SIMULATE_TRANSACTION: Final = Structure(
    "SimulateTransactionRequest",
    {
        "transaction": TEXT,
        "resourceConfig": Structure("ResourceConfig", {"instructionLeeway": UINT64}),
        "authMode": TEXT,
        "xdrFormat": TEXT,
        "useUpgradedAuth": FLAG,
    },
)


class Simulations:
    def __init__(self, chain: ChainView) -> None:
        self._chain = chain

    def simulate(self, params: Params) -> Result:
        refusal = format_refusal(params)
        if refusal is not None:
            return {"error": refusal, "latestLedger": 0}
        xdr_format = chosen_format(params)
        try:
            return _describe(self._simulate(params), xdr_format)
        except SimulationError as error:
            described: dict[str, Any] = {"error": str(error), "latestLedger": error.latest_ledger}
            if error.events:
                described[f"events{xdr_format.bare_suffix}"] = xdr_format.encode_all(
                    xdr.DiagnosticEvent, error.events
                )
            return described

    def _simulate(self, params: Params) -> Simulation:
        try:
            raw = decode_base64(params.get("transaction", ""))
            envelope = decode_envelope(raw, self._chain.network_id)
        except (EnvelopeError, ValueError) as error:
            raise SimulationError("Could not unmarshal transaction") from error
        chain = self._chain
        simulator = Simulator(chain.state, chain.ledger_info(), chain.settings)
        return simulator.simulate(envelope, _options(params))


def _options(params: Params) -> SimulationOptions:
    config: Params = params.get("resourceConfig", {})
    mode = params.get("authMode")
    try:
        auth_mode = AuthMode(mode) if mode else None
    except ValueError as error:
        modes = ",".join(known.value for known in AuthMode)
        raise SimulationError(f"optional 'authMode' must be one of {modes} when included") from error
    return SimulationOptions(
        auth_mode=auth_mode,
        instruction_leeway=config.get("instructionLeeway", 0),
        address_bound_auth=params.get("useUpgradedAuth", False),
    )


def _describe(simulation: Simulation, xdr_format: XdrFormat) -> Result:
    described: dict[str, Any] = {
        **_describe_proposal(simulation.proposal, xdr_format),
        "latestLedger": simulation.latest_ledger,
    }
    if simulation.result is not None:
        described["results"] = [_describe_result(simulation.result, xdr_format)]
    if simulation.changes:
        described["stateChanges"] = [_describe_change(change, xdr_format) for change in simulation.changes]
    if simulation.events:
        described[f"events{xdr_format.bare_suffix}"] = xdr_format.encode_all(
            xdr.DiagnosticEvent, simulation.events
        )
    if simulation.restoring is not None:
        described["restorePreamble"] = _describe_proposal(simulation.restoring, xdr_format)
    return described


def _describe_proposal(proposal: Proposal, xdr_format: XdrFormat) -> Mapping[str, Any]:
    data = xdr_format.encode(xdr.SorobanTransactionData, proposal.transaction_data)
    return {
        f"transactionData{xdr_format.bare_suffix}": data,
        "minResourceFee": str(proposal.resource_fee_stroops),
    }


def _describe_result(result: CallResult, xdr_format: XdrFormat) -> Mapping[str, Any]:
    """Without authorisation the list is empty in base64 and absent in JSON."""
    auth = xdr_format.encode_all(xdr.SorobanAuthorizationEntry, result.auth)
    value = xdr_format.encode(xdr.SCVal, result.return_value)
    if xdr_format is XdrFormat.BASE64:
        return {"auth": auth, "xdr": value}
    return {"returnValueJson": value, **({"authJson": auth} if auth else {})}


def _describe_change(change: EntryChange, xdr_format: XdrFormat) -> dict[str, Any]:
    """`before` and `after` are always there in base64, null where there was or is no entry.

    A simulated call leaves the ledger of an entry's last change alone; it is 0 in a new one.
    """
    before, after = change.before, change.after
    kind = "updated"
    if before is None:
        kind = "created"
    elif after is None:
        kind = "deleted"
    described: dict[str, Any] = {
        "type": kind,
        f"key{xdr_format.bare_suffix}": xdr_format.encode(xdr.LedgerKey, change.key),
        "before": None,
        "after": None,
    }
    last_modified = 0 if before is None else before.last_modified
    for name, entry in (("before", before), ("after", after)):
        if entry is not None:
            encoded = ledger_entry_as_of(entry, last_modified)
            described[f"{name}{xdr_format.bare_suffix}"] = xdr_format.encode(xdr.LedgerEntry, encoded)
    return described
