"""What a group of rivals may be."""

from typing import Any

import pytest
from pydantic import ValidationError

from localnet.rivals.group import GROUP, Late, Meddler


def test_a_table_names_its_strategy_and_the_rest_has_defaults() -> None:
    assert GROUP.validate_python({"strategy": "late", "mhs": 3}) == Late(mhs=3)
    meddler = GROUP.validate_python({"strategy": "meddler", "stake_kale": 12.3456789})
    assert isinstance(meddler, Meddler)
    assert meddler.stake_stroops == 123_456_789


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("count", 0),
        ("count", 501),
        ("count", True),
        ("mhs", -1),
        ("mhs", 1_000_001),
        ("mhs", "fast"),
        ("stake_kale", -0.1),
        ("stake_kale", 1_001),
        ("delay_seconds", 291),
        ("delay_seconds", 1.5),
        ("seed", -1),
        ("work_share", 1.1),
        ("mh", 1),
    ],
)
def test_a_value_beyond_its_limit_or_a_key_of_another_name_is_refused(key: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        GROUP.validate_python({"strategy": "meddler", key: value})
    assert [error["loc"] for error in refused.value.errors()] == [("meddler", key)]


@pytest.mark.parametrize(
    "table",
    [
        {"strategy": "idle", "mhs": 1},
        {"strategy": "late", "delay_seconds": 10},
        {"strategy": "fixed_delay", "work_share": 0.5},
        {"strategy": "unheard-of"},
        {},
    ],
)
def test_a_key_of_another_strategy_is_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        GROUP.validate_python(table)
