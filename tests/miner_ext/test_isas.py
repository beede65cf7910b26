"""Every instruction set of this machine gives what brute force in Python gives."""

import base64
import gzip
import json
import os
import platform
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kale.puzzle import farmer_key
from miner_ext import Progress, Search, Solution, isas, kernel_name, verify_many
from tests.miner_ext.puzzles import SEED, Puzzle, best_of, random_puzzle

VECTORS = Path(__file__).parent.parent / "vectors" / "contract.jsonl.gz"
PUZZLE = Puzzle(37, bytes(range(32)), bytes(range(100, 132)))
TILE = 8192  # nonces: the widest kernels' unit of work, a multiple of the others'
CARRY = 2**32
END = 2**64

ISAS_OF = {
    "x86_64": ("avx512", "avx2", "portable"),
    "amd64": ("avx512", "avx2", "portable"),
    "aarch64": ("neon-sha3", "neon", "portable"),
    "arm64": ("neon-sha3", "neon", "portable"),
}


@cache
def solved(nonce_from: int, count: int) -> tuple[Solution, ...]:
    """By brute force, in Python alone: half a millisecond each."""
    return tuple(PUZZLE.solve_in_python(nonce) for nonce in range(nonce_from, nonce_from + count))


def brute_force(nonce_from: int, count: int, *, known: tuple[Solution, ...]) -> Progress:
    start = nonce_from - known[0].nonce
    return Progress((best_of(list(known[start : start + count])), count))


def test_this_machine_has_every_instruction_set_that_the_tests_should_cover() -> None:
    """A CPU that lacks one would let its kernel go untested: KALE_MINER_TEST_WITHOUT=avx512 accepts that."""
    accepted = set(filter(None, os.environ.get("KALE_MINER_TEST_WITHOUT", "").split(",")))
    wanted = ISAS_OF.get(platform.machine().lower(), ("portable",))
    missing = [isa for isa in wanted if isa not in isas() and isa not in accepted]
    assert missing == [], f"this CPU has no {missing}; set KALE_MINER_TEST_WITHOUT to test without"
    known = [isa for isa in wanted if isa in isas()]
    # On arm64 the order is that of the measured speed.
    assert isas() == tuple(known) if "avx2" in wanted else sorted(isas()) == sorted(known)


def test_the_fastest_is_the_default() -> None:
    code = "import miner_ext; print(miner_ext.kernel_name(), *miner_ext.isas())"
    environment = {name: value for name, value in os.environ.items() if name != "KALE_MINER_ISA"}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()
    assert printed[0] == printed[1] == isas()[0]


@pytest.mark.parametrize("isa", isas())
def test_the_environment_chooses_another(isa: str) -> None:
    code = "import miner_ext; print(miner_ext.kernel_name(), miner_ext.Search(1, bytes(32), bytes(32), 0, 1))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KALE_MINER_ISA": isa},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.startswith(f"{isa} ")
    assert f"isa={isa}>" in printed


