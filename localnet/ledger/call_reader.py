"""Contract calls and who authorises them, cut out of an envelope: what the host is given, still encoded."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from stellar_sdk import xdr

from localnet.ledger import wire
from localnet.ledger.encoded_parts import MAX_SYMBOL_BYTES, read_encoded_value
from localnet.ledger.wire_reader import WireReader

_CALL: Final = xdr.HostFunctionType.HOST_FUNCTION_TYPE_INVOKE_CONTRACT
_AUTHORIZED_CALL: Final = xdr.SorobanAuthorizedFunctionType.SOROBAN_AUTHORIZED_FUNCTION_TYPE_CONTRACT_FN
_CONTRACT: Final = wire.int32(xdr.SCAddressType.SC_ADDRESS_TYPE_CONTRACT)


class ContractCall(NamedTuple):
    """XDR `InvokeContractArgs`, its arguments encoded; without a hash if what is called is no contract."""

    contract_hash: bytes | None
    function: bytes
    args: tuple[bytes, ...]


class AuthorizedCall(NamedTuple):
    """XDR `SorobanAuthorizedInvocation`: an encoded `SorobanAuthorizedFunction` and the calls below it."""

    function: bytes
    children: Sequence["AuthorizedCall"]


class Authorization(NamedTuple):
    """XDR `SorobanAuthorizationEntry`, and the whole of it encoded."""

    credentials: xdr.SorobanCredentials
    root: AuthorizedCall
    encoded: bytes


class InvokedFunction(NamedTuple):
    """XDR `InvokeHostFunctionOp`: the encoded `HostFunction`, and the call if it is one."""

    function: bytes
    call: ContractCall | None
    auth: Sequence[Authorization]


def read_invoked_function(reader: WireReader, depth: int) -> InvokedFunction:
    """Reads as the SDK does, but see WireReader; so do the others here."""
    start, call = reader.position, None
    if reader.next_is(_CALL):
        call = read_call(reader, depth - 2)
    else:
        reader.by_sdk(xdr.HostFunction, depth - 1)
    function = reader.raw[start : reader.position]
    return InvokedFunction(function, call, reader.array(read_authorization, depth - 1))


def read_authorization(reader: WireReader, depth: int) -> Authorization:
    start = reader.position
    credentials = reader.credentials(depth - 1)
    root = _read_authorized_call(reader, depth - 1)
    return Authorization(credentials, root, reader.raw[start : reader.position])


def read_call(reader: WireReader, depth: int) -> ContractCall:
    reader.check_depth(depth)
    start = reader.position
    reader.address(depth - 1)
    is_contract = reader.raw.startswith(_CONTRACT, start)
    contract_hash = reader.raw[start + len(_CONTRACT) : reader.position] if is_contract else None
    function = reader.opaque()
    if len(function) > MAX_SYMBOL_BYTES:
        raise ValueError(f"symbol of {len(function)} bytes, at most {MAX_SYMBOL_BYTES} are accepted")
    args = reader.array(read_encoded_value, depth - 1)
    return ContractCall(contract_hash, function, tuple(args))


def _read_authorized_call(reader: WireReader, depth: int) -> AuthorizedCall:
    reader.check_depth(depth)
    start = reader.position
    if reader.next_is(_AUTHORIZED_CALL):
        read_call(reader, depth - 2)
    else:
        reader.by_sdk(xdr.SorobanAuthorizedFunction, depth - 1)
    function = reader.raw[start : reader.position]
    return AuthorizedCall(function, reader.array(_read_authorized_call, depth - 1))
