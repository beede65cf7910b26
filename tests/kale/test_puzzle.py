import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import Address, StrKey

from kale.keccak import keccak256
from kale.puzzle import (
    ENTROPY_OFFSET,
    FARMER_KEY_OFFSET,
    INDEX_OFFSET,
    MESSAGE_BYTES,
    NONCE_OFFSET,
    farmer_key,
    leading_zeros,
    message,
)

FARMER = "GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE"
CONTRACT = "CDL74RF5BLYR2YBLCCI7F5FB6TPSCLKEJUBSD2RSVWZ4YHF3VMFAIGWA"


def test_a_hash_of_mainnet() -> None:
    entropy = base64.b64decode("AAAAAAn66y/43JP7M02rwTmONZoWOmu1OPYz/bmzJ8o=")
    hash = keccak256(message(37, entropy, farmer_key(FARMER), 20495217910))
    assert hash.hex() == "0000000099be0037e5a48324959cb9dd10965ae59511cfd1996f9b917aad9980"
    assert leading_zeros(hash) == 8


def test_the_message_is_laid_out_big_endian() -> None:
    entropy, key = b"\xaa" * 32, b"\xbb" * 32
    packed = message(0x01020304, entropy, key, 0x05060708090A0B0C)
    assert len(packed) == MESSAGE_BYTES == 76
    assert packed[INDEX_OFFSET:NONCE_OFFSET].hex() == "01020304"
    assert packed[NONCE_OFFSET:ENTROPY_OFFSET].hex() == "05060708090a0b0c"
    assert packed[ENTROPY_OFFSET:FARMER_KEY_OFFSET] == entropy
    assert packed[FARMER_KEY_OFFSET:] == key


@pytest.mark.parametrize("address", [FARMER, CONTRACT])
def test_the_farmer_key_ends_the_addresss_xdr(address: str) -> None:
    assert farmer_key(address) == Address(address).to_xdr_sc_address().to_xdr_bytes()[-32:]


@pytest.mark.parametrize("address", ["", "kale", FARMER[:-1], StrKey.encode_ed25519_secret_seed(bytes(32))])
def test_other_text_is_no_farmer(address: str) -> None:
    with pytest.raises(ValueError, match=r"must be a G|Invalid Ed25519"):
        farmer_key(address)


@pytest.mark.parametrize(
    ("index", "entropy", "key", "nonce", "named"),
    [
        (-1, bytes(32), bytes(32), 0, "index is -1, must be 0 to 4294967295"),
        (2**32, bytes(32), bytes(32), 0, "index is 4294967296"),
        (0, bytes(31), bytes(32), 0, "entropy has 31 bytes, must have 32"),
        (0, bytes(32), bytes(33), 0, "farmer_key has 33 bytes, must have 32"),
        (0, bytes(32), bytes(32), -1, "nonce is -1"),
        (0, bytes(32), bytes(32), 2**64, "nonce is 18446744073709551616, must be 0 to 18446744073709551615"),
    ],
)
def test_a_value_out_of_range_is_named(
    index: int, entropy: bytes, key: bytes, nonce: int, named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        message(index, entropy, key, nonce)


@pytest.mark.parametrize(
    ("hash", "zeros"), [("f" * 64, 0), ("0f" + "f" * 62, 1), ("00ff" + "0" * 60, 2), ("0" * 64, 64)]
)
def test_zeros_are_leading_hex_digits(hash: str, zeros: int) -> None:
    assert leading_zeros(bytes.fromhex(hash)) == zeros


@given(st.binary(min_size=32, max_size=32))
def test_zeros_bound_the_hash_from_above(hash: bytes) -> None:
    zeros = leading_zeros(hash)
    assert int.from_bytes(hash, "big") < 16 ** (64 - zeros)
    assert zeros == 64 or int.from_bytes(hash, "big") >= 16 ** (63 - zeros)
