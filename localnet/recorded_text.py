"""Recorded XDR as people read it: for the differences that a replay prints."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

from stellar_sdk import xdr

from kale.addresses import address_text, contract_text
from localnet.soroban.values import describe, describe_event

_LEAST_LENGTH: Final = 8


class _HasXdr(Protocol):
    def to_xdr(self) -> str: ...


_Encodable = TypeVar("_Encodable", bound=_HasXdr)


def readable(value: object) -> str:
    """A value of a record; base64 XDR in it decoded where it can be."""
    if isinstance(value, list):
        return "[" + ", ".join(map(readable, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {readable(field)}" for name, field in value.items()) + "}"
    if isinstance(value, str):
        return _decoded(value) or value
    return str(value)


def readable_field(field: str) -> str:
    """A field's path with its keys decoded: `final_entries.[Block, 7].live_until`."""
    return ".".join(map(readable, field.split(".")))


def _decoded(text: str) -> str | None:
    """The first of the kinds that a record holds whose encoding this is to the last byte."""
    if len(text) < _LEAST_LENGTH:
        return None
    for decode in _DECODERS:
        try:
            return decode(text)
        except (ValueError, TypeError, EOFError):
            continue
    return None


def _event(text: str) -> str:
    event = _exact(xdr.ContractEvent.from_xdr(text), text)
    if event.body.v0 is None:
        raise ValueError("contract event without a body")
    contract = None if event.contract_id is None else contract_text(event.contract_id.contract_id.hash)
    return describe_event(event.type, contract, event.body.v0.topics, event.body.v0.data, failed=False)


def _key(text: str) -> str:
    data = _exact(xdr.LedgerKey.from_xdr(text), text).contract_data
    if data is None:
        raise ValueError("not the key of contract data")
    return describe(data.key)


def _invocation(text: str) -> str:
    return _describe_invocation(_exact(xdr.SorobanAuthorizedInvocation.from_xdr(text), text))


def _describe_invocation(tree: xdr.SorobanAuthorizedInvocation) -> str:
    call = tree.function.contract_fn
    if call is None:
        raise ValueError("not the call of a contract")
    name, contract = (
        call.function_name.sc_symbol.decode(errors="replace"),
        address_text(call.contract_address),
    )
    below = "".join(f" > {_describe_invocation(child)}" for child in tree.sub_invocations)
    return f"{contract}.{name}({', '.join(map(describe, call.args))}){below}"


def _value(text: str) -> str:
    return describe(_exact(xdr.SCVal.from_xdr(text), text))


def _exact(decoded: _Encodable, text: str) -> _Encodable:
    """ValueError if the text is not the whole encoding of `decoded`."""
    if decoded.to_xdr() != text:
        raise ValueError("more than one value")
    return decoded


_DECODERS: Final[tuple[Callable[[str], str], ...]] = (_event, _invocation, _key, _value)
