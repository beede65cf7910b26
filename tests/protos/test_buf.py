"""buf accepts the protos as they are, and each of its checks finds a fault that is planted."""

from pathlib import Path

from tests.protos.tools import copy_protos, replace_in_proto, run_buf, said

_IMAGE = "proto/api.binpb"


def test_lint_accepts_the_protos() -> None:
    result = run_buf("lint")
    assert result.returncode == 0, said(result)


def test_lint_refuses_an_enum_value_without_its_prefix(tmp_path: Path) -> None:
    copy = copy_protos(tmp_path)
    replace_in_proto(copy, "errors.proto", "FAULT_MINER = 6;", "MINER = 6;")
    result = run_buf("lint", folder=copy)
    assert result.returncode != 0
    assert "FAULT_" in said(result)


def test_the_protos_are_formatted() -> None:
    result = run_buf("format", "--diff", "--exit-code")
    assert result.returncode == 0, said(result)


def test_format_refuses_wrong_indentation(tmp_path: Path) -> None:
    copy = copy_protos(tmp_path)
    replace_in_proto(copy, "errors.proto", "  FAULT_MINER = 6;", "FAULT_MINER = 6;")
    assert run_buf("format", "--diff", "--exit-code", folder=copy).returncode != 0


def test_nothing_breaks_the_committed_image() -> None:
    result = run_buf("breaking", "--against", _IMAGE)
    assert result.returncode == 0, said(result)


def test_a_field_that_changes_its_type_breaks_the_image(tmp_path: Path) -> None:
    copy = copy_protos(tmp_path)
    replace_in_proto(copy, "types.proto", "uint32 stake_basis_points = 5;", "int64 stake_basis_points = 5;")
    result = run_buf("breaking", "--against", _IMAGE, folder=copy)
    assert result.returncode != 0
    assert "stake_basis_points" in said(result)


def test_the_committed_image_holds_every_rpc(tmp_path: Path) -> None:
    """An image that lags behind would let a later change of what it lacks pass unseen."""
    copy = copy_protos(tmp_path)
    built = run_buf("build", "--exclude-source-info", "-o", "fresh.binpb", folder=copy)
    assert built.returncode == 0, said(built)
    backwards = run_buf("breaking", _IMAGE, "--against", "fresh.binpb", folder=copy)
    assert backwards.returncode == 0, f"scripts/generate --image, to accept the additions: {said(backwards)}"
