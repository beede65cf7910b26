"""The committed stubs are what the protos give."""

import os
from pathlib import Path

from tests.protos.tools import copy_protos, replace_in_proto, run_generate, said


def test_the_committed_stubs_are_what_the_protos_give() -> None:
    result = run_generate("--check")
    assert result.returncode == 0, said(result)


def test_the_check_shows_what_a_changed_proto_would_change(tmp_path: Path) -> None:
    copy = copy_protos(tmp_path)
    replace_in_proto(
        copy, "errors.proto", "FAULT_MINER = 6;", "FAULT_MINER = 6;\n  // Added.\n  FAULT_ADDED = 8;"
    )
    result = run_generate("--check", folder=copy)
    assert result.returncode == 1
    assert "FAULT_ADDED" in said(result)
    assert "run scripts/generate" in said(result)


def test_the_check_shows_a_stub_edited_by_hand(tmp_path: Path) -> None:
    copy = copy_protos(tmp_path)
    stub = copy / "generated" / "kalepool" / "v1" / "types_pb2.pyi"
    stub.write_text(stub.read_text() + "edited: int\n")
    result = run_generate("--check", folder=copy)
    assert result.returncode == 1
    assert "edited: int" in said(result)


def test_generating_again_gives_the_same_bytes(tmp_path: Path) -> None:
    copy = copy_protos(tmp_path)
    before = _contents(copy / "generated")
    result = run_generate(folder=copy)
    assert result.returncode == 0, said(result)
    assert _contents(copy / "generated") == before


def test_an_unknown_argument_is_refused_with_the_usage() -> None:
    result = run_generate("--nonsense")
    assert result.returncode == 2
    assert "Usage" in said(result)


def _contents(folder: Path) -> dict[str, bytes]:
    files = (Path(root) / name for root, _, names in os.walk(folder) for name in names)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
