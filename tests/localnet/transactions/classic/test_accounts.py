"""Account merge and bump sequence."""

import pytest
from stellar_sdk import Asset, AuthorizationFlag, MuxedAccount, scval, xdr

from localnet.genesis import FAUCET, ISSUER, ROOT
from localnet.ledger.accounts import sequence_use
from localnet.network_settings import TOTAL_COINS_STROOPS
from tests.localnet.play import KALE, Play, signed


def test_a_merged_account_gives_all_its_xlm_away_and_is_gone(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    destination = MuxedAccount(bob.public_key, 7)
    merged = play.apply(play.builder(ada).append_account_merge_op(destination), ada)
    assert merged.succeeded
    assert not play.exists(ada)
    assert play.account(bob).balance.int64 == 200 * 10**7 - 100
    assert merged.result.result.results is not None
    inner = merged.result.result.results[0].tr
    assert inner is not None
    assert inner.account_merge_result is not None
    assert inner.account_merge_result.source_account_balance is not None
    assert inner.account_merge_result.source_account_balance.int64 == 100 * 10**7 - 100
    (event,) = merged.meta.operations[0].events
    assert event.body.v0 is not None
    assert scval.to_native(event.body.v0.topics[0]) == "transfer"
    assert scval.to_native(event.body.v0.data) == {"amount": 100 * 10**7 - 100, "to_muxed_id": 7}


def test_an_account_does_not_merge_into_itself_or_into_nobody(play: Play) -> None:
    ada = play.funded("ada")
    into_itself = play.builder(ada).append_account_merge_op(ada.public_key)
    assert play.refusal(into_itself, ada) == ["txFAILED", "ACCOUNT_MERGE_MALFORMED"]
    into_nobody = play.builder(ada).append_account_merge_op(play.key("nobody").public_key)
    assert play.apply(into_nobody, ada).operation_codes == ["ACCOUNT_MERGE_NO_ACCOUNT"]


def test_what_an_account_holds_keeps_it_from_merging(play: Play) -> None:
    ada = play.funded("ada")
    play.apply(play.builder(ada).append_change_trust_op(KALE), ada)
    merging = play.builder(ada).append_account_merge_op(FAUCET.public_key)
    assert play.apply(merging, ada).operation_codes == ["ACCOUNT_MERGE_HAS_SUB_ENTRIES"]


def test_an_immutable_account_does_not_merge(play: Play) -> None:
    ada = play.funded("ada")
    play.apply(
        play.builder(ada).append_set_options_op(set_flags=AuthorizationFlag.AUTHORIZATION_IMMUTABLE), ada
    )
    merging = play.builder(ada).append_account_merge_op(FAUCET.public_key)
    assert play.apply(merging, ada).operation_codes == ["ACCOUNT_MERGE_IMMUTABLE_SET"]


def test_an_account_that_is_ahead_of_its_ledger_does_not_merge(play: Play) -> None:
    ada = play.funded("ada")
    ahead = (play.chain.latest.sequence + 100) << 32
    play.apply(play.builder(ada).append_bump_sequence_op(ahead), ada)
    merging = play.builder(ada).append_account_merge_op(FAUCET.public_key)
    assert play.apply(merging, ada).operation_codes == ["ACCOUNT_MERGE_SEQNUM_TOO_FAR"]


def test_an_account_whose_waiting_transaction_is_ahead_does_not_merge(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    ahead = play.builder(ada).set_min_sequence_number(0).append_bump_sequence_op(0)
    ahead.source_account.sequence = (play.chain.latest.sequence + 1 << 32) + 5
    merging = play.builder(bob).append_account_merge_op(bob.public_key, source=ada.public_key)
    merged, waiting = play.apply_in_order(signed(merging, ada, bob), signed(ahead, ada))
    assert merged.operation_codes == ["ACCOUNT_MERGE_SEQNUM_TOO_FAR"]
    assert waiting.succeeded


def test_signers_go_with_a_merged_account(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    play.apply(play.builder(ada).append_ed25519_public_key_signer(bob.public_key, 1), ada)
    assert play.apply(play.builder(ada).append_account_merge_op(bob.public_key), ada).succeeded
    created = play.builder(bob).append_create_account_op(ada.public_key, "10")
    assert play.apply(created, bob).succeeded
    assert play.account(ada).signers == []
    assert play.account(ada).seq_num.sequence_number.int64 == play.chain.latest.sequence << 32


def test_nothing_more_happens_for_an_account_that_merged_in_the_same_transaction(play: Play) -> None:
    ada = play.funded("ada")
    builder = play.builder(ada).append_account_merge_op(FAUCET.public_key)
    builder.append_payment_op(FAUCET.public_key, Asset.native(), "1")
    failed = play.apply(builder, ada)
    assert failed.operation_codes == ["ACCOUNT_MERGE_SUCCESS", "opNO_ACCOUNT"]
    assert play.exists(ada)


def test_a_receiver_can_be_too_full_for_a_merge(play: Play) -> None:
    # The whole supply is far below what an account can hold: only a made-up balance comes near.
    ada = play.funded("ada")
    entry = play.account_entry(ROOT)
    account = play.account(ROOT)
    account.balance = xdr.Int64(2**63 - 10)
    data = xdr.LedgerEntryData(xdr.LedgerEntryType.ACCOUNT, account=account)
    key = xdr.LedgerKey(
        xdr.LedgerEntryType.ACCOUNT, account=xdr.LedgerKeyAccount(account.account_id)
    ).to_xdr_bytes()
    play.chain.state.commit({key: entry.rewritten(data, entry.last_modified)})
    assert account.balance.int64 > TOTAL_COINS_STROOPS
    merging = play.builder(ada).append_account_merge_op(ROOT.public_key)
    assert play.apply(merging, ada).operation_codes == ["ACCOUNT_MERGE_DEST_FULL"]


@pytest.mark.parametrize(("step", "skipped"), [(1_000, 1_000), (-5, 0), (0, 0)])
def test_a_bump_never_takes_a_sequence_number_back(play: Play, step: int, skipped: int) -> None:
    ada = play.funded("ada")
    used = play.account(ada).seq_num.sequence_number.int64 + 1
    assert play.apply(play.builder(ada).append_bump_sequence_op(used + step), ada).succeeded
    assert play.account(ada).seq_num.sequence_number.int64 == used + skipped


def test_a_bump_counts_as_a_use_of_the_sequence_number(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    builder = play.builder(bob).append_bump_sequence_op(0, source=ada.public_key)
    assert play.apply(builder, ada, bob).succeeded
    assert sequence_use(play.account(ada)) == (play.chain.latest.sequence, play.chain.latest.close_time)


def test_a_memo_names_the_receiver_of_a_new_account(play: Play) -> None:
    builder = play.builder(FAUCET).append_create_account_op(play.key("ada").public_key, "5")
    created = play.apply(builder.add_id_memo(9), FAUCET)
    event = created.meta.operations[0].events[0].body.v0
    assert event is not None
    assert scval.to_native(event.data) == {"amount": 5 * 10**7, "to_muxed_id": 9}


def test_the_issuer_is_an_account_as_any_other(play: Play) -> None:
    merging = play.builder(ISSUER).append_account_merge_op(FAUCET.public_key)
    assert play.apply(merging, ISSUER).succeeded
    ada = play.funded("ada")
    opening = play.builder(ada).append_change_trust_op(KALE)
    assert play.apply(opening, ada).operation_codes == ["CHANGE_TRUST_NO_ISSUER"]
    burning = play.builder(FAUCET).append_payment_op(ISSUER.public_key, KALE, "1")
    assert play.apply(burning, FAUCET).succeeded
