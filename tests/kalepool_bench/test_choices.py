import pytest

from kalepool_bench.choices import (
    BadChoice,
    choose_isas,
    choose_searches,
    choose_seconds,
    choose_threads,
    default_threads,
)

USABLE = ("avx2", "portable")


@pytest.mark.parametrize(
    ("cpus", "threads"),
    [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (4, (1, 2, 4)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))],
)
def test_without_a_choice_threads_are_powers_of_two_and_all_cpus(cpus: int, threads: tuple[int, ...]) -> None:
    assert default_threads(cpus) == choose_threads(None, cpus) == choose_threads([], cpus) == threads


@pytest.mark.parametrize(
    ("texts", "threads"), [(["3"], (3,)), (["1,4"], (1, 4)), (["4", "2, 1"], (4, 2, 1)), (["2", "2"], (2,))]
)
def test_threads_come_one_by_one_or_with_commas(texts: list[str], threads: tuple[int, ...]) -> None:
    assert choose_threads(texts, 4) == threads


@pytest.mark.parametrize("text", ["0", "-1", "5", "two", "", "1,", "1.5", "9" * 5_000, "٣"])
def test_threads_that_cannot_be_are_refused_with_the_limit(text: str) -> None:
    with pytest.raises(BadChoice, match=r"^--threads must be from 1 to 4 \(usable CPUs\), got '"):
        choose_threads([text], 4)


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (None, USABLE),
        ([], USABLE),
        (["portable"], ("portable",)),
        (["portable,avx2"], ("portable", "avx2")),
        (["portable", " avx2"], ("portable", "avx2")),
        (["avx2", "avx2"], ("avx2",)),
    ],
)
def test_isas_come_one_by_one_or_with_commas(texts: list[str] | None, names: tuple[str, ...]) -> None:
    assert choose_isas(texts, USABLE) == names


@pytest.mark.parametrize("text", ["sse", "", "AVX2", "avx2,,portable"])
def test_an_isa_that_this_machine_does_not_have_is_refused_with_those_it_has(text: str) -> None:
    with pytest.raises(BadChoice, match=r"^--isa must be one of avx2, portable, got '"):
        choose_isas([text], USABLE)


@pytest.mark.parametrize("seconds", [0.1, 3, 600])
def test_seconds_within_the_limits(seconds: float) -> None:
    assert choose_seconds(seconds) == seconds


@pytest.mark.parametrize("seconds", [0, -1, 0.09, 600.5, float("nan"), float("inf"), float("-inf")])
def test_seconds_out_of_range_are_refused(seconds: float) -> None:
    with pytest.raises(BadChoice, match=r"^--seconds must be from 0\.1 to 600, got "):
        choose_seconds(seconds)


@pytest.mark.parametrize("searches", [-1, 0, 1_999, 100_000_001])
def test_a_number_of_searches_out_of_range_is_refused(searches: int) -> None:
    with pytest.raises(BadChoice, match=f"^--searches must be from 2000 to 100000000, got {searches}$"):
        choose_searches(searches)
