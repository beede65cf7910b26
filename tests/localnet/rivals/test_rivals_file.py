"""Rivals' files: what they may say, and the line of what they may not."""

from pathlib import Path

import pytest

from localnet.rivals.group import FixedDelay, Idle, Meddler
from localnet.rivals.rivals_file import EXAMPLE_NAMES, load_rivals, parse_rivals
from localnet.toml_files import TomlFileError
from poolkit.startup_error import StartupError


def test_a_file_is_a_list_of_groups() -> None:
    text = """
        [[rivals]]
        strategy = "fixed_delay"
        count = 2
        mhs = 30.5
        stake_kale = 12.5
        delay_seconds = 200
        seed = 7

        [[rivals]]
        strategy = "idle"
    """
    assert parse_rivals(text, "r.toml") == (
        FixedDelay(count=2, mhs=30.5, stake_kale=12.5, delay_seconds=200, seed=7),
        Idle(),
    )
    assert parse_rivals("# nobody\n", "r.toml") == ()


@pytest.mark.parametrize("name", EXAMPLE_NAMES)
def test_the_examples_are_valid(name: str) -> None:
    assert load_rivals(name)


def test_the_meddlers_example_has_meddlers() -> None:
    assert any(isinstance(group, Meddler) for group in load_rivals("meddler"))


LATE = '[[rivals]]\nstrategy = "late"\n'


@pytest.mark.parametrize(
    ("text", "text_of_refusal"),
    [
        (LATE + "mh = 3", "line 3: mh is no key of a group that plays late; did you mean mhs?"),
        (LATE + "\n# why\ndelay_seconds = 3", "line 5: delay_seconds is no key of a group that plays late"),
        (LATE + "count = 0", "line 3: count is 0, must be greater than or equal to 1"),
        (LATE + "count = 501", "line 3: count is 501, must be less than or equal to 500"),
        (LATE + "count = true", "line 3: count is True, must be a valid integer"),
        (LATE + "mhs = nan", "line 3: mhs is nan, must be "),
        (LATE + "stake_kale = '1'", "line 3: stake_kale is '1', must be a valid number"),
        ("[[rivals]]\ncount = 3", "line 1: the group has no strategy, must be one of fixed_delay, outbid"),
        ("[[rivals]]\n\nstrategy = 'lazy'", "line 3: strategy is 'lazy', must be one of fixed_delay, outbid"),
        ("seed = 1\n[[rivals]]\nstrategy = 'late'", "line 1: seed stands in no group"),
        ("[rivals]\nstrategy = 'late'", "line 1: [rivals] is unknown, every group begins with [[rivals]]"),
        (LATE + "count = ", "line 3: Invalid value"),
    ],
)
def test_what_a_file_may_not_say_is_refused_with_its_line(text: str, text_of_refusal: str) -> None:
    with pytest.raises(TomlFileError) as refused:
        parse_rivals(text, "r.toml")
    assert str(refused.value).startswith(f"r.toml, {text_of_refusal}")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="neither one of mainnet_like, meddler nor a file"):
        load_rivals(str(tmp_path / "nobody.toml"))
