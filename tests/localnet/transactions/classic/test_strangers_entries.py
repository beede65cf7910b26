"""Entries that only a chain forked from another network has: liabilities, pools, sponsors left behind."""

import copy

import pytest
from stellar_sdk import Asset, Keypair, xdr

from localnet.genesis import FAUCET, ISSUER
from localnet.ledger.accounts import account_key, public_key, trustline_key
from localnet.ledger.entries import StoredEntry
from localnet.ledger.sponsorships import sponsor_extension, with_counts
from tests.localnet.play import KALE, Play, sponsored_count


def put(play: Play, key: bytes, data: xdr.LedgerEntryData, extension: bytes | None = None) -> None:
    entry = play.chain.state.find(key)
    assert entry is not None
    play.chain.state.commit({key: StoredEntry(data, entry.last_modified, None, extension or entry.extension)})


def line_with(play: Play, holder: Keypair, *, buying: int = 0, selling: int = 0, pools: int = 0) -> None:
    """Gives the holder's trustline liabilities of offers, and pools that need it."""
    line = copy.copy(play.line(holder))
    second = xdr.TrustLineEntryExtensionV2(xdr.Int32(pools), xdr.TrustLineEntryExtensionV2Ext(0))
    liabilities = xdr.Liabilities(xdr.Int64(buying), xdr.Int64(selling))
    line.ext = xdr.TrustLineEntryExt(
        1, v1=xdr.TrustLineEntryV1(liabilities, xdr.TrustLineEntryV1Ext(2, v2=second))
    )
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.TRUSTLINE, trust_line=line)
    put(play, trustline_key(holder.raw_public_key(), KALE.to_xdr_object()), data)


@pytest.fixture
def play() -> Play:
    return Play()


@pytest.fixture
def holder(play: Play) -> Keypair:
    """A trustline of 10 KALE with 6 on it."""
    key = play.funded("holder")
    assert play.apply(play.builder(key).append_change_trust_op(KALE, "10"), key).succeeded
    paying = play.builder(ISSUER).append_payment_op(key.public_key, KALE, "6")
    assert play.apply(paying, ISSUER).succeeded
    return key


def test_offers_bind_what_they_sell_and_keep_room_for_what_they_buy(play: Play, holder: Keypair) -> None:
    line_with(play, holder, buying=3 * 10**7, selling=2 * 10**7)
    for source, destination, amount, code in (
        (holder, ISSUER, "4.0000001", "PAYMENT_UNDERFUNDED"),
        (ISSUER, holder, "1.0000001", "PAYMENT_LINE_FULL"),
        (ISSUER, holder, "1", "PAYMENT_SUCCESS"),
        (holder, ISSUER, "5", "PAYMENT_SUCCESS"),
    ):
        builder = play.builder(source).append_payment_op(destination.public_key, KALE, amount)
        assert play.apply(builder, source).operation_codes == [code]
    for limit, code in (("4.9999999", "CHANGE_TRUST_INVALID_LIMIT"), ("5", "CHANGE_TRUST_SUCCESS")):
        builder = play.builder(holder).append_change_trust_op(KALE, limit)
        assert play.apply(builder, holder).operation_codes == [code]


def test_a_line_that_a_pool_needs_is_not_deleted(play: Play, holder: Keypair) -> None:
    play.apply(play.builder(holder).append_payment_op(ISSUER.public_key, KALE, "6"), holder)
    line_with(play, holder, pools=1)
    builder = play.builder(holder).append_change_trust_op(KALE, "0")
    assert play.apply(builder, holder).operation_codes == ["CHANGE_TRUST_CANNOT_DELETE"]


def sponsored_by_nobody(play: Play, holder: Keypair) -> bytes:
    """Makes the trustline sponsored by an account that is not on this chain; returns its key."""
    account = with_counts(play.account(holder), sponsored=1)
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account)
    put(play, account_key(holder.raw_public_key()), data)
    line = xdr.LedgerEntryData(xdr.LedgerEntryType.TRUSTLINE, trust_line=play.line(holder))
    sponsor = play.key("left behind").raw_public_key()
    key = trustline_key(holder.raw_public_key(), KALE.to_xdr_object())
    put(play, key, line, sponsor_extension(sponsor))
    return key


def test_an_entry_goes_whose_sponsor_was_left_behind(play: Play, holder: Keypair) -> None:
    key = sponsored_by_nobody(play, holder)
    builder = play.builder(holder).append_payment_op(ISSUER.public_key, KALE, "6")
    assert play.apply(builder.append_change_trust_op(KALE, "0"), holder).succeeded
    assert play.chain.state.find(key) is None
    assert sponsored_count(play.account(holder)) == 0


def test_a_sponsor_cannot_give_back_to_an_owner_who_was_left_behind(play: Play, holder: Keypair) -> None:
    sponsored_by_nobody(play, holder)
    play.chain.state.commit({account_key(holder.raw_public_key()): None})
    left_behind = play.funded("left behind")
    builder = play.builder(left_behind).append_revoke_trustline_sponsorship_op(holder.public_key, KALE)
    assert play.apply(builder, left_behind).operation_codes == ["REVOKE_SPONSORSHIP_LOW_RESERVE"]


def test_an_account_can_be_too_full_to_be_paid(play: Play) -> None:
    account = copy.copy(play.account(FAUCET))
    liabilities = xdr.Liabilities(xdr.Int64(2**63 - 1 - account.balance.int64), xdr.Int64(0))
    account.ext = xdr.AccountEntryExt(
        1, v1=xdr.AccountEntryExtensionV1(liabilities, xdr.AccountEntryExtensionV1Ext(0))
    )
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account)
    put(play, account_key(public_key(account.account_id)), data)
    builder = play.builder(ISSUER).append_payment_op(FAUCET.public_key, Asset.native(), "1")
    assert play.apply(builder, ISSUER).operation_codes == ["PAYMENT_LINE_FULL"]
