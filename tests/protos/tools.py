"""The proto tools, run on the repository or on a copy of the part of it that they look at."""

import shutil
import subprocess
import sysconfig
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_LOOKED_AT = ("buf.yaml", "proto", "generated", "scripts/generate")


def run_buf(*arguments: str, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[bytes]:
    buf = Path(sysconfig.get_path("scripts")) / "buf"
    return subprocess.run([buf, *arguments], cwd=folder, capture_output=True, timeout=120)


def run_generate(*arguments: str, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[bytes]:
    script = folder / "scripts" / "generate"
    return subprocess.run([script, *arguments], cwd=folder, capture_output=True, timeout=120)


def copy_protos(folder: Path) -> Path:
    """A copy to plant faults in; it uses this environment's tools."""
    for name in _LOOKED_AT:
        source, target = REPOSITORY / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    (folder / ".venv").symlink_to(Path(sysconfig.get_path("scripts")).parent)
    return folder


def replace_in_proto(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / "proto" / "kalepool" / "v1" / name
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} must occur once in {name}"
    path.write_text(text.replace(old, new))


def said(result: subprocess.CompletedProcess[bytes]) -> str:
    return (result.stdout + result.stderr).decode()
