"""Requests that no client of ours would send, made from a message's descriptor."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from stellar_sdk import Keypair

# One field of each wire type (0 varint, 1 fixed64, 2 bytes, 5 fixed32) that no message of ours has: the key
# is number << 3 | type as a varint.
UNKNOWN_FIELDS: bytes = b"".join(
    (
        b"\xc0\xbb\x01" + b"\x96\x01",
        b"\xc9\xbb\x01" + bytes(range(8)),
        b"\xd2\xbb\x01" + b"\x05hello",
        b"\xdd\xbb\x01" + bytes(range(4)),
    )
)

_DEEPEST = 4
_LONG_TEXT = "ü" * 5_000
_LONG_BYTES = b"\xff" * 5_000
_NO_KNOWN_ENUM_VALUE = 2**31 - 1
_ELEMENTS = 3

Value = Callable[[Any], Any]
"""Makes the value of a scalar field from its descriptor, which has two types: pure Python's and upb's."""

_SMALLEST: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_INT32: -(2**31),
    FieldDescriptor.CPPTYPE_INT64: -(2**63),
    FieldDescriptor.CPPTYPE_UINT32: 0,
    FieldDescriptor.CPPTYPE_UINT64: 0,
    FieldDescriptor.CPPTYPE_DOUBLE: float("-inf"),
    FieldDescriptor.CPPTYPE_BOOL: False,
    FieldDescriptor.CPPTYPE_ENUM: -1,
}
_LARGEST: dict[int, Any] = {
    FieldDescriptor.CPPTYPE_INT32: 2**31 - 1,
    FieldDescriptor.CPPTYPE_INT64: 2**63 - 1,
    FieldDescriptor.CPPTYPE_UINT32: 2**32 - 1,
    FieldDescriptor.CPPTYPE_UINT64: 2**64 - 1,
    FieldDescriptor.CPPTYPE_DOUBLE: float("nan"),
    FieldDescriptor.CPPTYPE_BOOL: True,
    FieldDescriptor.CPPTYPE_ENUM: _NO_KNOWN_ENUM_VALUE,
}


def smallest(field: Any) -> Any:
    """The least number; a text of blanks; bytes that are too short for anything."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return b"\x00" if field.type == FieldDescriptor.TYPE_BYTES else " \t\x00"
    return _SMALLEST[field.cpp_type]


def largest(field: Any) -> Any:
    """The greatest number; texts and bytes that are too long for anything."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _LONG_BYTES if field.type == FieldDescriptor.TYPE_BYTES else _LONG_TEXT
    return _LARGEST[field.cpp_type]


def well_formed_smallest(field: Any) -> Any:
    """The least number; texts and bytes that get through the checks of their form."""
    return _well_formed(field, smallest)


def well_formed_largest(field: Any) -> Any:
    """The greatest number; texts and bytes that get through the checks of their form."""
    return _well_formed(field, largest)


def _well_formed(field: Any, number: Value) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return 1
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes(32)
    if field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
        return number(field)
    if field.name.endswith(("_id", "_ids", "_key")) and field.name != "public_key":
        return str(uuid.uuid4())
    if field.name in ("public_key", "payout_wallet"):
        return Keypair.random().public_key
    if field.name == "user_email":
        return "farmer@example.org"
    return "" if field.name == "page_token" else "odd"


def odd_requests(message: type[Message]) -> Iterator[tuple[str, bytes]]:
    """(what is odd, the request's bytes): empty, unknown fields, and each variant with extreme values."""
    yield "empty", b""
    yield "unknown fields", UNKNOWN_FIELDS
    for variant in variants(message.DESCRIPTOR):
        yield f"{variant or 'message'} of nothing", bare(message, variant).SerializeToString()
        for value in EXTREMES:
            request = filled(message, variant, value)
            yield f"{variant or 'message'} of {value.__name__}", request.SerializeToString()


EXTREMES = (smallest, largest, well_formed_smallest, well_formed_largest)


def variants(descriptor: Any) -> list[str]:
    """The arms of a message's oneof; one nameless variant if it has none."""
    for oneof in descriptor.oneofs:
        if not is_made_for_optional(oneof):
            return [field.name for field in oneof.fields]
    return [""]


def is_made_for_optional(oneof: Any) -> bool:
    return str(oneof.name).startswith("_")


def bare(message: type[Message], variant: str) -> Message:
    """Only the variant's arm is there, and nothing in it."""
    made = message()
    if variant:
        getattr(made, variant).SetInParent()
    return made


def filled(message: type[Message], variant: str, value: Value) -> Message:
    """Every field set, of the oneof only the variant's arm."""
    made = message()
    _fill(made, value, variant, depth=0)
    return made


def _fill(message: Message, value: Value, variant: str, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if (
            oneof is not None
            and not is_made_for_optional(oneof)
            and field.name != (variant or oneof.fields[0].name)
        ):
            continue
        _fill_field(message, field, value, depth)


def _fill_field(message: Message, field: Any, value: Value, depth: int) -> None:
    is_message = field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE
    if is_message and depth == _DEEPEST:
        return
    if field.is_repeated:
        elements = getattr(message, field.name)
        for _ in range(_ELEMENTS):
            if is_message:
                _fill(elements.add(), value, "", depth + 1)
            else:
                elements.append(value(field))
    elif is_message:
        part = getattr(message, field.name)
        part.SetInParent()
        _fill(part, value, "", depth + 1)
    else:
        setattr(message, field.name, value(field))
