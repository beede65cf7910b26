"""Set options: flags, thresholds, signers, home domain; and data entries."""

from typing import Any

import pytest
from stellar_sdk import AuthorizationFlag, Keypair, SignedPayloadSigner, Signer, SignerKey, xdr
from stellar_sdk.operation import SetOptions

from localnet.genesis import FAUCET
from tests.localnet.play import KALE, Play

REQUIRED = AuthorizationFlag.AUTHORIZATION_REQUIRED
REVOCABLE = AuthorizationFlag.AUTHORIZATION_REVOCABLE
IMMUTABLE = AuthorizationFlag.AUTHORIZATION_IMMUTABLE
CLAWBACK = AuthorizationFlag.AUTHORIZATION_CLAWBACK_ENABLED
NONE = AuthorizationFlag(0)


def signer(number: int, weight: int = 1) -> Signer:
    return Signer.ed25519_public_key(Keypair.from_raw_ed25519_seed(bytes([number]) * 32).public_key, weight)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"set_flags": AuthorizationFlag(16)}, "SET_OPTIONS_UNKNOWN_FLAG"),
        ({"clear_flags": AuthorizationFlag(32)}, "SET_OPTIONS_UNKNOWN_FLAG"),
        ({"set_flags": REQUIRED | REVOCABLE, "clear_flags": REVOCABLE}, "SET_OPTIONS_BAD_FLAGS"),
        ({"master_weight": 256}, "SET_OPTIONS_THRESHOLD_OUT_OF_RANGE"),
        ({"high_threshold": 256}, "SET_OPTIONS_THRESHOLD_OUT_OF_RANGE"),
        ({"signer": signer(1, 256)}, "SET_OPTIONS_BAD_SIGNER"),
        (
            {"signer": Signer.ed25519_public_key(Keypair.from_raw_ed25519_seed(bytes(32)).public_key, 1)},
            "SET_OPTIONS_BAD_SIGNER",
        ),
        ({"home_domain": "a\tb"}, "SET_OPTIONS_INVALID_HOME_DOMAIN"),
    ],
)
def test_options_that_no_account_can_have_are_refused_at_once(
    play: Play, options: dict[str, Any], code: str
) -> None:
    ada = Keypair.from_raw_ed25519_seed(bytes(32))
    funding = play.builder(FAUCET).append_create_account_op(ada.public_key, "10")
    play.apply(funding, FAUCET)
    builder = play.builder(ada).append_operation(SetOptions(**options))
    assert play.refusal(builder, ada) == ["txFAILED", code]


def test_options_are_kept_in_the_account(play: Play) -> None:
    ada = play.funded("ada")
    options = SetOptions(
        inflation_dest=FAUCET.public_key,
        set_flags=REQUIRED | REVOCABLE,
        master_weight=3,
        low_threshold=1,
        med_threshold=2,
        high_threshold=3,
        home_domain="example.org",
        signer=signer(1, 2),
    )
    assert play.apply(play.builder(ada).append_operation(options), ada).succeeded
    account = play.account(ada)
    assert account.flags.uint32 == REQUIRED | REVOCABLE
    assert account.thresholds.thresholds == bytes([3, 1, 2, 3])
    assert account.home_domain.string32 == b"example.org"
    assert account.num_sub_entries.uint32 == 1
    assert play.apply(play.builder(ada).append_operation(SetOptions(clear_flags=REQUIRED)), ada).succeeded
    assert play.account(ada).flags.uint32 == REVOCABLE
    stored = play.account_entry(ada)
    assert stored.data_xdr == stored.data.to_xdr_bytes()


@pytest.mark.parametrize(
    ("before", "options", "code"),
    [
        (NONE, {"inflation_dest": Keypair.random().public_key}, "SET_OPTIONS_INVALID_INFLATION"),
        (NONE, {"set_flags": CLAWBACK}, "SET_OPTIONS_AUTH_REVOCABLE_REQUIRED"),
        (CLAWBACK | REVOCABLE, {"clear_flags": REVOCABLE}, "SET_OPTIONS_AUTH_REVOCABLE_REQUIRED"),
        (IMMUTABLE, {"set_flags": REQUIRED}, "SET_OPTIONS_CANT_CHANGE"),
        (IMMUTABLE, {"clear_flags": IMMUTABLE}, "SET_OPTIONS_CANT_CHANGE"),
        (IMMUTABLE, {"set_flags": NONE, "home_domain": "x"}, "SET_OPTIONS_SUCCESS"),
    ],
)
def test_flags_depend_on_those_before(
    play: Play, before: AuthorizationFlag, options: dict[str, Any], code: str
) -> None:
    ada = play.funded("ada")
    if before:
        play.apply(play.builder(ada).append_set_options_op(set_flags=before), ada)
    applied = play.apply(play.builder(ada).append_operation(SetOptions(**options)), ada)
    assert applied.operation_codes == [code]


