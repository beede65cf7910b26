"""Sponsored reserves: accounts, trustlines, data and signers that somebody else pays for."""

import aiohttp
import pytest
from stellar_sdk import Asset, Keypair, Signer, TransactionBuilder, xdr
from stellar_sdk.operation import SetOptions

from localnet.genesis import FAUCET, ISSUER
from localnet.ledger.accounts import available_stroops, data_key, public_key, trustline_key
from localnet.ledger.meta import ledger_entry
from localnet.ledger.sponsorships import account_signers, entry_sponsor, sponsoring_count
from localnet.ledger.wire import base64_text
from localnet.network_settings import MAINNET_SETTINGS
from localnet.testing import NodeHandle
from tests.localnet.play import KALE, Applied, Play, sponsored_count
from tests.localnet.wallet import Wallet

HALF_XLM = 5_000_000


def sponsored(
    play: Play, sponsor: Keypair, owner: Keypair, *, source: Keypair | None = None
) -> TransactionBuilder:
    """Begin, to which a test adds what is sponsored, and then `closed`."""
    builder = play.builder(source or sponsor)
    return builder.append_begin_sponsoring_future_reserves_op(owner.public_key, source=sponsor.public_key)


def closed(builder: TransactionBuilder, owner: Keypair) -> TransactionBuilder:
    return builder.append_end_sponsoring_future_reserves_op(source=owner.public_key)


def counts(play: Play, key: Keypair) -> tuple[int, int]:
    account = play.account(key)
    return sponsored_count(account), sponsoring_count(account)


def new_sponsored_account(play: Play, sponsor: Keypair, name: str) -> tuple[Keypair, Applied]:
    new = play.key(name)
    builder = sponsored(play, sponsor, new).append_create_account_op(new.public_key, "0")
    return new, play.apply(closed(builder, new), sponsor, new)


def test_a_sponsored_account_needs_no_xlm(play: Play) -> None:
    ada = play.funded("ada", "3")
    bob, created = new_sponsored_account(play, ada, "bob")
    assert created.succeeded
    assert play.account(bob).balance.int64 == 0
    assert counts(play, bob) == (2, 0)
    assert counts(play, ada) == (0, 2)
    assert available_stroops(play.account(ada), MAINNET_SETTINGS) == 3 * 10**7 - 4 * HALF_XLM - 300
    entry = play.account_entry(bob)
    assert entry_sponsor(entry) == ada.raw_public_key()
    decoded = xdr.LedgerEntry.from_xdr_bytes(ledger_entry(entry))
    assert decoded.ext.v1 is not None
    assert decoded.ext.v1.sponsoring_id.sponsorship_descriptor is not None


def test_a_sponsor_needs_the_reserve(play: Play) -> None:
    ada = play.funded("ada", "1.9")
    _, refused = new_sponsored_account(play, ada, "bob")
    assert refused.code == "txFAILED"
    assert refused.operation_codes == [
        "BEGIN_SPONSORING_FUTURE_RESERVES_SUCCESS",
        "CREATE_ACCOUNT_LOW_RESERVE",
        "opNO_ACCOUNT",
    ]
    poor = play.funded("poor", "1")
    builder = sponsored(play, poor, ada, source=ada).append_change_trust_op(KALE)
    builder.append_manage_data_op("name", b"").append_operation(SetOptions(signer=_signer(1)))
    refused = play.apply(closed(builder, ada), ada, poor)
    assert refused.operation_codes[1:4] == [
        "CHANGE_TRUST_LOW_RESERVE",
        "MANAGE_DATA_LOW_RESERVE",
        "SET_OPTIONS_LOW_RESERVE",
    ]


