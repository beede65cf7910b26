"""The quick encoder gives the SDK's bytes, whatever it is asked to encode."""

from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import MuxedAccount, StrKey, scval, xdr

from kale.addresses import address_value, sc_address
from kale.networks import LOCAL
from kale.storage import account_key, instance_key, pail_key, trustline_key
from localnet.ledger import value_wire
from localnet.ledger.accounts import new_account, stored_account
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import contract_data_entry, key_bytes
from localnet.ledger.value_wire import encode_address, encode_value

KIND = xdr.SCValType
accounts = st.binary(min_size=32, max_size=32).map(StrKey.encode_ed25519_public_key)
contracts = st.binary(min_size=32, max_size=32).map(StrKey.encode_contract)
symbols = st.text("abcXYZ_09", min_size=1, max_size=32).map(scval.to_symbol)


def integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else st.integers(0, 2**bits - 1)


simple = st.one_of(
    st.just(scval.to_void()),
    st.just(xdr.SCVal(KIND.SCV_LEDGER_KEY_CONTRACT_INSTANCE)),
    st.just(xdr.SCVal(KIND.SCV_VEC)),
    st.just(xdr.SCVal(KIND.SCV_MAP)),
    st.booleans().map(scval.to_bool),
    integers(32, signed=False).map(scval.to_uint32),
    integers(32, signed=True).map(scval.to_int32),
    integers(64, signed=False).map(scval.to_uint64),
    integers(64, signed=True).map(scval.to_int64),
    integers(128, signed=False).map(scval.to_uint128),
    integers(128, signed=True).map(scval.to_int128),
    integers(256, signed=True).map(scval.to_int256),
    integers(64, signed=False).map(scval.to_timepoint),
    integers(64, signed=False).map(scval.to_duration),
    st.binary(max_size=40).map(scval.to_bytes),
    st.binary(max_size=40).map(scval.to_string),
    symbols,
    st.one_of(accounts, contracts).map(address_value),
    integers(64, signed=True).map(
        lambda nonce: xdr.SCVal(KIND.SCV_LEDGER_KEY_NONCE, nonce_key=xdr.SCNonceKey(xdr.Int64(nonce)))
    ),
    st.integers(0, 15).map(
        lambda code: xdr.SCVal(
            KIND.SCV_ERROR, error=xdr.SCError(xdr.SCErrorType.SCE_CONTRACT, contract_code=xdr.Uint32(code))
        )
    ),
)


def instance(entries: list[tuple[xdr.SCVal, xdr.SCVal]], wasm_hash: bytes | None) -> xdr.SCVal:
    kinds = xdr.ContractExecutableType
    executable = xdr.ContractExecutable(kinds.CONTRACT_EXECUTABLE_STELLAR_ASSET)
    if wasm_hash is not None:
        executable = xdr.ContractExecutable(kinds.CONTRACT_EXECUTABLE_WASM, wasm_hash=xdr.Hash(wasm_hash))
    storage = xdr.SCMap([xdr.SCMapEntry(key, val) for key, val in entries]) if entries else None
    return xdr.SCVal(KIND.SCV_CONTRACT_INSTANCE, instance=xdr.SCContractInstance(executable, storage))


values = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(scval.to_vec),
        st.dictionaries(st.text("abc", min_size=1, max_size=9), inner, max_size=4).map(scval.to_struct),
        st.builds(
            instance,
            st.lists(st.tuples(symbols, inner), max_size=3),
            st.one_of(st.none(), st.binary(min_size=32, max_size=32)),
        ),
    ),
    max_leaves=8,
)


@given(values)
def test_values(value: xdr.SCVal) -> None:
    assert encode_value(value) == value.to_xdr_bytes()


@given(st.one_of(accounts, contracts))
def test_addresses(address: str) -> None:
    assert encode_address(sc_address(address)) == sc_address(address).to_xdr_bytes()


def test_an_address_of_another_kind() -> None:
    muxed = MuxedAccount(LOCAL.asset_issuer, 7).to_xdr_object().med25519
    assert muxed is not None
    address = xdr.SCAddress(
        xdr.SCAddressType.SC_ADDRESS_TYPE_MUXED_ACCOUNT,
        muxed_account=xdr.MuxedEd25519Account(id=muxed.id, ed25519=muxed.ed25519),
    )
    assert encode_address(address) == address.to_xdr_bytes()


@given(accounts, integers(32, signed=False))
def test_keys(address: str, index: int) -> None:
    for key in (
        account_key(address),
        trustline_key("KALE", LOCAL.asset_issuer, address),
        instance_key(LOCAL.farm_contract_id),
        pail_key(LOCAL.farm_contract_id, address, index),
    ):
        assert key_bytes(key) == key.to_xdr_bytes()


@given(values, st.sampled_from(xdr.ContractDataDurability))
def test_entries(value: xdr.SCVal, durability: xdr.ContractDataDurability) -> None:
    data = contract_data_entry(LOCAL.farm_contract_id, scval.to_symbol("Key"), durability, value)
    assert StoredEntry(data, 1, 2).data_xdr == data.to_xdr_bytes()
    account = stored_account(new_account(bytes(32), 5, 6), 1)
    assert account.data_xdr == account.data.to_xdr_bytes()


@given(
    integers(32, signed=False), integers(64, signed=True), integers(128, signed=True), st.binary(max_size=40)
)
def test_what_is_encoded_without_a_value(small: int, middle: int, large: int, content: bytes) -> None:
    error = xdr.SCError(xdr.SCErrorType.SCE_CONTRACT, contract_code=xdr.Uint32(small))
    nonce = xdr.SCVal(KIND.SCV_LEDGER_KEY_NONCE, nonce_key=xdr.SCNonceKey(xdr.Int64(middle)))
    for encoded, value in (
        (value_wire.uint32(small), scval.to_uint32(small)),
        (value_wire.uint64(small), scval.to_uint64(small)),
        (value_wire.int64(middle), scval.to_int64(middle)),
        (value_wire.int128(large), scval.to_int128(large)),
        (value_wire.binary(content), scval.to_bytes(content)),
        (value_wire.string(content), scval.to_string(content)),
        (value_wire.boolean(small % 2 == 1), scval.to_bool(small % 2 == 1)),
        (value_wire.VOID, scval.to_void()),
        (value_wire.nonce(middle), nonce),
        (value_wire.error(error), xdr.SCVal(KIND.SCV_ERROR, error=error)),
        (
            value_wire.vector([value_wire.VOID, value_wire.uint32(small)]),
            scval.to_vec([scval.to_void(), scval.to_uint32(small)]),
        ),
    ):
        assert encoded == value.to_xdr_bytes()


@given(st.one_of(accounts, contracts))
def test_addresses_from_their_text(address: str) -> None:
    assert value_wire.address(address) == address_value(address).to_xdr_bytes()
