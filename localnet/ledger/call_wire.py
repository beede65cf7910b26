"""XDR of contract calls and of who authorises them, by joining; what calls no contract is left to the SDK."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from stellar_sdk import xdr

from kale.addresses import sc_address
from localnet.ledger import wire
from localnet.ledger.value_wire import encode_address

_AUTHORIZED_CALL: Final = wire.int32(
    xdr.SorobanAuthorizedFunctionType.SOROBAN_AUTHORIZED_FUNCTION_TYPE_CONTRACT_FN
)
_BY_SOURCE: Final = wire.int32(xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)


def encode_credentials(credentials: xdr.SorobanCredentials) -> bytes:
    """XDR `SorobanCredentials`."""
    by_source = credentials.type is xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT
    return _BY_SOURCE if by_source else credentials.to_xdr_bytes()


def authorized_call(contract_id: str, function: str, args: Sequence[bytes]) -> bytes:
    """XDR `SorobanAuthorizedFunction` of a call of a contract (C…), its arguments encoded."""
    return _heading(contract_id, function) + wire.array(args)


@lru_cache(maxsize=1_024)
def _heading(contract_id: str, function: str) -> bytes:
    """What comes before the arguments: who is called, and which function."""
    return _AUTHORIZED_CALL + encode_address(sc_address(contract_id)) + wire.opaque(function.encode())
