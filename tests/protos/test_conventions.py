"""What all messages have in common, beyond what the linter knows."""

import re

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

_READING_VERBS = ("Get", "List", "Watch", "Export", "Reconcile")
_LANGUAGE_OPTIONS = {"go_package", "java_package", "csharp_namespace", "php_namespace", "ruby_package"}


def _messages(files: list[FileDescriptorProto]) -> dict[str, DescriptorProto]:
    return {message.name: message for file in files for message in file.message_type}


def _fields(files: list[FileDescriptorProto]) -> list[tuple[str, FieldDescriptorProto]]:
    return [
        (f"{message.name}.{field.name}", field)
        for message in _messages(files).values()
        for field in message.field
    ]


def _field_names(message: DescriptorProto) -> set[str]:
    return {field.name for field in message.field}


def test_every_call_that_changes_something_carries_a_request_id(
    proto_files: list[FileDescriptorProto],
) -> None:
    messages = _messages(proto_files)
    for file in proto_files:
        for method in (method for service in file.service for method in service.method):
            both_ways = method.client_streaming and method.server_streaming
            if not both_ways and not method.name.startswith(_READING_VERBS):
                request = messages[method.input_type.rsplit(".", 1)[1]]
                assert "request_id" in _field_names(request), method.name


def test_every_streamed_message_carries_a_sequence(proto_files: list[FileDescriptorProto]) -> None:
    messages = _messages(proto_files)
    for file in proto_files:
        for method in (method for service in file.service for method in service.method):
            streamed = [method.input_type] * method.client_streaming + [
                method.output_type
            ] * method.server_streaming
            for name in streamed:
                assert "sequence" in _field_names(messages[name.rsplit(".", 1)[1]]), name


def test_amounts_are_signed_64_bit_stroops(proto_files: list[FileDescriptorProto]) -> None:
    for name, field in _fields(proto_files):
        if name.endswith("_stroops"):
            assert field.type == FieldDescriptorProto.TYPE_INT64, name
        assert not name.endswith(("_amount", ".amount", "_kale", "_xlm")), f"{name} has no unit"


def test_hashes_and_entropy_are_bytes(proto_files: list[FileDescriptorProto]) -> None:
    for name, field in _fields(proto_files):
        if re.search(r"(\.|_)(hash|entropy)$", name):
            assert field.type == FieldDescriptorProto.TYPE_BYTES, name


def test_times_and_durations_are_the_well_known_types(proto_files: list[FileDescriptorProto]) -> None:
    for name, field in _fields(proto_files):
        if re.search(r"(_time|\.timestamp|\.deadline|_since|\.time|_age|_left|_delay|\.interval)$", name):
            assert field.type_name in (".google.protobuf.Timestamp", ".google.protobuf.Duration"), name
        assert not re.search(r"_(seconds|minutes|ms|millis)$", name), f"{name} is a Duration"


def test_lists_are_paged_by_size_and_token(proto_files: list[FileDescriptorProto]) -> None:
    for name, message in _messages(proto_files).items():
        if name.startswith("List") and name.endswith("Request"):
            assert {"page_size", "page_token"} <= _field_names(message), name
        if name.startswith("List") and name.endswith("Response"):
            assert "next_page_token" in _field_names(message), name


def test_every_file_generates_for_other_languages_without_options(
    proto_files: list[FileDescriptorProto],
) -> None:
    for file in proto_files:
        given = {option.name for option, _ in file.options.ListFields()}
        assert given >= _LANGUAGE_OPTIONS, file.name


def test_only_googles_well_known_types_are_imported(proto_files: list[FileDescriptorProto]) -> None:
    for file in proto_files:
        for dependency in file.dependency:
            assert dependency.startswith(("kalepool/v1/", "google/protobuf/")), dependency
