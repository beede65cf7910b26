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
