"""Signatures of authorisation entries: which count, and how those are refused that do not."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import Keypair, StrKey, scval, xdr
from stellar_sdk.auth import DelegateSignature, authorize_entry, build_with_delegates_entry

from kale.addresses import account_key_bytes, address_value, sc_address
from kale.networks import LOCAL
from kale.storage import account_key
from localnet.ledger.accounts import new_account
from localnet.soroban.credentials import authorization_payload
from tests.localnet.contract_chain import FARM, ContractChain, failure_text, keypair
from tests.localnet.soroban.auth_entries import (
    ADA,
    BOB,
    call_tree,
    chain_of_ada,
    enforce,
    plant,
    plant_tree,
    signed,
    unsigned,
)


def with_signature(signature: xdr.SCVal, nonce: int = 1) -> xdr.SorobanAuthorizationEntry:
    entry = signed(5, nonce)
    assert entry.credentials.address_v2 is not None
    entry.credentials.address_v2.signature = signature
    return entry


def signatures(*signers: Keypair) -> xdr.SCVal:
    """Ada's authorisation signed by other keys, in the order given."""
    entry = signed(5)
    invocation = entry.root_invocation.to_xdr_bytes()
    payload = authorization_payload(sha256(LOCAL.passphrase.encode()).digest(), entry.credentials, invocation)
    return scval.to_vec(
        [
            scval.to_struct(
                {
                    "public_key": scval.to_bytes(signer.raw_public_key()),
                    "signature": scval.to_bytes(signer.sign(payload)),
                }
            )
            for signer in signers
        ]
    )


def with_signers(thresholds: bytes, *signers: tuple[Keypair, int]) -> xdr.AccountEntry:
    account = new_account(account_key_bytes(ADA.public_key), 10**9, 0)
    account.thresholds = xdr.Thresholds(thresholds)
    account.signers = [
        xdr.Signer(
            xdr.SignerKey(
                xdr.SignerKeyType.SIGNER_KEY_TYPE_ED25519, ed25519=xdr.Uint256(signer.raw_public_key())
            ),
            xdr.Uint32(weight),
        )
        for signer, weight in signers
    ]
    return account


def signature_map(**fields: xdr.SCVal) -> xdr.SCVal:
    return scval.to_vec([scval.to_struct(fields)])


@pytest.mark.parametrize(
    ("signature", "cause"),
    [
        (scval.to_vec([]), "no account signatures found"),
        (signatures(*[ADA] * 21), "too many account signers"),
        (signatures(ADA, ADA), "public keys are not ordered"),
        (signatures(BOB), "signer does not belong to account"),
        (signature_map(signature=scval.to_void()), "differing host map and output slice lengths"),
        (signature_map(key=scval.to_void(), signature=scval.to_void()), '["symbol mismatch", key]'),
        (
            signature_map(public_key=scval.to_bytes(bytes(31)), signature=scval.to_void()),
            '["Bytes had unexpected size", 31]',
        ),
        (
            signature_map(public_key=scval.to_bytes(bytes(32)), signature=scval.to_bytes(bytes(65))),
            '["Bytes had unexpected size", 65]',
        ),
    ],
)
def test_signatures_that_do_not_count(chain: ContractChain, signature: xdr.SCVal, cause: str) -> None:
    outcome = plant(chain, 5, enforce(with_signature(signature)))
    assert failure_text(outcome) == "Error(Auth, InvalidAction)"
    assert outcome.failure is not None
    assert "failed account authentication with error" in outcome.failure.report
    assert cause in outcome.failure.report


@pytest.mark.parametrize(
    "signature",
    [
        scval.to_void(),
        xdr.SCVal(xdr.SCValType.SCV_VEC),
        scval.to_vec([xdr.SCVal(xdr.SCValType.SCV_MAP)]),
        scval.to_vec(
            [scval.to_map({scval.to_uint32(1): scval.to_void(), scval.to_uint32(2): scval.to_void()})]
        ),
        scval.to_vec([scval.to_void()]),
        signature_map(public_key=scval.to_void(), signature=scval.to_void()),
    ],
)
def test_the_host_says_nothing_of_a_signature_of_a_wrong_type(
    chain: ContractChain, signature: xdr.SCVal
) -> None:
    """So it is with an entry that nobody signed: the type is named where the account's refusal is told."""
    outcome = plant(chain, 5, enforce(with_signature(signature)))
    assert failure_text(outcome) == "Error(Auth, InvalidAction)"
    assert outcome.failure is not None
    told = [line for line in outcome.failure.report.splitlines() if "topics:[error" in line]
    cause = f'["failed account authentication with error", {ADA.public_key}, Error(Value, UnexpectedType)]'
    assert cause in told[-1]


def test_the_signatures_are_counted_before_their_account_is_looked_for(chain: ContractChain) -> None:
    chain.entries.apply({account_key(ADA.public_key).to_xdr_bytes(): None})
    outcome = plant(chain, 5, enforce(with_signature(scval.to_vec([]))))
    assert outcome.failure is not None
    assert "no account signatures found" in outcome.failure.report
    assert "account entry is missing" not in outcome.failure.report


