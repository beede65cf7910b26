"""Who reads only the protos knows what everything means."""

import re

from google.protobuf.descriptor_pb2 import FileDescriptorProto

from kalepool.v1.errors_pb2 import Reason
from tests.protos.elements import named_elements

_REASON_NAME = re.compile(r"\bREASON_[A-Z_]+\b")
_SHORTEST_COMMENT = 4


def test_everything_has_a_comment(proto_files: list[FileDescriptorProto]) -> None:
    elements = [element for file in proto_files for element in named_elements(file)]
    assert len(elements) > 500, "the files were not read"
    assert [e.name for e in elements if len(e.comment) < _SHORTEST_COMMENT] == []


def test_every_file_says_what_it_is_for(proto_files: list[FileDescriptorProto]) -> None:
    first_line = (12,)  # the path of the syntax statement
    for file in proto_files:
        comments = [
            loc.leading_comments for loc in file.source_code_info.location if tuple(loc.path) == first_line
        ]
        assert any(comments), file.name


def test_comments_name_only_reasons_that_exist(proto_files: list[FileDescriptorProto]) -> None:
    for file in proto_files:
        for location in file.source_code_info.location:
            named = set(_REASON_NAME.findall(location.leading_comments))
            assert named <= set(Reason.keys()), file.name


def test_every_service_and_stream_names_its_reasons(proto_files: list[FileDescriptorProto]) -> None:
    for file in proto_files:
        services = {service.name for service in file.service}
        for element in named_elements(file):
            if element.name in services:
                assert "REASON_" in element.comment, element.name


def test_every_reason_names_its_fault_first(proto_files: list[FileDescriptorProto]) -> None:
    faults = "farmer|backend|pooler|network|outsider|miner|caller"
    for file in proto_files:
        for element in named_elements(file):
            if element.name.startswith("Reason.") and not element.name.endswith("_UNSPECIFIED"):
                assert re.match(rf"\[({faults})\] ", element.comment), element.name


def test_every_number_in_stroops_says_so(proto_files: list[FileDescriptorProto]) -> None:
    for file in proto_files:
        for element in named_elements(file):
            if element.name.endswith("_stroops"):
                assert "stroops" in element.comment, element.name
