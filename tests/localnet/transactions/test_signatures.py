"""Who may sign for an account: thresholds, weights, and all kinds of signers."""

from hashlib import sha256

import pytest
from stellar_sdk import Asset, Keypair, SignedPayloadSigner, Signer, SignerKey, TransactionBuilder
from stellar_sdk.decorated_signature import DecoratedSignature
from stellar_sdk.operation import Payment, SetOptions

from localnet.genesis import FAUCET
from localnet.ledger.sponsorships import sponsoring_count
from tests.localnet.play import Play, signed, sponsored_count


@pytest.fixture
def play() -> Play:
    return Play()


def with_options(play: Play, key: Keypair, *options: SetOptions) -> None:
    builder = play.builder(key)
    for option in options:
        builder.append_operation(option)
    assert play.apply(builder, key).succeeded


def signer(key: Keypair, weight: int) -> SetOptions:
    return SetOptions(signer=Signer.ed25519_public_key(key.public_key, weight))


def paying(play: Play, source: Keypair) -> TransactionBuilder:
    return play.builder(source).append_payment_op(FAUCET.public_key, Asset.native(), "1")


def test_each_operation_has_its_threshold(play: Play) -> None:
    ada, low, medium, high = (play.funded(name) for name in ("ada", "low", "medium", "high"))
    with_options(
        play,
        ada,
        signer(low, 1),
        signer(medium, 2),
        signer(high, 3),
        SetOptions(master_weight=0, low_threshold=1, med_threshold=2, high_threshold=3),
    )
    for key, allowed in ((low, 1), (medium, 3), (high, 5)):
        kinds = (
            play.builder(ada).append_bump_sequence_op(0),
            paying(play, ada),
            play.builder(ada).append_set_options_op(home_domain="x"),
            play.builder(ada).append_set_options_op(low_threshold=1),
            play.builder(ada).append_account_merge_op(FAUCET.public_key),
        )
        for builder in kinds[allowed:]:
            assert play.refusal(builder, key) == ["txFAILED", "opBAD_AUTH"]
        for builder in kinds[: min(allowed, 4)]:
            number = play.account(ada).seq_num.sequence_number.int64
            builder.source_account.sequence = number
            assert play.apply(builder, key).succeeded
    merging = play.builder(ada).append_account_merge_op(FAUCET.public_key)
    assert play.refusal(merging, ada) == ["txBAD_AUTH"]
    assert play.apply(play.builder(ada).append_account_merge_op(FAUCET.public_key), low, medium).succeeded


def test_weights_add_up_and_no_signature_is_left_over(play: Play) -> None:
    ada, bob, eve = play.funded("ada"), play.funded("bob"), play.funded("eve")
    with_options(play, ada, signer(bob, 1), signer(eve, 1), SetOptions(med_threshold=2, high_threshold=3))
    assert play.refusal(paying(play, ada), bob) == ["txFAILED", "opBAD_AUTH"]
    assert play.apply(paying(play, ada), bob, eve).succeeded
    assert play.refusal(paying(play, ada), ada, bob, eve) == ["txBAD_AUTH_EXTRA"]
    twice = signed(paying(play, ada), bob)
    twice.signatures *= 2
    assert play.refusal(twice) == ["txFAILED", "opBAD_AUTH"]


def test_an_operation_does_not_disown_those_after_it_in_its_transaction(play: Play) -> None:
    ada = play.funded("ada")
    builder = play.builder(ada).append_operation(SetOptions(master_weight=0, med_threshold=200))
    builder.append_payment_op(FAUCET.public_key, Asset.native(), "1")
    assert play.apply(builder, ada).succeeded
    assert play.refusal(paying(play, ada), ada) == ["txBAD_AUTH"]


def test_a_preimage_signs(play: Play) -> None:
    ada = play.funded("ada")
    secret = b"sown in spring"
    with_options(play, ada, SetOptions(signer=Signer.sha256_hash(sha256(secret).digest(), 1)))
    envelope = signed(paying(play, ada))
    envelope.sign_hashx(b"sown in autumn")
    assert play.refusal(envelope) == ["txBAD_AUTH"]
    envelope = signed(paying(play, ada))
    envelope.sign_hashx(secret)
    assert play.apply(envelope).succeeded


@pytest.mark.parametrize("payload", [b"a payload", b"ab"])
def test_a_signed_payload_signs(play: Play, payload: bytes) -> None:
    ada, bob = play.funded("ada"), play.key("bob")
    key = SignerKey.ed25519_signed_payload(SignedPayloadSigner(bob.public_key, payload))
    with_options(play, ada, SetOptions(signer=Signer(key, 1)))
    envelope = signed(paying(play, ada))
    assert play.refusal(envelope) == ["txBAD_AUTH"]
    envelope.signatures.append(bob.sign_payload_decorated(payload))
    assert play.apply(envelope).succeeded


