"""A contract call of the localnet's own accounts, prepared as a client does it: by simulation."""

from stellar_sdk import InvokeHostFunction, TransactionEnvelope, xdr

from localnet.chain.chain import Chain
from localnet.transactions.envelopes import decode_envelope
from localnet.transactions.simulation import SimulationOptions, Simulator


def prepare_call(chain: Chain, envelope: TransactionEnvelope) -> None:
    """Puts authorisation, resources and their fee into an unsigned transaction of one call.

    Raises SimulationError if the call would fail.
    """
    unsigned = decode_envelope(envelope.to_xdr_object().to_xdr_bytes(), chain.network_id)
    simulator = Simulator(chain.state, chain.ledger_info(), chain.settings)
    simulated = simulator.simulate(unsigned, SimulationOptions())
    assert simulated.result is not None, "it is a call"
    (call,) = envelope.transaction.operations
    assert isinstance(call, InvokeHostFunction)
    call.auth = [xdr.SorobanAuthorizationEntry.from_xdr_bytes(entry) for entry in simulated.result.auth]
    envelope.transaction.soroban_data = xdr.SorobanTransactionData.from_xdr_bytes(
        simulated.proposal.transaction_data
    )
    envelope.transaction.fee += simulated.proposal.resource_fee_stroops
