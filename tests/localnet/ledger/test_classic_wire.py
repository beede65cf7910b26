"""Accounts and trustlines are encoded as the SDK encodes them, in each of their forms."""

import copy

from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import Asset, xdr

from kale.networks import LOCAL
from localnet.ledger.accounts import (
    new_account,
    new_trustline,
    with_balance,
    with_line_balance,
    with_sequence,
    with_subentries,
)
from localnet.ledger.classic_wire import encode_account, encode_trustline
from localnet.ledger.sponsorships import with_counts

keys = st.binary(min_size=32, max_size=32)
stroops = st.integers(0, 2**63 - 1)
uint32 = st.integers(0, 2**32 - 1)
SIGNER = xdr.Signer(
    xdr.SignerKey(xdr.SignerKeyType.SIGNER_KEY_TYPE_ED25519, ed25519=xdr.Uint256(bytes(32))), xdr.Uint32(1)
)


def check(account: xdr.AccountEntry) -> None:
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account)
    assert encode_account(data) == data.to_xdr_bytes()


@given(keys, stroops, stroops, uint32, st.sampled_from([b"", b"kale.example"]), uint32)
def test_accounts(
    key: bytes, balance: int, sequence: int, subentries: int, domain: bytes, flags: int
) -> None:
    account = with_subentries(with_balance(new_account(key, 0, sequence), balance), subentries)
    account.home_domain = xdr.String32(domain)
    account.flags = xdr.Uint32(flags)
    used = with_sequence(account, sequence, subentries, balance)
    for each in (account, used, with_counts(used, sponsored=1), with_counts(account, sponsoring=2)):
        check(each)
        signed = copy.copy(each)
        signed.signers = [SIGNER]
        check(signed)
    assert used.ext.v1 is not None
    used.ext.v1.liabilities = xdr.Liabilities(xdr.Int64(balance), xdr.Int64(sequence))
    check(used)


@given(keys, stroops, stroops, uint32)
def test_trustlines(holder: bytes, balance: int, limit: int, flags: int) -> None:
    for code in ("KALE", "KALEKALEKALE"):
        asset = Asset(code, LOCAL.asset_issuer).to_xdr_object()
        line = with_line_balance(new_trustline(holder, asset, limit, flags), balance)
        data = xdr.LedgerEntryData(xdr.LedgerEntryType.TRUSTLINE, trust_line=line)
        assert encode_trustline(data) == data.to_xdr_bytes()
