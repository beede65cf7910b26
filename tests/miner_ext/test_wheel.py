"""What `python -m build` makes: a source archive, and from it a wheel that works without the sources."""

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from miner_ext import isas

ROOT = Path(__file__).parents[2]

USE_IT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import miner_ext
best = miner_ext.Search(37, bytes(32), bytes(32), 0, 20_000).run().best
print(json.dumps([miner_ext.__file__, miner_ext.isas(), best.nonce, best.zeros]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files: what lies around in a working copy must not be needed."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("dist")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    subprocess.run([sys.executable, "-m", "build", "--outdir", out], cwd=copy, check=True)
    assert len(list(out.glob("*.tar.gz"))) == 1
    (built,) = out.glob("*.whl")
    return built


def test_one_wheel_serves_every_python_from_3_11(wheel: Path) -> None:
    assert "-cp311-abi3-" in wheel.name


def test_it_carries_the_extension_and_its_types_and_no_sources(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"miner_ext/_search.abi3.so", "miner_ext/_search.pyi", "miner_ext/py.typed"} <= set(names)
    assert [name for name in names if name.endswith((".c", ".h"))] == []


def test_it_carries_the_settings_of_the_local_chains_networks(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"localnet/networks/mainnet.toml", "localnet/networks/testnet.toml"} <= set(names)


def test_it_searches_as_installed(wheel: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tmp_path, wheel],
        check=True,
    )
    printed = subprocess.run(
        [sys.executable, "-I", "-c", USE_IT, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout
    file, usable, nonce, zeros = json.loads(printed)
    assert Path(file).is_relative_to(tmp_path)
    assert tuple(usable) == isas()
    assert 0 <= nonce < 20_000
    assert zeros >= 2