def test_the_environment_can_not_choose_what_there_is_not() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import miner_ext; print(miner_ext.isas()); miner_ext.kernel_name()"],
        env={**os.environ, "KALE_MINER_ISA": "sse9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, f"{isas()}\n")
    text = f"KALE_MINER_ISA must be an instruction set of this machine, one of {isas()}, got 'sse9'"
    assert text in ended.stderr


@pytest.mark.parametrize("wrong", ["", "sse9", "AVX2", "portable "])
def test_an_unknown_instruction_set_is_refused_with_those_that_there_are(wrong: str) -> None:
    with pytest.raises(
        ValueError, match=r"isa must be an instruction set of this machine, one of .*portable"
    ) as error:
        PUZZLE.search(0, 1, isa=wrong)
    assert str(error.value).endswith(f"got {wrong!r}")
    with pytest.raises(ValueError, match="isa must be an instruction set"):
        verify_many([], isa=wrong)


def test_no_instruction_set_is_one_that_can_be_named() -> None:
    build: Callable[..., object] = Search
    with pytest.raises(TypeError, match="isa must be a str or None, got int"):
        build(*(1, bytes(32), bytes(32), 0, 1), isa=2)
    assert f"isa={kernel_name()}>" in repr(PUZZLE.search(0, 1, isa=None))


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("nonce_from", [0, CARRY - 20, END - 40])
def test_all_small_ranges_equal_brute_force(nonce_from: int, isa: str) -> None:
    """From zero, across the carry into the nonce's upper half, and up to the last nonce of all."""
    known = solved(nonce_from, 40)
    for count in range(41):
        expected = brute_force(nonce_from, count, known=known)
        assert PUZZLE.search(nonce_from, count, isa=isa).run() == expected


def around_tiles() -> Iterator[tuple[int, int, tuple[Solution, ...]]]:
    """(nonce_from, count, solutions around): whole tiles on both sides of the carry, and the last of all."""
    carry = solved(CARRY - TILE - 3, 2 * TILE + 6)
    for before in (0, 1, 3):
        for after in (-1, 0, 1, 3):
            yield CARRY - TILE - before, 2 * TILE + before + after, carry
    yield CARRY - TILE + 1, TILE - 1, carry
    yield CARRY - 1, TILE + 1, carry
    end = solved(END - TILE - 3, TILE + 3)
    for before in (-1, 0, 1, 3):
        yield END - TILE - before, TILE + before, end


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("threads", [1, 3])
def test_whole_tiles_equal_brute_force(threads: int, isa: str) -> None:
    for nonce_from, count, known in around_tiles():
        expected = brute_force(nonce_from, count, known=known)
        assert PUZZLE.search(nonce_from, count, threads=threads, isa=isa).run() == expected, nonce_from


@pytest.mark.parametrize("isa", isas())
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_target_ends_the_search_with_the_lowest_nonce_that_reaches_it(threads: int, isa: str) -> None:
    known = solved(CARRY - TILE - 3, 2 * TILE + 6)
    nonce_from, count = known[0].nonce, len(known)
    for target in range(65):
        progress = PUZZLE.search(nonce_from, count, threads=threads, target_zeros=target, isa=isa).run()
        reaching = [solution for solution in known if solution.zeros >= target]
        if reaching:
            assert progress.best == reaching[0]
            assert reaching[0].nonce - nonce_from < progress.hashes <= count
        else:
            assert progress == brute_force(nonce_from, count, known=known)


def test_a_target_saves_the_rest_of_the_range() -> None:
    progress = PUZZLE.search(0, END - 1, threads=2, target_zeros=4).run()
    assert progress.best is not None
    assert progress.best.zeros >= 4
    assert progress.hashes < 2**32


nonces = st.one_of(
    st.integers(0, END - 1),
    st.integers(0, 2 * TILE),
    st.integers(CARRY - 2 * TILE, CARRY + 2 * TILE),
    st.integers(END - 2 * TILE, END - 1),
)
puzzles = st.builds(
    Puzzle,
    st.integers(0, 2**32 - 1),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
)


@given(puzzle=puzzles, claims=st.lists(nonces, max_size=20))
def test_many_claims_are_what_python_makes_of_them(puzzle: Puzzle, claims: list[int]) -> None:
    expected = [puzzle.solve_in_python(nonce) for nonce in claims]
    items = [(puzzle.index, puzzle.entropy, puzzle.farmer_key, nonce) for nonce in claims]
    for isa in isas():
        assert verify_many(items, isa=isa) == expected


@given(
    puzzle=puzzles,
    nonce_from=nonces,
    count=st.integers(0, 4 * TILE),
    threads=st.integers(1, 4),
    data=st.data(),
)
@settings(max_examples=60)
def test_any_range_has_the_same_answer_on_every_instruction_set(
    puzzle: Puzzle, nonce_from: int, count: int, threads: int, data: st.DataObject
) -> None:
    """Compared with the full hashes of all nonces, which the test above compares with Python's."""
    count = min(count, END - nonce_from)
    target = data.draw(st.one_of(st.none(), st.integers(0, 4)))
    claims = ((puzzle.index, puzzle.entropy, puzzle.farmer_key, nonce_from + i) for i in range(count))
    solutions = verify_many(claims, isa="portable")
    reaching = [solution for solution in solutions if target is not None and solution.zeros >= target]
    expected = reaching[0] if reaching else best_of(solutions)
    for isa in isas():
        progress = puzzle.search(nonce_from, count, threads=threads, target_zeros=target, isa=isa).run()
        assert progress.best == expected
        assert progress.hashes == count or reaching


@pytest.mark.parametrize("isa", isas())
def test_the_contracts_hashes_verify(isa: str) -> None:
    claims, hashes = [], []
    with gzip.open(VECTORS, "rt") as lines:
        for scenario in map(json.loads, lines):
            for step in scenario["steps"]:
                if "work" not in step["call"] or "ok" not in step["result"]:
                    continue
                work, after = step["call"]["work"], step["after"]
                farmer = scenario["genesis"]["farmers"][work["farmer"]]
                entropy = bytes.fromhex(after["block"]["entropy"])
                claims.append((after["block_index"], entropy, farmer_key(farmer), int(work["nonce"])))
                hashes.append((work["hash"], after["pail"]["zeros"]))
    assert len(claims) == 1472
    solutions = verify_many(claims, isa=isa)
    assert [(solution.hash.hex(), solution.zeros) for solution in solutions] == hashes


@pytest.mark.parametrize("isa", isas())
def test_a_hash_from_mainnet_is_found(isa: str) -> None:
    entropy = base64.b64decode("AAAAAAn66y/43JP7M02rwTmONZoWOmu1OPYz/bmzJ8o=")
    key = farmer_key("GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE")
    best = Search(37, entropy, key, 20495217910 - 300_000, 600_000, isa=isa).run().best
    digest = bytes.fromhex("0000000099be0037e5a48324959cb9dd10965ae59511cfd1996f9b917aad9980")
    assert best == Solution((20495217910, digest, 8))


def test_thousands_of_claims_of_different_puzzles_keep_their_order() -> None:
    source = random.Random(SEED)
    claims = [(random_puzzle(source), source.getrandbits(64)) for _ in range(5_000)]
    items = [(puzzle.index, puzzle.entropy, puzzle.farmer_key, nonce) for puzzle, nonce in claims]
    for isa in isas():
        assert verify_many(items, isa=isa) == [puzzle.verify(nonce) for puzzle, nonce in claims]
    assert verify_many(iter(items[:3])) == verify_many(tuple(items[:3])) == verify_many(items)[:3]


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (None, TypeError, r"claim 1: it must be a tuple \(index, entropy, farmer_key, nonce\), got NoneType"),
        ((), TypeError, r"claim 1: it must have 4 items \(index, entropy, farmer_key, nonce\), got 0"),
        ((1, bytes(32), bytes(32)), TypeError, r"claim 1: it must have 4 items \(.*\), got 3"),
        ((1, bytes(32), bytes(32), 0, 0), TypeError, r"claim 1: it must have 4 items \(.*\), got 5"),
        ((-1, bytes(32), bytes(32), 0), ValueError, "claim 1: index must be from 0 to 4294967295, got -1"),
        ((1, bytes(31), bytes(32), 0), ValueError, "claim 1: entropy must be 32 bytes, got 31"),
        ((1, bytes(32), "k", 0), TypeError, "claim 1: farmer_key must be bytes, got str"),
        ((1, bytes(32), bytes(32), END), ValueError, "claim 1: nonce must be from 0 to 18446744073709551615"),
        (
            (1, memoryview(bytes(64))[::2], bytes(32), 0),
            ValueError,
            "claim 1: entropy must be contiguous bytes: memoryview: underlying buffer is not C-contiguous",
        ),
    ],
)
def test_a_wrong_claim_is_refused_by_its_place(wrong: object, error: type[Exception], text: str) -> None:
    claims: list[object] = [(1, bytes(32), bytes(32), 0), wrong, (1, bytes(32), bytes(32), 0)]
    call: Callable[..., object] = verify_many
    with pytest.raises(error, match=text):
        call(claims)


