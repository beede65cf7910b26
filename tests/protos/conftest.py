"""The protos as descriptors, with their comments."""

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tests.protos.tools import run_buf, said


@pytest.fixture(scope="session")
def proto_files() -> list[FileDescriptorProto]:
    """Our own files, source info included."""
    built = run_buf("build", "--as-file-descriptor-set", "-o", "-")
    assert built.returncode == 0, said(built)
    files = FileDescriptorSet.FromString(built.stdout).file
    return [file for file in files if file.package == "kalepool.v1"]
