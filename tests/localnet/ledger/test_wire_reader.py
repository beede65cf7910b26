"""The quick reader gives the SDK's objects, and refuses what the SDK refuses and more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import StrKey, scval, xdr
from xdrlib3 import Unpacker

from kale.networks import LOCAL
from kale.storage import account_key, instance_key, pail_key, trustline_key
from localnet.ledger.wire_reader import MAX_DEPTH, WIRE_ERRORS, WireReader
from tests.localnet.ledger.test_value_wire import accounts, integers, values


@given(values)
def test_values(value: xdr.SCVal) -> None:
    reader = WireReader(value.to_xdr_bytes() + b"rest")
    assert reader.value() == value
    assert reader.raw[reader.position :] == b"rest"


@given(values, st.data())
def test_broken_values_are_refused_or_read_as_by_the_sdk(value: xdr.SCVal, data: st.DataObject) -> None:
    raw = bytearray(value.to_xdr_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))
    broken = bytes(raw[: data.draw(st.integers(position, len(raw)))])
    try:
        expected: xdr.SCVal | None = xdr.SCVal.unpack(Unpacker(broken))
    except WIRE_ERRORS:
        expected = None
    if expected is not None and not broken.startswith(expected.to_xdr_bytes()):
        expected = None  # a flag above 1 or padding that is not zero
    try:
        read: xdr.SCVal | None = WireReader(broken).value()
    except WIRE_ERRORS:
        read = None
    assert read == expected


@given(accounts, integers(32, signed=False))
def test_keys(address: str, index: int) -> None:
    for key in (
        account_key(address),
        trustline_key("KALE", LOCAL.asset_issuer, address),
        instance_key(LOCAL.farm_contract_id),
        pail_key(LOCAL.farm_contract_id, address, index),
    ):
        assert WireReader(key.to_xdr_bytes()).ledger_key(MAX_DEPTH) == key


@pytest.mark.parametrize(
    "encoded",
    [
        "0000000000000002",  # a bool of 2
        "000000100000000200000000",  # a vec's flag of 2
        "000000110000000200000000",  # a map's
        "0000000d00000001aa010000",  # bytes with padding
        "0000000e0000000161000001",  # a text
        "0000000f0000000161000001",  # a symbol
    ],
)
def test_flags_and_padding_must_be_as_an_encoder_writes_them(encoded: str) -> None:
    raw = bytes.fromhex(encoded)
    xdr.SCVal.from_xdr_bytes(raw)
    with pytest.raises(ValueError, match=r"flag|padding"):
        WireReader(raw).value()


def test_nesting_is_limited() -> None:
    value = scval.to_void()
    for _ in range(MAX_DEPTH // 2 - 1):
        value = scval.to_vec([value])
    assert WireReader(value.to_xdr_bytes()).value() == value
    with pytest.raises(ValueError, match="depth"):
        WireReader(scval.to_vec([value]).to_xdr_bytes()).value()


@pytest.mark.parametrize("size", [0, 3, 8, 39])
def test_bytes_that_end_too_early_are_refused(size: int) -> None:
    raw = scval.to_address(StrKey.encode_contract(bytes(32))).to_xdr_bytes()[:size]
    with pytest.raises(WIRE_ERRORS):
        WireReader(raw).value()
