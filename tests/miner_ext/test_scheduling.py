import pytest

from miner_ext.scheduling import parse_cpus, usable_cpus

LAST = max(usable_cpus())


def test_cpus_are_numbers_and_ranges() -> None:
    assert parse_cpus(f"{LAST}") == {LAST}
    assert parse_cpus(f" {LAST} ,{LAST}-{LAST}") == {LAST}
    whole = frozenset(range(LAST + 1))
    if whole == usable_cpus():
        assert parse_cpus(f"0-{LAST}") == whole


@pytest.mark.parametrize("text", ["", ",", "a", "1,", "-1", "1-", "-", "1-2-3", "0x1", "1.5", "²"])
def test_what_is_no_list_of_cpus_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be CPU numbers like 0-3,8, got") as error:
        parse_cpus(text)
    assert str(error.value).endswith(repr(text))


@pytest.mark.parametrize(
    "text", [f"{LAST + 1}", f"{LAST}-{LAST - 1}", "0-99999999999999999999", f"{LAST},9999"]
)
def test_cpus_that_are_not_there_are_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(ValueError, match="must be some of the CPUs usable here") as error:
        parse_cpus(text)
    assert str(error.value) == f"must be some of the CPUs usable here, {sorted(usable_cpus())}, got {text!r}"
