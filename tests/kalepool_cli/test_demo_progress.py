"""When the Pooler may stop to plant: not before the last block has had its chances."""

import pytest

from kalepool.v1 import pooler_pb2
from kalepool_cli.demo.progress import Progress
from tests.kalepool_cli.test_demo_misses import row


def progress(block_index: int, age_seconds: int, planted: list[str]) -> Progress:
    """Two farmers, blocks 7 and 8; in 7 both are planted, in 8 these."""
    status = pooler_pb2.StatusView()
    status.current_block.block.index = block_index
    status.current_block.age.FromSeconds(age_seconds)
    unplanted = [row(8, farmer, plant_ledger=None) for farmer in ("A", "B") if farmer not in planted]
    taken = Progress(farmers=2, blocks=2)
    taken.take(status, [row(7, "A"), row(7, "B"), *(row(8, farmer) for farmer in planted), *unplanted])
    return taken


@pytest.mark.parametrize(
    ("block_index", "age_seconds", "planted", "expected"),
    [
        (7, 200, [], False),
        (8, 5, [], False),
        (8, 150, ["A"], False),
        (8, 5, ["A", "B"], True),
        (8, 151, ["A"], True),
        (9, 1, [], True),
    ],
)
def test_the_last_block_is_planted_once_all_are_or_half_of_it_is_over(
    block_index: int, age_seconds: int, planted: list[str], expected: bool
) -> None:
    assert progress(block_index, age_seconds, planted).last_block_is_planted is expected


def test_before_the_first_plant_nothing_is() -> None:
    assert not Progress(farmers=2, blocks=2).last_block_is_planted
