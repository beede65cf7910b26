"""The credentials of an authorisation entry, and what an address signs for them (CAP-46-11, CAP-71)."""

from hashlib import sha256

from stellar_sdk import xdr

_CREDENTIALS = xdr.SorobanCredentialsType


def address_credentials(credentials: xdr.SorobanCredentials) -> xdr.SorobanAddressCredentials | None:
    """What an address signed; None for the source account's credentials.

    ValueError for the delegated arm, which the localnet does not take.
    """
    if credentials.type is _CREDENTIALS.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT:
        return None
    signed = credentials.address or credentials.address_v2
    if signed is None:
        raise ValueError(f"credentials are {credentials.type.name}, must be source account or address")
    return signed


def authorization_payload(
    network_id: bytes, credentials: xdr.SorobanCredentials, invocation: xdr.SorobanAuthorizedInvocation
) -> bytes:
    """The 32 bytes that an address signs; the ADDRESS_V2 arm includes the address itself."""
    signed = address_credentials(credentials)
    if signed is None:
        raise ValueError("source account credentials carry no signature")
    if credentials.address_v2 is not None:
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
