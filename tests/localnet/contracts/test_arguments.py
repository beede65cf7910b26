"""Whatever a caller sends as arguments, the host answers with an outcome."""

from collections.abc import Callable
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from stellar_sdk import StrKey, scval, xdr

from kale.addresses import address_value
from localnet.contracts import arguments
from localnet.ledger.entry_keys import data_key_bytes
from localnet.ledger.value_wire import encode_value
from localnet.soroban.key_order import key_order
from localnet.soroban.values import describe, value_order
from tests.localnet.contract_chain import TOKEN, ContractChain, keypair

KIND = xdr.SCValType
hashes = st.binary(min_size=32, max_size=32)


def muxed(key: bytes) -> xdr.SCVal:
    account = xdr.MuxedEd25519Account(id=xdr.Uint64(3), ed25519=xdr.Uint256(key))
    address = xdr.SCAddress(xdr.SCAddressType.SC_ADDRESS_TYPE_MUXED_ACCOUNT, muxed_account=account)
    return xdr.SCVal(KIND.SCV_ADDRESS, address=address)


def pool(key: bytes) -> xdr.SCVal:
    address = xdr.SCAddress(
        xdr.SCAddressType.SC_ADDRESS_TYPE_LIQUIDITY_POOL, liquidity_pool_id=xdr.PoolID(xdr.Hash(key))
    )
    return xdr.SCVal(KIND.SCV_ADDRESS, address=address)


def raw_symbol(content: bytes) -> xdr.SCVal:
    return xdr.SCVal(KIND.SCV_SYMBOL, sym=xdr.SCSymbol(content))


def map_of(items: list[tuple[xdr.SCVal, xdr.SCVal]]) -> xdr.SCVal:
    """A map as anybody may write it: not sorted, keys repeated."""
    return xdr.SCVal(KIND.SCV_MAP, map=xdr.SCMap([xdr.SCMapEntry(key, value) for key, value in items]))


plain = st.one_of(
    st.sampled_from(
        [
            xdr.SCVal(KIND.SCV_VOID),
            xdr.SCVal(KIND.SCV_VEC),
            xdr.SCVal(KIND.SCV_MAP),
            xdr.SCVal(KIND.SCV_LEDGER_KEY_CONTRACT_INSTANCE),
            xdr.SCVal(KIND.SCV_LEDGER_KEY_NONCE, nonce_key=xdr.SCNonceKey(xdr.Int64(1))),
            xdr.SCVal(KIND.SCV_EXECUTABLE_TAG, executable_tag=xdr.SCString(b"\xff")),
            xdr.SCVal(
                KIND.SCV_ERROR, error=xdr.SCError(xdr.SCErrorType.SCE_CONTRACT, contract_code=xdr.Uint32(7))
            ),
        ]
    ),
    st.booleans().map(scval.to_bool),
    st.integers(0, 2**32 - 1).map(scval.to_uint32),
    st.integers(-(2**31), 2**31 - 1).map(scval.to_int32),
    st.integers(0, 2**64 - 1).map(scval.to_uint64),
    st.integers(-(2**127), 2**127 - 1).map(scval.to_int128),
    st.integers(-(2**255), 2**255 - 1).map(scval.to_int256),
    st.binary(max_size=70).map(scval.to_bytes),
    st.binary(max_size=40).map(scval.to_string),
    st.binary(max_size=32).map(raw_symbol),
    hashes.map(StrKey.encode_ed25519_public_key).map(address_value),
    hashes.map(StrKey.encode_contract).map(address_value),
    hashes.map(muxed),
    hashes.map(pool),
)
values = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(scval.to_vec),
        st.lists(st.tuples(inner, inner), max_size=3).map(map_of),
    ),
    max_leaves=6,
)
functions = st.sampled_from(
    ["plant", "work", "harvest", "pause", "unpause", "remove_block", "", "_", "Ünïcode"]
)
token_functions = st.sampled_from(
    ["balance", "transfer", "burn", "mint", "approve", "allowance", "burn_from"]
)


@given(values, st.one_of(hashes.map(StrKey.encode_contract), hashes.map(StrKey.encode_ed25519_public_key)))
def test_a_keys_place_is_that_of_its_value(value: xdr.SCVal, owner: str) -> None:
    key = data_key_bytes(owner, value, xdr.ContractDataDurability.TEMPORARY)
    _, _, order, durability = key_order(key)
    assert order == value_order(value)
    assert durability == bytes(4)


@given(values)
def test_every_value_can_be_printed_and_ordered(value: xdr.SCVal) -> None:
    assert describe(value) or value.sym is not None  # an empty symbol prints as nothing
    assert value_order(value) <= value_order(value)


@given(values)
def test_arguments_are_read_as_the_sdk_reads_them(value: xdr.SCVal) -> None:
    for read, expected in (
        (arguments.boolean, scval.from_bool),
        (arguments.u32, scval.from_uint32),
        (arguments.u64, scval.from_uint64),
        (arguments.i128, scval.from_int128),
    ):
        assert outcome_of(read, encode_value(value)) == outcome_of(expected, value)


@given(values)
@example(xdr.SCVal(KIND.SCV_VEC))
def test_vectors_of_numbers_are_read_as_the_sdk_reads_them(value: xdr.SCVal) -> None:
    items = None if value.vec is None else [outcome_of(scval.from_uint32, item) for item in value.vec.sc_vec]
    expected = None if items is None or None in items else tuple(items)
    assert outcome_of(arguments.u32_vector, encode_value(value)) == expected


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_a_vector_of_numbers_has_any_length(numbers: list[int]) -> None:
    value = scval.to_vec(list(map(scval.to_uint32, numbers)))
    assert arguments.u32_vector(encode_value(value)) == tuple(numbers)


@given(hashes)
def test_addresses_are_those_that_hold_authority(key: bytes) -> None:
    account, contract = StrKey.encode_ed25519_public_key(key), StrKey.encode_contract(key)
    for text in (account, contract):
        assert arguments.address(encode_value(address_value(text))) == text
        assert arguments.muxed_account(encode_value(address_value(text))) is None
    assert arguments.muxed_account(encode_value(muxed(key))) == (account, 3)
    for value in (muxed(key), pool(key), scval.to_bytes(key)):
        assert outcome_of(arguments.address, encode_value(value)) is None
    assert arguments.hash32(encode_value(scval.to_bytes(key))) == key
    assert outcome_of(arguments.hash32, encode_value(scval.to_bytes(key[1:]))) is None


def outcome_of(read: Callable[[Any], Any], value: object) -> object:
    """What a reader makes of a value; None if it refuses."""
    try:
        return read(value)
    except ValueError:
        return None


@given(functions, st.lists(values, max_size=4))
def test_the_farm_answers_any_arguments(function: str, args: list[xdr.SCVal]) -> None:
    outcome = ContractChain().call(function, *args)
    assert (outcome.value is None) is (outcome.failure is not None)


@given(token_functions, st.lists(values, max_size=4))
def test_the_asset_contract_answers_any_arguments(function: str, args: list[xdr.SCVal]) -> None:
    outcome = ContractChain().call(function, *args, contract=TOKEN)
    assert (outcome.value is None) is (outcome.failure is not None)


@given(values, values)
def test_the_asset_contract_answers_any_amount_and_receiver(receiver: xdr.SCVal, amount: xdr.SCVal) -> None:
    sender = address_value(keypair("ada").public_key)
    for given_amount in (amount, scval.to_int128(1)):
        outcome = ContractChain().call("transfer", sender, receiver, given_amount, contract=TOKEN)
        assert outcome.failure is not None
