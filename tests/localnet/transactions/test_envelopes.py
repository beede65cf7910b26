"""Bytes that are no transaction envelope are refused."""

import pytest
from stellar_sdk import Account, TransactionBuilder, xdr

from kale.networks import LOCAL
from localnet.genesis import FAUCET
from localnet.transactions.envelopes import EnvelopeError, decode_envelope

MOST_OPERATIONS = 100
NETWORK_ID = bytes(32)


def envelope_of(operations: int) -> bytes:
    """The SDK makes none with too many, so the last ones are put in afterwards."""
    builder = TransactionBuilder(Account(FAUCET.public_key, 1), LOCAL.passphrase).add_time_bounds(0, 0)
    builder.append_bump_sequence_op(7)
    envelope = builder.build()
    envelope.sign(FAUCET)
    raw = envelope.to_xdr_object().to_xdr_bytes()
    inner = envelope.to_xdr_object().v1
    assert inner is not None
    operation = inner.tx.operations[0].to_xdr_bytes()
    start = raw.index(operation)
    return (
        raw[: start - 4]
        + xdr.Uint32(operations).to_xdr_bytes()
        + operation * operations
        + raw[start + len(operation) :]
    )


def test_a_transaction_has_at_most_100_operations() -> None:
    decoded = decode_envelope(envelope_of(MOST_OPERATIONS), NETWORK_ID)
    assert len(decoded.transaction.operations) == MOST_OPERATIONS
    with pytest.raises(EnvelopeError, match="101 operations"):
        decode_envelope(envelope_of(MOST_OPERATIONS + 1), NETWORK_ID)