class Refusing:
    """A number that can not be told."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __index__(self) -> int:
        raise self.error


@pytest.mark.parametrize(
    ("raised", "plain"),
    [
        (UnicodeDecodeError("utf-8", b"kale", 0, 1, "no text"), ValueError),
        (type("Subclass", (TypeError,), {"__init__": lambda self, a, b: None})("a", "b"), TypeError),
        (ValueError("no number"), ValueError),
    ],
)
def test_a_claims_own_error_becomes_a_plain_one_and_is_its_cause(raised: Exception, plain: type) -> None:
    with pytest.raises(plain) as error:
        verify_many([(1, bytes(32), bytes(32), Refusing(raised))])
    assert type(error.value) is plain
    assert str(error.value) == f"claim 0: {raised}"
    assert error.value.__cause__ is raised
    assert raised.__traceback__ is not None


def test_other_errors_of_a_claim_pass_as_they_are() -> None:
    raised = LookupError("of its own")
    with pytest.raises(LookupError) as error:
        verify_many([(1, bytes(32), bytes(32), Refusing(raised))])
    assert error.value is raised


def test_what_is_no_list_of_claims_is_refused() -> None:
    call: Callable[..., object] = verify_many
    with pytest.raises(TypeError):
        call(5)
    assert verify_many([]) == []
