import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kale.keccak import SHA3_PADDING, keccak256, sponge256


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (
            b"The quick brown fox jumps over the lazy dog",
            "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15",
        ),
    ],
)
def test_published_digests(data: bytes, digest: str) -> None:
    assert keccak256(data).hex() == digest


@given(st.binary(max_size=600))
def test_with_the_other_padding_it_is_the_standard_librarys_sha3(data: bytes) -> None:
    """The two differ in the first padding byte only, so this checks permutation and sponge."""
    assert sponge256(data, SHA3_PADDING) == hashlib.sha3_256(data).digest()


@pytest.mark.parametrize("size", [134, 135, 136, 137, 271, 272])
def test_padding_at_the_edges_of_the_rate(size: int) -> None:
    data = bytes(size)
    assert sponge256(data, SHA3_PADDING) == hashlib.sha3_256(data).digest()
    assert keccak256(data) != hashlib.sha3_256(data).digest()
