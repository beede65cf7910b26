"""Everything in a proto file that has a name, with its comment."""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

# Field numbers of descriptor.proto, of which source info makes its paths.
_FILE_MESSAGE, _FILE_ENUM, _FILE_SERVICE = 4, 5, 6
_MESSAGE_FIELD, _MESSAGE_NESTED, _MESSAGE_ENUM, _MESSAGE_ONEOF = 2, 3, 4, 8
_ENUM_VALUE, _SERVICE_METHOD = 2, 2

_Path = tuple[int, ...]


@dataclass(frozen=True)
class Element:
    """A message, field, oneof, enum, enum value, service or RPC."""

    name: str
    comment: str


def named_elements(file: FileDescriptorProto) -> list[Element]:
    comments = {
        tuple(location.path): location.leading_comments.strip() for location in file.source_code_info.location
    }
    return [Element(name, comments.get(path, "")) for path, name in _paths(file)]


def _paths(file: FileDescriptorProto) -> Iterator[tuple[_Path, str]]:
    for i, message in enumerate(file.message_type):
        yield from _paths_of_message((_FILE_MESSAGE, i), message, message.name)
    for i, enum in enumerate(file.enum_type):
        yield from _paths_of_enum((_FILE_ENUM, i), enum, enum.name)
    for i, service in enumerate(file.service):
        yield (_FILE_SERVICE, i), service.name
        for j, method in enumerate(service.method):
            yield (_FILE_SERVICE, i, _SERVICE_METHOD, j), f"{service.name}/{method.name}"


def _paths_of_message(path: _Path, message: DescriptorProto, name: str) -> Iterator[tuple[_Path, str]]:
    yield path, name
    for i, field in enumerate(message.field):
        yield (*path, _MESSAGE_FIELD, i), f"{name}.{field.name}"
    made_for_optional = {field.oneof_index for field in message.field if field.proto3_optional}
    for i, oneof in enumerate(message.oneof_decl):
        if i not in made_for_optional:
            yield (*path, _MESSAGE_ONEOF, i), f"{name}.{oneof.name}"
    for i, nested in enumerate(message.nested_type):
        yield from _paths_of_message((*path, _MESSAGE_NESTED, i), nested, f"{name}.{nested.name}")
    for i, enum in enumerate(message.enum_type):
        yield from _paths_of_enum((*path, _MESSAGE_ENUM, i), enum, f"{name}.{enum.name}")


def _paths_of_enum(path: _Path, enum: EnumDescriptorProto, name: str) -> Iterator[tuple[_Path, str]]:
    yield path, name
    for i, value in enumerate(enum.value):
        yield (*path, _ENUM_VALUE, i), f"{name}.{value.name}"
