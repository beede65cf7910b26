import pytest
from stellar_sdk import StrKey, scval, xdr

from kale.addresses import address_value
from kale.storage import account_key, block_key, instance_key, pail_key, trustline_key
from localnet.soroban.key_order import key_order
from localnet.soroban.values import describe, value_order
from tests.localnet.contract_chain import FARM, ISSUER, TOKEN, keypair

ADA = keypair("ada").public_key


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (scval.to_void(), "Void"),
        (scval.to_bool(True), "true"),
        (scval.to_int128(-(2**100)), "-1267650600228229401496703205376"),
        (scval.to_uint64(7), "7"),
        (scval.to_string("so"), '"so"'),
        (scval.to_symbol("plant"), "plant"),
        (scval.to_bytes(b"\x01\xff"), "Bytes(01ff)"),
        (address_value(ADA), ADA),
        (scval.to_vec([scval.to_uint32(1), scval.to_void()]), "[1, Void]"),
        (scval.to_vec([]), "[]"),
        (scval.to_struct({"b": scval.to_uint32(2), "a": scval.to_uint32(1)}), "{a: 1, b: 2}"),
        (scval.to_timepoint(5), "TimePoint(5)"),
        (scval.to_duration(5), "Duration(5)"),
        (xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE), "LedgerKeyContractInstance"),
        (
            xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_NONCE, nonce_key=xdr.SCNonceKey(xdr.Int64(-3))),
            "LedgerKeyNonce(-3)",
        ),
    ],
)
def test_values_are_printed_as_the_host_prints_them(value: xdr.SCVal, text: str) -> None:
    assert describe(value) == text


def test_values_are_ordered_by_type_then_content() -> None:
    in_order = [
        scval.to_bool(False),
        scval.to_bool(True),
        scval.to_void(),
        scval.to_uint32(2),
        scval.to_uint32(10),
        scval.to_int128(-5),
        scval.to_int128(5),
        scval.to_bytes(b"\x02"),
        scval.to_symbol("Block"),
        scval.to_symbol("Pail"),
        scval.to_symbol("Pails"),
        scval.to_symbol("Q"),
        scval.to_vec([]),
        scval.to_vec([scval.to_symbol("HomesteadAsset")]),
        scval.to_vec([scval.to_symbol("Homesteader")]),
        address_value(ADA),
        address_value(StrKey.encode_contract(bytes(32))),
        xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE),
        xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_NONCE, nonce_key=xdr.SCNonceKey(xdr.Int64(1))),
    ]
    assert sorted(in_order, key=value_order) == in_order


def test_keys_are_ordered_by_kind_then_owner_then_key() -> None:
    first, second = sorted([FARM, TOKEN], key=lambda contract: StrKey.decode_contract(contract))
    keys = [
        account_key(ADA),
        trustline_key("KALE", ISSUER, ADA),
        block_key(first, 9),
        block_key(first, 10),
        pail_key(first, ADA, 1),
        instance_key(first),
        instance_key(second),
    ]
    in_order = [key.to_xdr_bytes() for key in keys]
    assert sorted(in_order, key=key_order) == in_order
