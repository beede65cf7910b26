"""The credentials of an authorisation entry, and what an address signs for them (CAP-46-11, CAP-71)."""

from hashlib import sha256

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.value_wire import encode_address

_CREDENTIALS = xdr.SorobanCredentialsType
_WITH_ADDRESS = wire.int32(xdr.EnvelopeType.ENVELOPE_TYPE_SOROBAN_AUTHORIZATION_WITH_ADDRESS)
_WITHOUT_ADDRESS = wire.int32(xdr.EnvelopeType.ENVELOPE_TYPE_SOROBAN_AUTHORIZATION)


def address_credentials(credentials: xdr.SorobanCredentials) -> xdr.SorobanAddressCredentials | None:
    """What an address signed; None for the source account's credentials.

    ValueError for delegates that are not sorted by address, or that repeat one.
    """
    if credentials.type is _CREDENTIALS.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT:
        return None
    if credentials.address_with_delegates is not None:
        _check_order(credentials.address_with_delegates.delegates)
        return credentials.address_with_delegates.address_credentials
    signed = credentials.address or credentials.address_v2
    assert signed is not None, "all other kinds are an address's"
    return signed


def _check_order(delegates: list[xdr.SorobanDelegateSignature]) -> None:
    addresses = [encode_address(delegate.address) for delegate in delegates]
    if addresses != sorted(set(addresses)):
        raise ValueError("delegates are not in the order of their addresses, each once")
    for delegate in delegates:
        _check_order(delegate.nested_delegates)


def authorization_payload(network_id: bytes, credentials: xdr.SorobanCredentials, invocation: bytes) -> bytes:
    """The 32 bytes that an address and its delegates sign for a call tree (XDR).

    They hash a `HashIDPreimage`; all but the oldest arm of credentials include the address.
    """
    signed = address_credentials(credentials)
    if signed is None:
        raise ValueError("source account credentials carry no signature")
    terms = wire.int64(signed.nonce.int64) + wire.uint32(signed.signature_expiration_ledger.uint32)
    if credentials.address is None:
        preimage = _WITH_ADDRESS + network_id + terms + encode_address(signed.address) + invocation
    else:
        preimage = _WITHOUT_ADDRESS + network_id + terms + invocation
    return sha256(preimage).digest()
