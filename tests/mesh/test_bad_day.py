"""The pool on a bad day: once in a hundred times everything goes wrong, and strangers meddle."""

import asyncio
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kale.constants import BLOCK_SECONDS
from kalepool_cli.demo.command import FAULTS_SPEED
from kalepool_cli.demo.run import EXIT_OK
from kalepool_cli.processes import kalepool_command

BLOCKS, FARMERS = 2, 4
PATIENCE_WALL_SECONDS = 600

pytestmark = pytest.mark.timeout(PATIENCE_WALL_SECONDS + 30)


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="kalepool-bad-day-"))
    folder.chmod(0o755)  # run by root, PostgreSQL is a user of its own and must get through
    yield folder / "data"
    shutil.rmtree(folder)


async def test_under_faults_and_with_a_meddler_nothing_is_lost_sent_twice_or_missed_without_a_cause(
    data: Path,
) -> None:
    figures = data.parent / "figures.json"
    arguments = [
        *("--blocks", str(BLOCKS), "--farmers", str(FARMERS)),
        *("--faults", "one_percent", "--rivals", "meddler", "--allow-missed"),
        *("--data", str(data), "--json", str(figures)),
    ]
    process = await asyncio.create_subprocess_exec(
        *kalepool_command("demo", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_WALL_SECONDS):
        said = (await process.communicate())[0].decode()
    assert process.returncode == EXIT_OK, said
    report = json.loads(figures.read_text())
    assert report["reconciled"], said
    assert report["sent_once"], said
    assert all(miss["cause"] for miss in report["misses"]), said
    assert len(report["per_block"]) == BLOCKS
    assert report["seconds"] >= BLOCKS * BLOCK_SECONDS / FAULTS_SPEED
    assert report["plants_ok"] > 0
    missed = Counter(miss["step"] for miss in report["misses"])
    possible = BLOCKS * FARMERS
    assert report["plants_ok"] == possible - missed["plant"]
    assert report["works_ok"] == report["plants_ok"] - missed["work"]
    assert report["harvests_ok"] == report["works_ok"] - missed["harvest"]
    assert "participation: planted " in said
