"""XDR of contract calls and of who authorises them, by joining; what calls no contract is left to the SDK."""

from typing import Final

from stellar_sdk import xdr

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
    by_source = entry.credentials.type is xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT
    credentials = _BY_SOURCE if by_source else entry.credentials.to_xdr_bytes()
    return credentials + _encode_invocation(entry.root_invocation)


def _encode_invocation(invocation: xdr.SorobanAuthorizedInvocation) -> bytes:
    function = encode_authorized_function(invocation.function)
    return function + wire.array(map(_encode_invocation, invocation.sub_invocations))


def _encode_call(call: xdr.InvokeContractArgs) -> bytes:
    return (
        encode_address(call.contract_address)
        + wire.opaque(call.function_name.sc_symbol)
        + wire.array(map(encode_value, call.args))
    )
