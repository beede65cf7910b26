"""XDR of contract calls and of who authorises them, by joining; what calls no contract is left to the SDK."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from stellar_sdk import xdr

from kale.addresses import sc_address
from localnet.ledger import wire
from localnet.ledger.value_wire import encode_address, encode_value

_CALL: Final = wire.int32(xdr.HostFunctionType.HOST_FUNCTION_TYPE_INVOKE_CONTRACT)
_AUTHORIZED_CALL: Final = wire.int32(
    xdr.SorobanAuthorizedFunctionType.SOROBAN_AUTHORIZED_FUNCTION_TYPE_CONTRACT_FN
)
_BY_SOURCE: Final = wire.int32(xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)


def encode_host_function(function: xdr.HostFunction) -> bytes:
    """XDR `HostFunction`."""
    call = function.invoke_contract
    return function.to_xdr_bytes() if call is None else _CALL + _encode_call(call)


def encode_authorized_function(function: xdr.SorobanAuthorizedFunction) -> bytes:
    """XDR `SorobanAuthorizedFunction`."""
    call = function.contract_fn
    return function.to_xdr_bytes() if call is None else _AUTHORIZED_CALL + _encode_call(call)


def encode_authorization(entry: xdr.SorobanAuthorizationEntry) -> bytes:
    """XDR `SorobanAuthorizationEntry`."""
    return encode_credentials(entry.credentials) + _encode_invocation(entry.root_invocation)


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


def _encode_invocation(invocation: xdr.SorobanAuthorizedInvocation) -> bytes:
    function = encode_authorized_function(invocation.function)
    return function + wire.array(map(_encode_invocation, invocation.sub_invocations))


def _encode_call(call: xdr.InvokeContractArgs) -> bytes:
    return (
        encode_address(call.contract_address)
        + wire.opaque(call.function_name.sc_symbol)
        + wire.array(map(encode_value, call.args))
    )
