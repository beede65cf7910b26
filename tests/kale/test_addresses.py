from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import Address, StrKey, xdr

from kale.addresses import (
    account_id,
    account_key_bytes,
    account_text,
    address_text,
    address_value,
    contract_hash,
    contract_text,
    sc_address,
)

hashes = st.binary(min_size=32, max_size=32)


@given(hashes)
def test_accounts_and_contracts_survive_the_conversion(raw: bytes) -> None:
    account, contract = account_text(raw), contract_text(raw)
    assert account_key_bytes(account) == contract_hash(contract) == raw
    assert address_text(sc_address(account)) == account
    assert address_text(sc_address(contract)) == contract
    assert sc_address(contract) == Address(contract).to_xdr_sc_address()
    assert address_value(account).address == sc_address(account)
    assert sc_address(account).account_id == account_id(account)


def test_a_muxed_account_is_no_authority() -> None:
    muxed = Address(StrKey.encode_med25519_public_key(bytes(40))).to_xdr_sc_address()
    with pytest.raises(ValueError, match="must be an account or a contract"):
        address_text(muxed)
    assert muxed.type is xdr.SCAddressType.SC_ADDRESS_TYPE_MUXED_ACCOUNT


@given(hashes, st.data())
def test_a_text_is_an_address_where_the_sdk_says_so(raw: bytes, data: st.DataObject) -> None:
    for text in (account_text(raw), contract_text(raw)):
        position = data.draw(st.integers(0, len(text) - 1))
        letter = data.draw(st.sampled_from("ABGCZ27018=_ agv+-é"))
        for changed in (text[:position] + letter + text[position + 1 :], text[:position], text + letter):
            assert decoded(account_key_bytes, changed) == decoded(StrKey.decode_ed25519_public_key, changed)
            assert decoded(contract_hash, changed) == decoded(StrKey.decode_contract, changed)


def decoded(decode: Callable[[str], bytes], text: str) -> bytes | None:
    try:
        return decode(text)
    except ValueError:
        return None
