"""XDR as JSON (SEP-51): the SDK's encoder, and what it leaves out.

The SDK cannot encode asset codes that are no ASCII, nor values whose optional content is absent; both can be
in what strangers send. A node writes the first as escaped ASCII and the second as null.
"""

from typing import Any, Protocol, Self

from stellar_sdk import xdr
from stellar_sdk.xdr.base import String


class XdrType(Protocol):
    """A type of the SDK's generated XDR classes."""

    @classmethod
    def from_xdr_bytes(cls, xdr: bytes) -> Self: ...

    def to_xdr_bytes(self) -> bytes: ...

    def to_json_dict(self) -> Any: ...


def as_json(kind: type[XdrType], encoded: bytes) -> Any:
    """The JSON form of an encoded structure."""
    decoded = kind.from_xdr_bytes(encoded)
    try:
        return decoded.to_json_dict()
    except (AssertionError, UnicodeDecodeError):
        _mend(decoded)
        return decoded.to_json_dict()


class _Null:
    """Content that is absent."""

    def to_json_dict(self) -> None:
        return None


def _mend(structure: Any) -> None:
    """Puts into a decoded structure what the encoder can write in place of what it cannot."""
    if isinstance(structure, list):
        for item in structure:
            _mend(item)
    elif isinstance(structure, xdr.AssetCode4):
        structure.asset_code4 = _escaped(structure.asset_code4)
    elif isinstance(structure, xdr.AssetCode12):
        structure.asset_code12 = _escaped(structure.asset_code12)
    elif hasattr(structure, "to_json_dict") and not isinstance(structure, int):
        _fill(structure)
        for part in vars(structure).values():
            _mend(part)


def _fill(structure: Any) -> None:
    if isinstance(structure, xdr.SCVal):
        if structure.type is xdr.SCValType.SCV_VEC and structure.vec is None:
            structure.vec = _Null()  # type: ignore[assignment]
        if structure.type is xdr.SCValType.SCV_MAP and structure.map is None:
            structure.map = _Null()  # type: ignore[assignment]
    elif isinstance(structure, xdr.ClaimPredicate):
        negates = structure.type is xdr.ClaimPredicateType.CLAIM_PREDICATE_NOT
        if negates and structure.not_predicate is None:
            structure.not_predicate = _Null()  # type: ignore[assignment]


def _escaped(code: bytes) -> bytes:
    if code.isascii():
        return code
    return String.to_json_dict(code.rstrip(b"\x00")).encode("ascii")
