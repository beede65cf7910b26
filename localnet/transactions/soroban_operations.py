"""The three Soroban operations: which rules they have, and what applies them."""

from stellar_sdk.xdr import OperationType

from localnet.ledger.state import Layer
from localnet.network_settings import NetworkSettings
from localnet.soroban.invocation import LedgerInfo
from localnet.transactions.contract_call import apply_call
from localnet.transactions.envelopes import Envelope
from localnet.transactions.lifetime_operations import (
    apply_extend,
    apply_restore,
    extend_refusal,
    restore_refusal,
)
from localnet.transactions.soroban_effect import SorobanEffect
from localnet.transactions.soroban_fault import RefusedOperation


def soroban_refusal(envelope: Envelope, settings: NetworkSettings) -> RefusedOperation | None:
    """A Soroban transaction's operation that is malformed in itself; None for a sound one."""
    kind = envelope.transaction.operations[0].type
    if kind is OperationType.EXTEND_FOOTPRINT_TTL:
        return extend_refusal(envelope, settings)
    if kind is OperationType.RESTORE_FOOTPRINT:
        return restore_refusal(envelope)
    return None


def apply_soroban(
    envelope: Envelope, source: bytes, layer: Layer, ledger: LedgerInfo, settings: NetworkSettings
) -> SorobanEffect:
    """Applies a valid Soroban transaction's operation for its source account `source`.

    Writes into `layer` only if it succeeds.
    """
    kind = envelope.transaction.operations[0].type
    if kind is OperationType.EXTEND_FOOTPRINT_TTL:
        return apply_extend(envelope, layer, ledger, settings)
    if kind is OperationType.RESTORE_FOOTPRINT:
        return apply_restore(envelope, layer, ledger, settings)
    return apply_call(envelope, source, layer, ledger, settings)