def test_what_was_sponsored_is_released_when_it_goes(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob", "1.01")
    builder = sponsored(play, ada, bob)
    builder.append_change_trust_op(KALE, source=bob.public_key)
    builder.append_manage_data_op("name", b"x", source=bob.public_key)
    builder.append_operation(SetOptions(signer=_signer(1), source=bob.public_key))
    assert play.apply(closed(builder, bob), ada, bob).succeeded
    assert counts(play, bob) == (3, 0)
    assert counts(play, ada) == (0, 3)
    assert play.account(bob).num_sub_entries.uint32 == 3
    assert [item.sponsor for item in account_signers(play.account(bob))] == [ada.raw_public_key()]
    builder = play.builder(bob).append_change_trust_op(KALE, "0").append_manage_data_op("name", None)
    assert play.apply(builder.append_operation(SetOptions(signer=_signer(1, 0))), bob).succeeded
    assert counts(play, bob) == (0, 0)
    assert counts(play, ada) == (0, 0)


def test_a_changed_entry_keeps_its_sponsor(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    builder = sponsored(play, ada, bob).append_change_trust_op(KALE, source=bob.public_key)
    play.apply(closed(builder, bob), ada, bob)
    paying = play.builder(FAUCET).append_payment_op(bob.public_key, KALE, "5")
    assert play.apply(paying, FAUCET).succeeded
    key = trustline_key(bob.raw_public_key(), KALE.to_xdr_object())
    entry = play.chain.state.find(key)
    assert entry is not None
    assert entry_sponsor(entry) == ada.raw_public_key()


def test_a_merged_account_releases_its_sponsors(play: Play) -> None:
    ada = play.funded("ada")
    bob, _ = new_sponsored_account(play, ada, "bob")
    builder = sponsored(play, ada, bob).append_operation(SetOptions(signer=_signer(1), source=bob.public_key))
    assert play.apply(closed(builder, bob), ada, bob).succeeded
    assert counts(play, ada) == (0, 3)
    sponsor_merges = play.builder(ada).append_account_merge_op(FAUCET.public_key)
    assert play.apply(sponsor_merges, ada).operation_codes == ["ACCOUNT_MERGE_IS_SPONSOR"]
    merging = play.builder(ada).append_account_merge_op(ada.public_key, source=bob.public_key)
    assert play.apply(merging, ada, bob).succeeded
    assert counts(play, ada) == (0, 0)


def test_a_sponsorship_must_end_in_its_transaction(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    before = play.account(bob).num_sub_entries.uint32
    builder = sponsored(play, ada, bob).append_change_trust_op(KALE, source=bob.public_key)
    open_end = play.apply(builder, ada, bob)
    assert open_end.code == "txBAD_SPONSORSHIP"
    assert open_end.meta.operations == []
    assert play.account(bob).num_sub_entries.uint32 == before
    ending = play.builder(ada).append_end_sponsoring_future_reserves_op()
    assert play.apply(ending, ada).operation_codes == ["END_SPONSORING_FUTURE_RESERVES_NOT_SPONSORED"]


def test_sponsorships_do_not_chain(play: Play) -> None:
    ada, bob, eve = play.funded("ada"), play.funded("bob"), play.funded("eve")
    itself = play.builder(ada).append_begin_sponsoring_future_reserves_op(ada.public_key)
    assert play.refusal(itself, ada) == ["txFAILED", "BEGIN_SPONSORING_FUTURE_RESERVES_MALFORMED"]
    builder = sponsored(play, ada, bob)
    builder.append_begin_sponsoring_future_reserves_op(bob.public_key, source=eve.public_key)
    builder.append_begin_sponsoring_future_reserves_op(eve.public_key, source=bob.public_key)
    builder.append_begin_sponsoring_future_reserves_op(ada.public_key, source=eve.public_key)
    builder.append_account_merge_op(eve.public_key)
    refused = play.apply(closed(builder, bob), ada, bob, eve)
    assert refused.operation_codes == [
        "BEGIN_SPONSORING_FUTURE_RESERVES_SUCCESS",
        "BEGIN_SPONSORING_FUTURE_RESERVES_ALREADY_SPONSORED",
        "BEGIN_SPONSORING_FUTURE_RESERVES_RECURSIVE",
        "BEGIN_SPONSORING_FUTURE_RESERVES_RECURSIVE",
        "ACCOUNT_MERGE_IS_SPONSOR",
        "END_SPONSORING_FUTURE_RESERVES_SUCCESS",
    ]


# Revoking


def revoke(builder: TransactionBuilder, kind: str, owner: Keypair, source: Keypair) -> TransactionBuilder:
    public_key = source.public_key
    if kind == "account":
        return builder.append_revoke_account_sponsorship_op(owner.public_key, source=public_key)
    if kind == "trustline":
        return builder.append_revoke_trustline_sponsorship_op(owner.public_key, KALE, source=public_key)
    if kind == "data":
        return builder.append_revoke_data_sponsorship_op(owner.public_key, "name", source=public_key)
    return builder.append_revoke_ed25519_public_key_signer_sponsorship_op(
        owner.public_key, _signer(1).signer_key.encoded_signer_key, source=public_key
    )


def sponsor_of(play: Play, kind: str, owner: Keypair) -> bytes | None:
    key = owner.raw_public_key()
    if kind == "account":
        return entry_sponsor(play.account_entry(owner))
    if kind == "signer":
        return account_signers(play.account(owner))[0].sponsor
    entry_key = trustline_key(key, KALE.to_xdr_object()) if kind == "trustline" else data_key(key, b"name")
    entry = play.chain.state.find(entry_key)
    assert entry is not None
    return entry_sponsor(entry)


def owner_with_everything(play: Play) -> Keypair:
    """An account with a trustline, data and a signer, nothing of it sponsored."""
    bob = play.funded("bob")
    builder = play.builder(bob).append_change_trust_op(KALE).append_manage_data_op("name", b"x")
    assert play.apply(builder.append_operation(SetOptions(signer=_signer(1))), bob).succeeded
    return bob


@pytest.mark.parametrize(("kind", "weight"), [("account", 2), ("trustline", 1), ("data", 1), ("signer", 1)])
def test_a_reserve_moves_to_a_sponsor_to_the_next_and_back(play: Play, kind: str, weight: int) -> None:
    ada, eve, bob = play.funded("ada"), play.funded("eve"), owner_with_everything(play)
    taking_over = closed(revoke(sponsored(play, ada, bob), kind, bob, bob), bob)
    assert play.apply(taking_over, ada, bob).succeeded
    assert sponsor_of(play, kind, bob) == ada.raw_public_key()
    assert counts(play, ada) == (0, weight)
    assert counts(play, bob) == (weight, 0)
    passing_on = closed(revoke(sponsored(play, eve, ada), kind, bob, ada), ada)
    assert play.apply(passing_on, eve, ada).succeeded
    assert sponsor_of(play, kind, bob) == eve.raw_public_key()
    assert (counts(play, ada), counts(play, eve)) == ((0, 0), (0, weight))
    stranger = revoke(play.builder(ada), kind, bob, ada)
    assert play.apply(stranger, ada).operation_codes == ["REVOKE_SPONSORSHIP_NOT_SPONSOR"]
    assert play.apply(revoke(play.builder(eve), kind, bob, eve), eve).succeeded
    assert sponsor_of(play, kind, bob) is None
    assert (counts(play, eve), counts(play, bob)) == ((0, 0), (0, 0))
    nothing = play.apply(revoke(play.builder(bob), kind, bob, bob), bob)
    assert nothing.operation_codes == ["REVOKE_SPONSORSHIP_SUCCESS"]


def test_a_sponsor_gives_back_under_sponsorship_of_the_owner(play: Play) -> None:
    ada, bob = play.funded("ada"), owner_with_everything(play)
    play.apply(closed(revoke(sponsored(play, ada, bob), "data", bob, bob), bob), ada, bob)
    builder = closed(revoke(sponsored(play, bob, ada), "data", bob, ada), ada)
    assert play.apply(builder, ada, bob).succeeded
    assert sponsor_of(play, "data", bob) is None


def test_an_owner_without_the_reserve_stays_sponsored(play: Play) -> None:
    ada = play.funded("ada")
    bob, _ = new_sponsored_account(play, ada, "bob")
    refused = play.apply(revoke(play.builder(ada), "account", bob, ada), ada)
    assert refused.operation_codes == ["REVOKE_SPONSORSHIP_LOW_RESERVE"]
    assert counts(play, ada) == (0, 2)


@pytest.mark.parametrize("kind", ["account", "trustline", "data", "signer"])
def test_what_does_not_exist_has_no_sponsor(play: Play, kind: str) -> None:
    ada = play.funded("ada")
    nobody = play.key("nobody") if kind == "account" else ada
    refused = play.apply(revoke(play.builder(ada), kind, nobody, ada), ada)
    assert refused.operation_codes == ["REVOKE_SPONSORSHIP_DOES_NOT_EXIST"]


def test_keys_that_no_entry_can_have_are_malformed(play: Play) -> None:
    ada = play.funded("ada")
    for builder in (
        play.builder(ada).append_revoke_trustline_sponsorship_op(ada.public_key, Asset.native()),
        play.builder(ada).append_revoke_trustline_sponsorship_op(ISSUER.public_key, KALE),
        play.builder(ada).append_revoke_data_sponsorship_op(ada.public_key, ""),
        play.builder(ada).append_revoke_offer_sponsorship_op(ada.public_key, 0),
    ):
        assert play.refusal(builder, ada) == ["txFAILED", "REVOKE_SPONSORSHIP_MALFORMED"]


async def test_an_entrys_extension_names_its_sponsor(farmer: Wallet, node: NodeHandle) -> None:
    other = await Wallet.funded(node, farmer.rpc)
    builder = (await farmer.builder()).append_begin_sponsoring_future_reserves_op(other.address)
    builder.append_change_trust_op(KALE, source=other.address)
    envelope = farmer.signed(builder.append_end_sponsoring_future_reserves_op(source=other.address))
    envelope.sign(other.key)
    assert (await farmer.include(envelope)).succeeded
    # The SDK's model leaves the field out.
    key = base64_text(trustline_key(other.key.raw_public_key(), KALE.to_xdr_object()))
    request = {"jsonrpc": "2.0", "id": 1, "method": "getLedgerEntries", "params": {"keys": [key]}}
    async with aiohttp.ClientSession() as http, http.post(node.rpc_url, json=request) as response:
        (entry,) = (await response.json())["result"]["entries"]
    extension = xdr.LedgerEntryExt.from_xdr(entry["extXdr"])
    assert extension.v1 is not None
    sponsor = extension.v1.sponsoring_id.sponsorship_descriptor
    assert sponsor is not None
    assert public_key(sponsor) == farmer.key.raw_public_key()


def _signer(number: int, weight: int = 1) -> Signer:
    return Signer.ed25519_public_key(Keypair.from_raw_ed25519_seed(bytes([number]) * 32).public_key, weight)
