"""The credentials of an authorisation entry, and what an address signs for them (CAP-46-11, CAP-71)."""

from hashlib import sha256

from stellar_sdk import xdr

from localnet.ledger.value_wire import encode_address

_CREDENTIALS = xdr.SorobanCredentialsType


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


def authorization_payload(
    network_id: bytes, credentials: xdr.SorobanCredentials, invocation: xdr.SorobanAuthorizedInvocation
) -> bytes:
    """The 32 bytes that an address and its delegates sign; all but the oldest arm include the address."""
    signed = address_credentials(credentials)
    if signed is None:
        raise ValueError("source account credentials carry no signature")
    if credentials.address is None:
        preimage = xdr.HashIDPreimage(
            xdr.EnvelopeType.ENVELOPE_TYPE_SOROBAN_AUTHORIZATION_WITH_ADDRESS,
            soroban_authorization_with_address=xdr.HashIDPreimageSorobanAuthorizationWithAddress(
                network_id=xdr.Hash(network_id),
                nonce=signed.nonce,
                signature_expiration_ledger=signed.signature_expiration_ledger,
                address=signed.address,
                invocation=invocation,
            ),
        )
    else:
        preimage = xdr.HashIDPreimage(
            xdr.EnvelopeType.ENVELOPE_TYPE_SOROBAN_AUTHORIZATION,
            soroban_authorization=xdr.HashIDPreimageSorobanAuthorization(
                network_id=xdr.Hash(network_id),
                nonce=signed.nonce,
                signature_expiration_ledger=signed.signature_expiration_ledger,
                invocation=invocation,
            ),
        )
    return sha256(preimage.to_xdr_bytes()).digest()
