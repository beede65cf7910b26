"""How the host prints and orders values."""

from collections.abc import Sequence
from typing import Any, Final

from stellar_sdk import Address, scval, xdr

from kale.addresses import contract_text
from localnet.ledger.value_wire import encode_address

_KIND: Final = xdr.SCValType

#: The names that the host prints for its error types and codes.
_ERROR_TYPES: Final = {
    xdr.SCErrorType.SCE_CONTRACT: "Contract",
    xdr.SCErrorType.SCE_WASM_VM: "WasmVm",
    xdr.SCErrorType.SCE_CONTEXT: "Context",
    xdr.SCErrorType.SCE_STORAGE: "Storage",
    xdr.SCErrorType.SCE_OBJECT: "Object",
    xdr.SCErrorType.SCE_CRYPTO: "Crypto",
    xdr.SCErrorType.SCE_EVENTS: "Events",
    xdr.SCErrorType.SCE_BUDGET: "Budget",
    xdr.SCErrorType.SCE_VALUE: "Value",
    xdr.SCErrorType.SCE_AUTH: "Auth",
}
_ERROR_CODES: Final = {
    xdr.SCErrorCode.SCEC_ARITH_DOMAIN: "ArithDomain",
    xdr.SCErrorCode.SCEC_INDEX_BOUNDS: "IndexBounds",
    xdr.SCErrorCode.SCEC_INVALID_INPUT: "InvalidInput",
    xdr.SCErrorCode.SCEC_MISSING_VALUE: "MissingValue",
    xdr.SCErrorCode.SCEC_EXISTING_VALUE: "ExistingValue",
    xdr.SCErrorCode.SCEC_EXCEEDED_LIMIT: "ExceededLimit",
    xdr.SCErrorCode.SCEC_INVALID_ACTION: "InvalidAction",
    xdr.SCErrorCode.SCEC_INTERNAL_ERROR: "InternalError",
    xdr.SCErrorCode.SCEC_UNEXPECTED_TYPE: "UnexpectedType",
    xdr.SCErrorCode.SCEC_UNEXPECTED_SIZE: "UnexpectedSize",
}

_NUMBERS: Final = frozenset(
    {
        _KIND.SCV_U32,
        _KIND.SCV_I32,
        _KIND.SCV_U64,
        _KIND.SCV_I64,
        _KIND.SCV_TIMEPOINT,
        _KIND.SCV_DURATION,
        _KIND.SCV_U128,
        _KIND.SCV_I128,
        _KIND.SCV_U256,
        _KIND.SCV_I256,
    }
)


def describe_error(error: xdr.SCError) -> str:
    """`Error(Contract, #10)`, `Error(Auth, InvalidAction)`."""
    if error.contract_code is not None:
        return f"Error(Contract, #{error.contract_code.uint32})"
    code = _ERROR_CODES[error.code] if error.code is not None else "InternalError"
    return f"Error({_ERROR_TYPES[error.type]}, {code})"


def describe(value: xdr.SCVal) -> str:
    """A value as the host's event log shows it."""
    if value.error is not None:
        return describe_error(value.error)
    if value.bytes is not None:
        return f"Bytes({value.bytes.sc_bytes.hex()})"
    if value.str is not None:
        return f'"{value.str.sc_string.decode(errors="replace")}"'
    if value.sym is not None:
        return value.sym.sc_symbol.decode(errors="replace")
    if value.address is not None:
        return Address.from_xdr_sc_address(value.address).address
    if value.b is not None:
        return "true" if value.b else "false"
    if value.vec is not None:
        return "[" + ", ".join(describe(item) for item in value.vec.sc_vec) + "]"
    if value.map is not None:
        return (
            "{" + ", ".join(f"{describe(item.key)}: {describe(item.val)}" for item in value.map.sc_map) + "}"
        )
    return _describe_plain(value)


def _describe_plain(value: xdr.SCVal) -> str:
    empty = {_KIND.SCV_VOID: "Void", _KIND.SCV_VEC: "[]", _KIND.SCV_MAP: "{}"}
    if value.type in empty:
        return empty[value.type]
    if value.timepoint is not None:
        return f"TimePoint({value.timepoint.time_point.uint64})"
    if value.duration is not None:
        return f"Duration({value.duration.duration.uint64})"
    if value.nonce_key is not None:
        return f"LedgerKeyNonce({value.nonce_key.nonce.int64})"
    if value.type is _KIND.SCV_LEDGER_KEY_CONTRACT_INSTANCE:
        return "LedgerKeyContractInstance"
    if value.instance is not None:
        wasm = value.instance.executable.wasm_hash
        return f"ContractInstance({f'Wasm({wasm.hash.hex()})' if wasm is not None else 'StellarAsset'})"
    if value.executable_tag is not None:
        return f'ExecutableTag("{value.executable_tag.sc_string.decode(errors="replace")}")'
    return str(scval.to_native(value))


def describe_event(
    kind: xdr.ContractEventType,
    contract_id: str | None,
    topics: Sequence[xdr.SCVal],
    data: xdr.SCVal,
    *,
    failed: bool,
) -> str:
    """One line of the event log, without its number."""
    name = kind.name.capitalize()
    opening = f"[Failed {name} Event (not emitted)]" if failed else f"[{name} Event]"
    contract = "" if contract_id is None else f"contract:{contract_id}, "
    described = [describe(topic) for topic in topics]
    callee = topics[1].bytes if len(topics) > 1 else None
    if described[0] == "fn_call" and callee is not None:
        described[1] = contract_text(callee.sc_bytes)
    return f"{opening} {contract}topics:[{', '.join(described)}], data:{describe(data)}"


def value_order(value: xdr.SCVal) -> tuple[Any, ...]:
    """A sort key in the host's order: by type, then by content; text by bytes, not by length."""
    kind = value.type.value
    if value.sym is not None:
        return (kind, value.sym.sc_symbol)
    if value.str is not None:
        return (kind, value.str.sc_string)
    if value.bytes is not None:
        return (kind, value.bytes.sc_bytes)
    if value.vec is not None:
        return (kind, tuple(value_order(item) for item in value.vec.sc_vec))
    if value.map is not None:
        return (kind, tuple((value_order(item.key), value_order(item.val)) for item in value.map.sc_map))
    if value.address is not None:
        return (kind, encode_address(value.address))
    if value.b is not None:
        return (kind, value.b)
    if value.nonce_key is not None:
        return (kind, value.nonce_key.nonce.int64)
    return (kind, scval.to_native(value)) if value.type in _NUMBERS else (kind,)
