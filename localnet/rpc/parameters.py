"""Reading a request's parameters: the right type, or the error that a node gives."""

import base64
import binascii
from typing import Any, TypeVar, cast

from localnet.rpc.jsonrpc import INVALID_PARAMS, Params, RpcError

_T = TypeVar("_T")
_NAMES = {str: "string", int: "number", list: "array", dict: "object", bool: "boolean"}
_UINT32_MAX = 2**32 - 1


def invalid(message: str, data: str | None = None) -> RpcError:
    return RpcError(INVALID_PARAMS, message, data)


def optional(params: Params, name: str, kind: type[_T]) -> _T | None:
    """A parameter of a JSON type, or None where it is absent or null."""
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise invalid("invalid parameters", f"{name} must be a JSON {_NAMES[kind]}")
    return value


def required_text(params: Params, name: str) -> str:
    """A text; an absent one is empty, as in Go."""
    return optional(params, name, str) or ""


def optional_uint32(params: Params, name: str) -> int:
    """A number between 0 and 2^32 − 1; an absent one is 0, as in Go."""
    value = optional(params, name, int) or 0
    if not 0 <= value <= _UINT32_MAX:
        raise invalid("invalid parameters", f"{name} is {value}, must be between 0 and {_UINT32_MAX}")
    return value


def optional_texts(params: Params, name: str) -> list[str]:
    values = cast("list[Any]", optional(params, name, list) or [])
    for position, value in enumerate(values):
        if not isinstance(value, str):
            raise invalid("invalid parameters", f"{name}[{position}] must be a JSON string")
    return values


def decode_base64(text: str) -> bytes:
    """Standard base64 with padding; ValueError otherwise."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"invalid base64: {error}") from error


def require_base64_format(params: Params, code: int = INVALID_PARAMS) -> None:
    """Refuses an unknown `xdrFormat`; the localnet answers in base64 only."""
    refusal = format_refusal(params)
    if refusal is not None:
        raise RpcError(code, refusal)


def format_refusal(params: Params) -> str | None:
    """What is wrong with the request's `xdrFormat`."""
    chosen = optional(params, "xdrFormat", str) or "base64"
    if chosen == "json":
        return "xdrFormat 'json' is not available on the local network"
    if chosen != "base64":
        return f"got '{chosen}': expected base64, json for optional 'xdrFormat'"
    return None