def authorized_ahead(play: Play, source: Keypair, builder: TransactionBuilder) -> None:
    """Makes the transaction's hash a signer of its source; its number must come after this."""
    builder.source_account.sequence += 1
    transaction_hash = builder.build().hash()
    builder.source_account.sequence -= 1
    with_options(play, source, SetOptions(signer=Signer.pre_auth_tx(transaction_hash, 1)))


def test_a_transaction_authorised_ahead_needs_no_signature_and_is_good_once(play: Play) -> None:
    ada = play.funded("ada")
    builder = paying(play, ada)
    authorized_ahead(play, ada, builder)
    builder = paying(play, ada)
    assert [item.key.type for item in play.account(ada).signers] == [1]
    applied = play.apply(builder)
    assert applied.succeeded
    account = play.account(ada)
    assert (account.signers, account.num_sub_entries.uint32) == ([], 0)
    # It goes with the sequence number, before the operations.
    before = applied.meta.tx_changes_before.ledger_entry_changes
    assert len(before) == 2
    assert before[1].updated is not None
    assert before[1].updated.data.account is not None
    assert before[1].updated.data.account.signers == []


def test_a_transaction_authorised_ahead_is_used_up_by_its_failure(play: Play) -> None:
    ada = play.funded("ada")

    def too_much() -> TransactionBuilder:
        return play.builder(ada).append_payment_op(FAUCET.public_key, Asset.native(), "1000")

    authorized_ahead(play, ada, too_much())
    failed = play.apply(too_much())
    assert failed.operation_codes == ["PAYMENT_UNDERFUNDED"]
    assert play.account(ada).signers == []


def test_a_used_up_signer_gives_its_sponsor_the_reserve_back(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    builder = paying(play, ada)
    builder.source_account.sequence += 1
    transaction_hash = builder.build().hash()
    sponsoring = play.builder(ada).append_begin_sponsoring_future_reserves_op(
        ada.public_key, source=bob.public_key
    )
    sponsoring.append_operation(SetOptions(signer=Signer.pre_auth_tx(transaction_hash, 1)))
    assert play.apply(sponsoring.append_end_sponsoring_future_reserves_op(), ada, bob).succeeded
    assert sponsoring_count(play.account(bob)) == 1
    assert play.apply(paying(play, ada)).succeeded
    assert (sponsoring_count(play.account(bob)), sponsored_count(play.account(ada))) == (0, 0)


def test_the_payer_of_a_fee_bump_may_have_signed_ahead(play: Play) -> None:
    ada, bob = play.funded("ada"), play.funded("bob")
    inner = signed(paying(play, ada), ada)
    bump = TransactionBuilder.build_fee_bump_transaction(bob, 200, inner, inner.network_passphrase)
    with_options(play, bob, SetOptions(signer=Signer.pre_auth_tx(bump.hash(), 1)))
    applied = play.apply(bump)
    assert applied.succeeded
    assert play.account(bob).signers == []
    changed = [change.updated for change in applied.meta.tx_changes_before.ledger_entry_changes]
    assert len([entry for entry in changed if entry is not None]) == 2


def extra_signers(builder: TransactionBuilder, *keys: SignerKey) -> TransactionBuilder:
    for key in keys:
        builder.add_extra_signer(key)
    return builder


def test_extra_signers_must_all_sign(play: Play) -> None:
    ada, bob = play.funded("ada"), play.key("bob")
    secret = b"a preimage"
    keys = (
        SignerKey.ed25519_public_key(bob.public_key),
        SignerKey.sha256_hash(sha256(secret).digest()),
    )
    envelope = signed(extra_signers(paying(play, ada), *keys), ada, bob)
    assert play.refusal(envelope) == ["txBAD_AUTH"]
    envelope.sign_hashx(secret)
    assert play.apply(envelope).succeeded


def test_extra_signers_differ_and_have_something_to_sign(play: Play) -> None:
    ada, bob = play.funded("ada"), play.key("bob")
    key = SignerKey.ed25519_public_key(bob.public_key)
    assert play.refusal(extra_signers(paying(play, ada), key, key), ada, bob) == ["txMALFORMED"]


def test_a_signature_with_a_wrong_hint_is_no_signature(play: Play) -> None:
    ada = play.funded("ada")
    envelope = paying(play, ada).build()
    good = ada.sign_decorated(envelope.hash())
    envelope.signatures.append(DecoratedSignature(b"\x00" * 4, good.signature))
    assert play.refusal(envelope) == ["txBAD_AUTH"]


def test_a_payment_of_a_stranger_is_not_signed_by_its_transaction(play: Play) -> None:
    ada = play.funded("ada")
    payment = Payment(ada.public_key, Asset.native(), "1", source=FAUCET.public_key)
    assert play.refusal(play.builder(ada).append_operation(payment), ada) == ["txFAILED", "opBAD_AUTH"]
