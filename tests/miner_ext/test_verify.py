import base64
import gzip
import json
import random
from collections import Counter
from pathlib import Path

import pytest

from kale.keccak import keccak256 as keccak256_in_python
from kale.puzzle import farmer_key
from miner_ext import Solution, keccak256, verify
from tests.miner_ext.puzzles import SEED, random_puzzle

VECTORS = Path(__file__).parent.parent / "vectors" / "contract.jsonl.gz"
ZERO_COUNT_TOO_LOW = 7
HASH_INVALID = 13

FARMER = "GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE"
ENTROPY = base64.b64decode("AAAAAAn66y/43JP7M02rwTmONZoWOmu1OPYz/bmzJ8o=")


def test_a_hash_from_mainnet() -> None:
    solution = verify(37, ENTROPY, farmer_key(FARMER), 20495217910)
    digest = bytes.fromhex("0000000099be0037e5a48324959cb9dd10965ae59511cfd1996f9b917aad9980")
    assert solution == Solution((20495217910, digest, 8))
    assert (solution.nonce, solution.hash, solution.zeros) == (20495217910, digest, 8)


def test_the_contract_agrees_with_every_hash_that_it_checked() -> None:
    """HashInvalid is for other hashes than ours; success and ZeroCountTooLow come only after that check."""
    checked: Counter[object] = Counter()
    with gzip.open(VECTORS, "rt") as lines:
        for scenario in map(json.loads, lines):
            for step in scenario["steps"]:
                code = step["result"].get("error", {}).get("code")
                if "work" not in step["call"] or code not in (None, ZERO_COUNT_TOO_LOW, HASH_INVALID):
                    continue
                work, after = step["call"]["work"], step["after"]
                farmer = scenario["genesis"]["farmers"][work["farmer"]]
                entropy = bytes.fromhex(after["block"]["entropy"])
                solution = verify(after["block_index"], entropy, farmer_key(farmer), int(work["nonce"]))
                assert (solution.hash.hex() == work["hash"]) == (code != HASH_INVALID), step
                if code is None:
                    assert solution.zeros == after["pail"]["zeros"], step
                checked[code] += 1
    assert checked == {None: 1472, ZERO_COUNT_TOO_LOW: 695, HASH_INVALID: 613}


def test_random_puzzles_equal_the_second_opinion() -> None:
    source = random.Random(SEED)
    for _ in range(200):
        puzzle, nonce = random_puzzle(source), source.getrandbits(64)
        assert puzzle.verify(nonce) == puzzle.solve_in_python(nonce), (puzzle, nonce)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 76, 134, 135, 136, 137, 271, 272, 273, 1000])
def test_messages_of_any_length_equal_the_second_opinion(length: int) -> None:
    data = random.Random(SEED + length).randbytes(length)
    assert keccak256(data) == keccak256_in_python(data)
    assert keccak256(memoryview(bytearray(data))) == keccak256_in_python(data)


def test_the_padding_is_keccaks_and_not_that_of_sha3() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