def test_a_signature_for_another_network_fails(chain: ContractChain) -> None:
    entry = authorize_entry(unsigned(plant_tree(5), 1), ADA, 2_000, "Test SDF Network ; September 2015")
    outcome = plant(chain, 5, enforce(entry))
    assert failure_text(outcome) == "Error(Auth, InvalidAction)"
    assert outcome.failure is not None
    assert "failed ED25519 verification" in outcome.failure.report


def test_an_address_bound_signature_does_not_serve_the_legacy_arm(chain: ContractChain) -> None:
    entry = signed(5)
    legacy = xdr.SorobanCredentials(
        xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_ADDRESS, address=entry.credentials.address_v2
    )
    moved = xdr.SorobanAuthorizationEntry(legacy, entry.root_invocation)
    assert failure_text(plant(chain, 5, enforce(moved))) == "Error(Auth, InvalidAction)"


def test_several_signers_together_reach_the_medium_threshold(chain: ContractChain) -> None:
    carol = keypair("carol")
    ordered = sorted([BOB, carol], key=lambda signer: signer.raw_public_key())
    chain.add_account(ADA.public_key, with_signers(b"\x01\x00\x03\x05", (BOB, 1), (carol, 2)))
    too_light = plant(chain, 5, enforce(with_signature(signatures(carol))))
    assert too_light.failure is not None
    assert 'data:["signature weight is lower than threshold", 2, 3]' in too_light.failure.report
    assert plant(chain, 5, enforce(with_signature(signatures(*ordered)))).succeeded


def test_a_master_key_without_weight_does_not_sign(chain: ContractChain) -> None:
    chain.add_account(ADA.public_key, with_signers(b"\x00\x00\x00\x00", (BOB, 1)))
    assert failure_text(plant(chain, 5, enforce(signed(5)))) == "Error(Auth, InvalidAction)"
    assert plant(chain, 5, enforce(with_signature(signatures(BOB)))).succeeded


def test_a_signer_without_an_account_authorises_nothing() -> None:
    chain = ContractChain()
    chain.advance(60)
    outcome = plant(chain, 5, enforce(signed(5)))
    assert failure_text(outcome) == "Error(Auth, InvalidAction)"
    assert outcome.failure is not None
    assert "Error(Storage, MissingValue)" in outcome.failure.report


def test_a_contract_that_is_no_account_authorises_nothing(chain: ContractChain) -> None:
    wallet = StrKey.encode_contract(bytes(range(32)))
    chain.add_holder(wallet, 10)
    inner = xdr.SorobanAddressCredentials(
        address=sc_address(wallet),
        nonce=xdr.Int64(1),
        signature_expiration_ledger=xdr.Uint32(2_000),
        signature=scval.to_void(),
    )
    credentials = xdr.SorobanCredentials(
        xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_ADDRESS_V2, address_v2=inner
    )
    args = [address_value(wallet), scval.to_int128(0)]
    entry = xdr.SorobanAuthorizationEntry(credentials, call_tree(FARM, "plant", args))
    outcome = chain.call("plant", *args, auth=enforce(entry))
    assert failure_text(outcome) == "Error(Auth, InvalidAction)"


def with_delegates(*delegates: Keypair) -> xdr.SorobanAuthorizationEntry:
    """Ada's plant of 5 with delegates, in the order of their addresses; nobody has signed."""
    return build_with_delegates_entry(
        unsigned(plant_tree(5), 1), 2_000, [DelegateSignature(key.public_key) for key in delegates]
    )


def test_an_account_that_names_delegates_signs_like_one_that_names_none(chain: ContractChain) -> None:
    entry = with_delegates(BOB, keypair("carol"))
    signed_entry = authorize_entry(entry, ADA, 2_000, LOCAL.passphrase)
    assert plant(chain, 5, enforce(signed_entry)).succeeded


def test_a_delegate_cannot_sign_for_an_account(chain: ContractChain) -> None:
    """Only contracts can ask delegates."""
    entry = authorize_entry(with_delegates(BOB), BOB, 2_000, LOCAL.passphrase, for_address=BOB.public_key)
    assert failure_text(plant(chain, 5, enforce(entry))) == "Error(Auth, InvalidAction)"


@pytest.mark.parametrize("disorder", ["reversed", "repeated"])
def test_delegates_out_of_order_are_an_invalid_input(chain: ContractChain, disorder: str) -> None:
    entry = authorize_entry(with_delegates(BOB, keypair("carol")), ADA, 2_000, LOCAL.passphrase)
    credentials = entry.credentials.address_with_delegates
    assert credentials is not None
    if disorder == "reversed":
        credentials.delegates.reverse()
    else:
        credentials.delegates[0].nested_delegates = [credentials.delegates[1]] * 2
    assert failure_text(plant(chain, 5, enforce(entry))) == "Error(Auth, InvalidInput)"


@given(st.integers(0, 10**6), st.integers(-(2**63), 2**63 - 1), st.booleans())
def test_what_the_sdk_signs_the_host_accepts(amount: int, nonce: int, address_bound: bool) -> None:
    chain = chain_of_ada(10**6)
    outcome = plant(chain, amount, enforce(signed(amount, nonce, address_bound=address_bound)))
    assert outcome.succeeded
    assert chain.balance(ADA.public_key) == 10**6 - amount
