"""What the farm writes by position is what its storage types say, and other forms are still read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import StrKey, scval, xdr

from kale import storage
from kale.constants import I128_MAX, I128_MIN, U32_MAX, U64_MAX
from kale.farm import Block, Pail
from kale.storage import StorageDecodeError
from localnet.contracts import farm_layout
from tests.kale.test_storage import stored_pail

hashes = st.binary(min_size=32, max_size=32)
uint32 = st.integers(0, U32_MAX)
int128 = st.integers(I128_MIN, I128_MAX)
blocks = st.builds(
    Block,
    entropy=hashes,
    max_gap=uint32,
    max_stake=int128,
    max_zeros=uint32,
    min_gap=uint32,
    min_stake=int128,
    min_zeros=uint32,
    normalized_total=int128,
    staked_total=int128,
    timestamp=st.integers(0, U64_MAX),
)
pails = st.one_of(
    st.builds(Pail, sequence=uint32, stake=int128),
    st.builds(Pail, sequence=uint32, stake=int128, gap=uint32, zeros=uint32),
)
farmers = st.one_of(hashes.map(StrKey.encode_ed25519_public_key), hashes.map(StrKey.encode_contract))


@given(blocks)
def test_blocks(block: Block) -> None:
    encoded = storage.encode_block(block).to_xdr_bytes()
    assert farm_layout.encode_block(block) == encoded
    assert farm_layout.decode_block(encoded) == block


@given(pails)
def test_pails(pail: Pail) -> None:
    encoded = stored_pail(pail).to_xdr_bytes()
    assert farm_layout.encode_pail(pail) == encoded
    assert farm_layout.decode_pail(encoded) == pail


@given(farmers, uint32)
def test_keys(farmer: str, index: int) -> None:
    assert farm_layout.block_data_key(index) == storage.block_data_key(index).to_xdr_bytes()
    assert farm_layout.pail_data_key(farmer, index) == storage.pail_data_key(farmer, index).to_xdr_bytes()


def fields_of(value: xdr.SCVal) -> dict[str, xdr.SCVal]:
    return dict(scval.from_struct(value))


BLOCK = Block(bytes(32), 1, 2, 3, 4, 5, 6, 7, 8, 9)


def test_a_block_of_another_form_is_read_as_ever() -> None:
    """A saved chain may bring an entropy of another length, or a field more."""
    fields = fields_of(storage.encode_block(BLOCK)) | {"entropy": scval.to_bytes(b"short")}
    assert farm_layout.decode_block(scval.to_struct(fields).to_xdr_bytes()).entropy == b"short"
    more = fields_of(storage.encode_block(BLOCK)) | {"zzz": scval.to_void()}
    assert farm_layout.decode_block(scval.to_struct(more).to_xdr_bytes()) == BLOCK


def test_what_is_as_long_as_a_block_is_not_taken_for_one() -> None:
    fields = fields_of(storage.encode_block(BLOCK)) | {"max_gap": scval.to_int32(1)}
    with pytest.raises(StorageDecodeError):
        farm_layout.decode_block(scval.to_struct(fields).to_xdr_bytes())


def test_half_a_work_is_read_as_ever() -> None:
    fields = fields_of(stored_pail(Pail(1, 2))) | {"gap": scval.to_uint32(3)}
    assert farm_layout.decode_pail(scval.to_struct(fields).to_xdr_bytes()) == Pail(1, 2, gap=3)
    with pytest.raises(StorageDecodeError):
        farm_layout.decode_pail(scval.to_void().to_xdr_bytes())
