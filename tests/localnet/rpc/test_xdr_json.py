"""XDR as JSON: the SDK's form, and what the SDK cannot write."""

import pytest
from stellar_sdk import Asset, scval, xdr

from localnet.genesis import ISSUER
from localnet.rpc.xdr_json import XdrType, as_json

ODD_ASSET = xdr.Asset(
    xdr.AssetType.ASSET_TYPE_CREDIT_ALPHANUM4,
    alpha_num4=xdr.AlphaNum4(xdr.AssetCode4(b"a\xd1\x00\x00"), ISSUER.xdr_account_id()),
)


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (
            scval.to_map({scval.to_symbol("a"): scval.to_int128(-5)}),
            {"map": [{"key": {"symbol": "a"}, "val": {"i128": "-5"}}]},
        ),
        (scval.to_uint64(2**64 - 1), {"u64": "18446744073709551615"}),
        (scval.to_void(), "void"),
        (scval.to_string(b"a\xff"), {"string": "a\\xff"}),
        (Asset.native().to_xdr_object(), "native"),
        (ODD_ASSET, {"credit_alphanum4": {"asset_code": "a\\xd1", "issuer": ISSUER.public_key}}),
        (xdr.SCVal(xdr.SCValType.SCV_VEC), {"vec": None}),
        (xdr.SCVal(xdr.SCValType.SCV_MAP), {"map": None}),
        (scval.to_vec([xdr.SCVal(xdr.SCValType.SCV_MAP)]), {"vec": [{"map": None}]}),
        (xdr.ClaimPredicate(xdr.ClaimPredicateType.CLAIM_PREDICATE_NOT), {"not": None}),
    ],
)
def test_a_structure_has_its_json_form(structure: XdrType, expected: object) -> None:
    assert as_json(type(structure), structure.to_xdr_bytes()) == expected
