"""Keys and values cut out of an encoding are what the reader of objects finds; the same are refused."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import scval, xdr

from kale.addresses import sc_address
from kale.networks import LOCAL
from kale.storage import account_key, instance_key, pail_key, trustline_key
from localnet.ledger.encoded_parts import read_encoded_key, read_encoded_value
from localnet.ledger.wire_reader import MAX_DEPTH, WIRE_ERRORS, WireReader
from tests.localnet.ledger.test_value_wire import accounts, integers, values

_Type = xdr.LedgerEntryType

_data_keys = st.builds(
    lambda owner, key, durability: xdr.LedgerKey(
        _Type.CONTRACT_DATA, contract_data=xdr.LedgerKeyContractData(sc_address(owner), key, durability)
    ),
    accounts | st.just(LOCAL.farm_contract_id),
    values | st.lists(st.text("abc", max_size=9).map(scval.to_symbol), max_size=3).map(scval.to_vec),
    st.sampled_from(xdr.ContractDataDurability),
)
keys = st.one_of(
    _data_keys,
    accounts.map(account_key),
    accounts.map(lambda address: trustline_key("KALE", LOCAL.asset_issuer, address)),
    accounts.map(lambda address: trustline_key("LONGER", LOCAL.asset_issuer, address)),
    st.builds(
        lambda address, index: pail_key(LOCAL.farm_contract_id, address, index),
        accounts,
        integers(32, signed=False),
    ),
    st.just(instance_key(LOCAL.farm_contract_id)),
    st.binary(min_size=32, max_size=32).map(
        lambda code: xdr.LedgerKey(
            _Type.CONTRACT_CODE, contract_code=xdr.LedgerKeyContractCode(xdr.Hash(code))
        )
    ),
    st.just(xdr.LedgerKey(_Type.TTL, ttl=xdr.LedgerKeyTtl(xdr.Hash(bytes(32))))),
)


@given(keys)
def test_keys(key: xdr.LedgerKey) -> None:
    reader = WireReader(b"before" + key.to_xdr_bytes() + b"rest")
    reader.position = len(b"before")
    assert read_encoded_key(reader, MAX_DEPTH) == key.to_xdr_bytes()
    assert reader.raw[reader.position :] == b"rest"


@given(values)
def test_values(value: xdr.SCVal) -> None:
    reader = WireReader(b"before" + value.to_xdr_bytes() + b"rest")
    reader.position = len(b"before")
    assert read_encoded_value(reader, MAX_DEPTH) == value.to_xdr_bytes()
    assert reader.raw[reader.position :] == b"rest"


def broken(encoded: bytes, data: st.DataObject) -> bytes:
    raw = bytearray(encoded)
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))
    return bytes(raw[: data.draw(st.integers(position, len(raw)))])


def read_or_refused(read: Callable[[WireReader], object], encoded: bytes) -> bytes | None:
    reader = WireReader(encoded)
    try:
        read(reader)
    except WIRE_ERRORS:
        return None
    return encoded[: reader.position]


@given(keys, st.data())
def test_broken_keys_are_refused_as_by_the_reader_of_objects(key: xdr.LedgerKey, data: st.DataObject) -> None:
    encoded = broken(key.to_xdr_bytes(), data)
    expected = read_or_refused(lambda reader: reader.ledger_key(MAX_DEPTH), encoded)
    assert read_or_refused(lambda reader: read_encoded_key(reader, MAX_DEPTH), encoded) == expected


@given(values, st.data())
def test_so_are_broken_values(value: xdr.SCVal, data: st.DataObject) -> None:
    encoded = broken(value.to_xdr_bytes(), data)
    expected = read_or_refused(lambda reader: reader.value(MAX_DEPTH), encoded)
    assert read_or_refused(lambda reader: read_encoded_value(reader, MAX_DEPTH), encoded) == expected