def test_signers_are_kept_in_order_and_changed_and_removed_by_weight(play: Play) -> None:
    ada = play.funded("ada")
    kinds = [
        signer(3, 1),
        Signer.sha256_hash(bytes(32), 5),
        Signer(SignerKey.ed25519_signed_payload(_payload(b"paid")), 7),
        signer(1, 1),
        Signer.pre_auth_tx(b"\x01" * 32, 4),
    ]
    for item in kinds:
        play.apply(play.builder(ada).append_operation(SetOptions(signer=item)), ada)
    keys = [item.key for item in play.account(ada).signers]
    assert [key.type for key in keys] == [0, 0, 1, 2, 3]
    assert keys[:2] == sorted(keys[:2], key=xdr.SignerKey.to_xdr_bytes)
    assert play.account(ada).num_sub_entries.uint32 == 5
    play.apply(play.builder(ada).append_operation(SetOptions(signer=signer(3, 9))), ada)
    assert sorted(item.weight.uint32 for item in play.account(ada).signers) == [1, 4, 5, 7, 9]
    for _ in range(2):  # removing one that is not there changes nothing
        play.apply(play.builder(ada).append_operation(SetOptions(signer=signer(3, 0))), ada)
        assert play.account(ada).num_sub_entries.uint32 == 4


def _payload(content: bytes) -> SignedPayloadSigner:
    return SignedPayloadSigner(Keypair.from_raw_ed25519_seed(bytes([9]) * 32).public_key, content)


def test_an_account_has_at_most_twenty_signers(play: Play) -> None:
    ada = play.funded("ada")
    builder = play.builder(ada)
    for number in range(1, 21):
        builder.append_operation(SetOptions(signer=signer(number)))
    assert play.apply(builder, ada).succeeded
    one_more = play.builder(ada).append_operation(SetOptions(signer=signer(21)))
    assert play.apply(one_more, ada).operation_codes == ["SET_OPTIONS_TOO_MANY_SIGNERS"]


def test_a_signer_and_a_data_entry_cost_a_reserve_each(play: Play) -> None:
    ada = play.funded("ada", "1.9")
    adding = play.builder(ada).append_operation(SetOptions(signer=signer(1)))
    assert play.apply(adding, ada).succeeded
    again = play.builder(ada).append_operation(SetOptions(signer=signer(2)))
    assert play.apply(again, ada).operation_codes == ["SET_OPTIONS_LOW_RESERVE"]
    naming = play.builder(ada).append_manage_data_op("colour", b"green")
    assert play.apply(naming, ada).operation_codes == ["MANAGE_DATA_LOW_RESERVE"]


def test_data_are_set_changed_and_deleted(play: Play) -> None:
    ada = play.funded("ada")
    for value in (b"green", b"", b"\x00\xff" * 32):
        assert play.apply(play.builder(ada).append_manage_data_op("colour", value), ada).succeeded
        assert play.account(ada).num_sub_entries.uint32 == 1
        assert _data(play, ada, b"colour") == value
    assert play.apply(play.builder(ada).append_manage_data_op("colour", None), ada).succeeded
    assert play.account(ada).num_sub_entries.uint32 == 0
    again = play.apply(play.builder(ada).append_manage_data_op("colour", None), ada)
    assert again.operation_codes == ["MANAGE_DATA_NAME_NOT_FOUND"]


def _data(play: Play, key: Keypair, name: bytes) -> bytes:
    ledger_key = xdr.LedgerKey(
        xdr.LedgerEntryType.DATA,
        data=xdr.LedgerKeyData(play.account(key).account_id, xdr.String64(name)),
    )
    entry = play.chain.state.find(ledger_key.to_xdr_bytes())
    assert entry is not None
    assert entry.data.data is not None
    return entry.data.data.data_value.data_value


@pytest.mark.parametrize("name", ["", "new\nline", "grün"])
def test_names_of_data_are_plain_text(play: Play, name: str) -> None:
    ada = play.funded("ada")
    builder = play.builder(ada).append_manage_data_op(name, b"x")
    assert play.refusal(builder, ada) == ["txFAILED", "MANAGE_DATA_INVALID_NAME"]


def test_an_account_has_at_most_a_thousand_subentries(play: Play) -> None:
    ada = play.funded("ada", "1000")
    for start in range(0, 1_000, 100):
        builder = play.builder(ada)
        for number in range(start, start + 100):
            builder.append_manage_data_op(f"n{number}", b"")
        assert play.apply(builder, ada).succeeded
    builder = play.builder(ada).append_manage_data_op("one more", b"")
    builder.append_change_trust_op(KALE).append_operation(SetOptions(signer=signer(1)))
    assert play.apply(builder, ada).operation_codes == ["opTOO_MANY_SUBENTRIES"] * 3
