import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import Asset, Keypair, StrKey, scval
from stellar_sdk import xdr as stellar_xdr

from kale.constants import I128_MAX, I128_MIN, U32_MAX, U64_MAX
from kale.farm import Block, Farm, Pail
from kale.storage import (
    StorageDecodeError,
    account_key,
    block_key,
    decode_block,
    decode_farm,
    decode_pail,
    encode_block,
    encode_farm,
    farm_instance_key,
    holding_key,
    pail_key,
    token_balance_key,
    trustline_key,
)

FARM = "CDL74RF5BLYR2YBLCCI7F5FB6TPSCLKEJUBSD2RSVWZ4YHF3VMFAIGWA"
FARMER = "GBQHTQ7NTSKHVTSVM6EHUO3TU4P4BK2TAAII25V2TT2Q6OWXUJWEKALE"

u32 = st.integers(0, U32_MAX)
i128 = st.integers(I128_MIN, I128_MAX)
hashes = st.binary(min_size=32, max_size=32)
blocks = st.builds(
    Block, hashes, u32, i128, u32, u32, i128, u32, i128, i128, timestamp=st.integers(0, U64_MAX)
)
pails = st.builds(Pail, u32, i128, st.none() | u32, st.none() | u32)
accounts = hashes.map(StrKey.encode_ed25519_public_key)
contracts = hashes.map(StrKey.encode_contract)
farms = st.builds(Farm, accounts | contracts, contracts, u32, blocks, st.booleans())


def instance(storage: stellar_xdr.SCMap | None) -> stellar_xdr.SCVal:
    executable = stellar_xdr.ContractExecutable(
        stellar_xdr.ContractExecutableType.CONTRACT_EXECUTABLE_WASM, wasm_hash=stellar_xdr.Hash(bytes(32))
    )
    return stellar_xdr.SCVal(
        stellar_xdr.SCValType.SCV_CONTRACT_INSTANCE,
        instance=stellar_xdr.SCContractInstance(executable, storage),
    )


def through_the_wire(value: stellar_xdr.SCVal) -> stellar_xdr.SCVal:
    return stellar_xdr.SCVal.from_xdr_bytes(value.to_xdr_bytes())


@given(blocks)
def test_a_block_survives_its_encoding(block: Block) -> None:
    assert decode_block(through_the_wire(encode_block(block))) == block


def stored_pail(pail: Pail) -> stellar_xdr.SCVal:
    """The pail as the contract stores it."""
    gap, zeros = (
        scval.to_void() if number is None else scval.to_uint32(number) for number in (pail.gap, pail.zeros)
    )
    sequence, stake = scval.to_uint32(pail.sequence), scval.to_int128(pail.stake)
    return scval.to_struct({"gap": gap, "sequence": sequence, "stake": stake, "zeros": zeros})


@given(pails)
def test_a_pail_is_read_as_it_is_stored(pail: Pail) -> None:
    assert decode_pail(through_the_wire(stored_pail(pail))) == pail


@given(farms)
def test_a_farm_survives_its_encoding(farm: Farm) -> None:
    assert decode_farm(through_the_wire(instance(encode_farm(farm)))) == farm


def test_an_index_and_a_pause_that_were_never_written_are_zero_and_false() -> None:
    block = Block(bytes(32), 1, 2, 3, 4, 5, 6, 7, 8, 9)
    stored = encode_farm(Farm(FARMER, FARM, 7, block, paused=True))
    names = [entry.key.vec.sc_vec[0].sym for entry in stored.sc_map if entry.key.vec is not None]
    assert [name.sc_symbol for name in names if name is not None] == [
        b"FarmBlock",
        b"FarmIndex",
        b"FarmPaused",
        b"HomesteadAsset",
        b"Homesteader",
    ]
    never_written = stellar_xdr.SCMap([stored.sc_map[0], *stored.sc_map[3:]])
    assert decode_farm(instance(never_written)) == Farm(FARMER, FARM, 0, block, paused=False)


def test_a_block_on_the_wire_is_as_recorded() -> None:
    recorded = (
        "AAAAEQAAAAEAAAAKAAAADwAAAAdlbnRyb3B5AAAAAA0AAAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP"
        "AAAAB21heF9nYXAAAAAAAwAAAAAAAAAPAAAACW1heF9zdGFrZQAAAAAAAAoAAAAAAAAAAAAAAAAAAAABAAAADwAAAAltYXhf"
        "emVyb3MAAAAAAAADAAAAAAAAAA8AAAAHbWluX2dhcAAAAAADAAAAAAAAAA8AAAAJbWluX3N0YWtlAAAAAAAACgAAAAAAAAAA"
        "AAAAAAAAAAEAAAAPAAAACW1pbl96ZXJvcwAAAAAAAAMAAAAAAAAADwAAABBub3JtYWxpemVkX3RvdGFsAAAACgAAAAAAAAAA"
        "AAAAAAAAAAYAAAAPAAAADHN0YWtlZF90b3RhbAAAAAoAAAAAAAAAAAAAAAAAAAAAAAAADwAAAAl0aW1lc3RhbXAAAAAAAAAF"
        "AAAAAGlq36M="
    )
    block = decode_block(stellar_xdr.SCVal.from_xdr(recorded))
    assert (block.max_stake, block.normalized_total, block.timestamp) == (1, 6, 1768611747)
    assert encode_block(block).to_xdr() == recorded


@pytest.mark.parametrize(
    "value",
    [
        scval.to_void(),
        scval.to_struct({"gap": scval.to_void()}),
        scval.to_struct({"sequence": scval.to_string("no number")}),
    ],
)
def test_other_values_are_no_block_pail_or_farm(value: stellar_xdr.SCVal) -> None:
    for decode in (decode_block, decode_pail, decode_farm):
        with pytest.raises(StorageDecodeError):
            decode(value)


def test_an_empty_instance_is_no_farm() -> None:
    with pytest.raises(StorageDecodeError, match="Homesteader"):
        decode_farm(instance(None))


def test_keys_are_of_the_right_kind_and_durability() -> None:
    temporary = stellar_xdr.ContractDataDurability.TEMPORARY
    persistent = stellar_xdr.ContractDataDurability.PERSISTENT
    for key, durability in (
        (farm_instance_key(FARM), persistent),
        (block_key(FARM, 7), temporary),
        (pail_key(FARM, FARMER, 7), temporary),
        (token_balance_key(FARM, FARM), persistent),
    ):
        assert key.contract_data is not None
        assert key.contract_data.durability is durability


def test_a_recorded_block_key() -> None:
    assert block_key(FARM, 94076).to_xdr() == (
        "AAAABgAAAAHX/kS9CvEdYCsQkfL0ofTfIS1ETQMh6jKts8wcu6sKBAAAABAAAAABAAAAAgAAAA8AAAAFQmxvY2sAAAAAAAAD"
        "AAFvfAAAAAA="
    )


def test_classic_keys_name_their_holder() -> None:
    account = account_key(FARMER).account
    line = trustline_key("KALE", FARMER, FARMER).trust_line
    assert account is not None
    assert line is not None
    assert account.account_id == line.account_id == Keypair.from_public_key(FARMER).xdr_account_id()
    assert line.asset == Asset("KALE", FARMER).to_trust_line_asset_xdr_object()


def test_a_holding_is_a_trustline_or_contract_data() -> None:
    assert holding_key(FARM, "KALE", FARMER, FARMER) == trustline_key("KALE", FARMER, FARMER)
    assert holding_key(FARM, "KALE", FARMER, FARM) == token_balance_key(FARM, FARM)
