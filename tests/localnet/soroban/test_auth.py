"""Authorisation: what is recorded, and what is demanded."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stellar_sdk import Keypair, StrKey, scval, xdr
from stellar_sdk.auth import DelegateSignature, authorize_entry, build_with_delegates_entry

from kale.addresses import account_key_bytes, address_value, sc_address
from kale.networks import LOCAL
from kale.storage import account_key
from localnet.contracts.install import token_entries, tractor_entries
from localnet.contracts.registry import TRACTOR_CODE_HASH
from localnet.ledger.accounts import new_account
from localnet.ledger.call_reader import read_authorization
from localnet.ledger.entry_keys import code_key_bytes, data_key_bytes, instance_key_bytes
from localnet.ledger.wire_reader import MAX_DEPTH, WireReader
from localnet.soroban.credentials import authorization_payload
from localnet.soroban.invocation import EnforceAuth, Footprint, Invocation, RecordAuth
from tests.localnet.contract_chain import (
    FARM,
    HOMESTEADER,
    ISSUER,
    TOKEN,
    ContractChain,
    failure_text,
    keypair,
    plant_arguments,
)
from tests.localnet.solving import solve

ADA, BOB = keypair("ada"), keypair("bob")
TRACTOR = StrKey.encode_contract(bytes(range(32)))
CARRIER = keypair("carrier").public_key
TEMPORARY = xdr.ContractDataDurability.TEMPORARY
SOURCE_CREDENTIALS = xdr.SorobanCredentials(xdr.SorobanCredentialsType.SOROBAN_CREDENTIALS_SOURCE_ACCOUNT)


@pytest.fixture
def chain() -> ContractChain:
    """Ada has 1,000 and block 1 can be opened."""
    chain = ContractChain()
    chain.add_holder(ADA.public_key, 1_000)
    chain.advance(60)
    return chain


def call_tree(
    contract: str, function: str, args: Sequence[xdr.SCVal], *children: xdr.SorobanAuthorizedInvocation
) -> xdr.SorobanAuthorizedInvocation:
    return xdr.SorobanAuthorizedInvocation(
        function=xdr.SorobanAuthorizedFunction(
            xdr.SorobanAuthorizedFunctionType.SOROBAN_AUTHORIZED_FUNCTION_TYPE_CONTRACT_FN,
            contract_fn=xdr.InvokeContractArgs(
                contract_address=sc_address(contract),
                function_name=xdr.SCSymbol(function.encode()),
                args=list(args),
            ),
        ),
        sub_invocations=list(children),
    )


def plant_tree(amount: int, farmer: Keypair = ADA) -> xdr.SorobanAuthorizedInvocation:
    args = plant_arguments(farmer.public_key, amount)
    return call_tree(FARM, "plant", args, call_tree(TOKEN, "burn", args))


def unsigned(
    tree: xdr.SorobanAuthorizedInvocation, nonce: int, *, address_bound: bool = True, farmer: Keypair = ADA
) -> xdr.SorobanAuthorizationEntry:
    inner = xdr.SorobanAddressCredentials(
        address=sc_address(farmer.public_key),
        nonce=xdr.Int64(nonce),
        signature_expiration_ledger=xdr.Uint32(0),
        signature=scval.to_void(),
    )
    kinds = xdr.SorobanCredentialsType
    if address_bound:
        credentials = xdr.SorobanCredentials(kinds.SOROBAN_CREDENTIALS_ADDRESS_V2, address_v2=inner)
    else:
        credentials = xdr.SorobanCredentials(kinds.SOROBAN_CREDENTIALS_ADDRESS, address=inner)
    return xdr.SorobanAuthorizationEntry(credentials, tree)


def signed(
    amount: int,
    nonce: int = 1,
    *,
    valid_until: int = 2_000,
    address_bound: bool = True,
    signer: Keypair = ADA,
) -> xdr.SorobanAuthorizationEntry:
    """An entry as the SDK signs it: a second implementation of the payload."""
    entry = unsigned(plant_tree(amount), nonce, address_bound=address_bound)
    return authorize_entry(entry, signer, valid_until, LOCAL.passphrase)


def enforce(*entries: xdr.SorobanAuthorizationEntry, source: str = CARRIER) -> EnforceAuth:
    read = [read_authorization(WireReader(entry.to_xdr_bytes()), MAX_DEPTH) for entry in entries]
    return EnforceAuth(source, read)


def plant(chain: ContractChain, amount: int, auth: EnforceAuth | RecordAuth) -> Invocation:
    return chain.call("plant", *plant_arguments(ADA.public_key, amount), auth=auth)


# Recording


def test_another_address_is_recorded_with_a_nonce_and_no_signature(chain: ContractChain) -> None:
    outcome = plant(chain, 5, chain.record())
    (entry,) = outcome.auth
    assert entry == unsigned(plant_tree(5), nonce=1)


def test_the_legacy_arm_is_recorded_on_demand(chain: ContractChain) -> None:
    auth = RecordAuth(HOMESTEADER, nonces=lambda: 7, address_bound=False)
    assert plant(chain, 5, auth).auth == (unsigned(plant_tree(5), nonce=7, address_bound=False),)


def test_the_source_accounts_entry_needs_no_nonce(chain: ContractChain) -> None:
    outcome = plant(chain, 5, chain.record(ADA.public_key))
    assert outcome.auth == (xdr.SorobanAuthorizationEntry(SOURCE_CREDENTIALS, plant_tree(5)),)


def test_a_plant_of_nothing_authorises_no_burn(chain: ContractChain) -> None:
    args = plant_arguments(ADA.public_key, 0)
    outcome = plant(chain, 0, chain.record(ADA.public_key))
    assert outcome.auth == (
        xdr.SorobanAuthorizationEntry(SOURCE_CREDENTIALS, call_tree(FARM, "plant", args)),
    )


def test_the_calling_contracts_own_authorisation_is_implied(chain: ContractChain) -> None:
    """`mint` asks for the administrator, which is the farm that calls it."""
    chain.plant(ADA.public_key, 0)
    chain.advance(1)
    hash, nonce = solve(chain, ADA.public_key, zeros=0)
    chain.call("work", address_value(ADA.public_key), scval.to_bytes(hash), scval.to_uint64(nonce))
    chain.advance(59)
    chain.plant(HOMESTEADER, 0)
    args = [address_value(ADA.public_key), scval.to_uint32(1)]
    assert chain.call("harvest", *args, auth=enforce()).succeeded


@pytest.mark.parametrize("root_only", [True, False])
def test_recording_ties_authorisation_to_the_root_call_unless_told_otherwise(
    chain: ContractChain, root_only: bool
) -> None:
    """A farm without the asset's administration: `mint` asks for somebody who called nothing."""
    chain.entries.apply(token_entries(TOKEN, "KALE", ISSUER, BOB.public_key, chain.ledger))
    chain.plant(ADA.public_key, 0)
    chain.advance(1)
    hash, nonce = solve(chain, ADA.public_key, zeros=0)
    chain.call("work", address_value(ADA.public_key), scval.to_bytes(hash), scval.to_uint64(nonce))
    chain.advance(59)
    chain.plant(HOMESTEADER, 0)
    args = [address_value(ADA.public_key), scval.to_uint32(1)]
    outcome = chain.call("harvest", *args, auth=chain.record(BOB.public_key, root_only=root_only))
    if root_only:
        assert failure_text(outcome) == "Error(Auth, InvalidAction)"
        assert outcome.failure is not None
        assert "[recording authorization only] encountered authorization not tied to" in (
            outcome.failure.report
        )
    else:
        (entry,) = outcome.auth
        call = entry.root_invocation.function.contract_fn
        assert call is not None
        assert call.function_name.sc_symbol == b"mint"


def test_simulating_another_source_reads_the_signers_account_and_writes_a_nonce(chain: ContractChain) -> None:
    outcome = plant(chain, 5, chain.record())
    key = nonce_key(ADA.public_key, 1)
    assert key in outcome.touched_read_write
    stored = outcome.writes[key]
    assert stored is not None
    assert stored.live_until == chain.ledger.max_live_until


# Enforcing


def nonce_key(address: str, nonce: int) -> bytes:
    value = xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_NONCE, nonce_key=xdr.SCNonceKey(xdr.Int64(nonce)))
    return data_key_bytes(address, value, TEMPORARY)


def test_simulating_a_contract_that_authorises_reads_its_instance_and_code(chain: ContractChain) -> None:
    """The tractor as a farmer: it is no account, but that shows only when it has to sign."""
    chain.entries.apply(tractor_entries(TRACTOR, FARM, chain.ledger))
    outcome = chain.plant(TRACTOR, 0)
    assert outcome.succeeded
    read = set(outcome.touched_read_only)
    assert {instance_key_bytes(TRACTOR), code_key_bytes(TRACTOR_CODE_HASH)} <= read


@pytest.mark.parametrize("address_bound", [True, False])
def test_a_signed_entry_sent_by_another_account_plants(chain: ContractChain, address_bound: bool) -> None:
    assert plant(chain, 5, enforce(signed(5, address_bound=address_bound))).succeeded
    assert chain.balance(ADA.public_key) == 995


def test_the_source_accounts_entry_authorises_without_a_signature(chain: ContractChain) -> None:
    entry = xdr.SorobanAuthorizationEntry(SOURCE_CREDENTIALS, plant_tree(5))
    assert plant(chain, 5, enforce(entry, source=ADA.public_key)).succeeded
    refused = plant(chain, 5, enforce(entry, source=CARRIER))
    assert failure_text(refused) == "Error(Auth, InvalidAction)"


def test_the_source_accounts_entry_must_be_there(chain: ContractChain) -> None:
    outcome = plant(chain, 5, enforce(source=ADA.public_key))
    assert failure_text(outcome) == "Error(Auth, InvalidAction)"
    assert outcome.failure is not None
    assert "Unauthorized function call for address" in outcome.failure.report


def test_another_amount_is_not_authorised(chain: ContractChain) -> None:
    assert failure_text(plant(chain, 6, enforce(signed(5)))) == "Error(Auth, InvalidAction)"


def test_a_burn_outside_of_the_signed_plant_is_not_authorised(chain: ContractChain) -> None:
    outcome = chain.token("burn", *plant_arguments(ADA.public_key, 5), auth=enforce(signed(5)))
    assert failure_text(outcome) == "Error(Auth, InvalidAction)"


def test_a_plant_whose_burn_was_not_signed_is_refused(chain: ContractChain) -> None:
    tree = call_tree(FARM, "plant", plant_arguments(ADA.public_key, 5))
    entry = authorize_entry(unsigned(tree, 1), ADA, 2_000, LOCAL.passphrase)
    assert failure_text(plant(chain, 5, enforce(entry))) == "Error(Auth, InvalidAction)"


def test_a_burn_may_be_signed_as_a_tree_of_its_own(chain: ContractChain) -> None:
    args = plant_arguments(ADA.public_key, 5)
    entries = [
        authorize_entry(unsigned(call_tree(contract, function, args), nonce), ADA, 2_000, LOCAL.passphrase)
        for nonce, (contract, function) in enumerate([(FARM, "plant"), (TOKEN, "burn")])
    ]
    assert plant(chain, 5, enforce(*entries)).succeeded


def test_unused_entries_are_no_error(chain: ContractChain) -> None:
    assert plant(chain, 5, enforce(signed(6, nonce=2), signed(5, nonce=1))).succeeded
    assert chain.entries.find(nonce_key(ADA.public_key, 2)) is None


def test_a_replayed_nonce_is_refused_while_it_lives(chain: ContractChain) -> None:
    entry = signed(5, valid_until=40_000)
    assert plant(chain, 5, enforce(entry)).succeeded
    chain.advance(60)
    outcome = plant(chain, 5, enforce(entry))
    assert failure_text(outcome) == "Error(Auth, ExistingValue)"
    assert outcome.failure is not None
    assert "nonce already exists for address" in outcome.failure.report


@pytest.mark.parametrize(("valid_until", "lives_until"), [(2_000, 1_060 + 17_279), (40_000, 40_000)])
def test_a_nonce_lives_as_long_as_its_signature_and_at_least_the_minimum(
    chain: ContractChain, valid_until: int, lives_until: int
) -> None:
    plant(chain, 5, enforce(signed(5, valid_until=valid_until)))
    stored = chain.entries.find(nonce_key(ADA.public_key, 1))
    assert stored is not None
    assert stored.live_until == lives_until


def test_a_signature_is_valid_to_its_last_ledger(chain: ContractChain) -> None:
    last = chain.ledger.sequence
    assert plant(chain, 5, enforce(signed(5, valid_until=last))).succeeded
    chain.advance(60)
    outcome = plant(chain, 5, enforce(signed(5, nonce=2, valid_until=last + 59)))
    assert failure_text(outcome) == "Error(Auth, InvalidInput)"
    assert outcome.failure is not None
    assert f'data:["signature has expired", {ADA.public_key}, {last + 60}, {last + 59}]' in (
        outcome.failure.report
    )


def test_a_signature_cannot_be_valid_beyond_the_longest_life(chain: ContractChain) -> None:
    longest = chain.ledger.max_live_until
    outcome = plant(chain, 5, enforce(signed(5, valid_until=longest + 1)))
    assert failure_text(outcome) == "Error(Auth, InvalidInput)"
    assert plant(chain, 5, enforce(signed(5, valid_until=longest))).succeeded


def test_a_nonce_outside_of_the_footprint_ends_the_call(chain: ContractChain) -> None:
    simulated = ContractChain()
    simulated.add_holder(ADA.public_key, 1_000)
    simulated.advance(60)
    whole = plant(simulated, 5, enforce(signed(5)))
    key = nonce_key(ADA.public_key, 1)
    footprint = Footprint(frozenset(whole.touched_read_only), frozenset(whole.touched_read_write) - {key})
    outcome = chain.call(
        "plant", *plant_arguments(ADA.public_key, 5), auth=enforce(signed(5)), footprint=footprint
    )
    assert failure_text(outcome) == "Error(Storage, ExceededLimit)"
    assert outcome.failure is not None
    assert "trying to access nonce outside of footprint for address" in outcome.failure.report


def test_an_entry_of_an_address_without_authority_is_an_invalid_input(chain: ContractChain) -> None:
    entry = signed(5)
    assert entry.credentials.address_v2 is not None
    entry.credentials.address_v2.address = xdr.SCAddress(
        xdr.SCAddressType.SC_ADDRESS_TYPE_LIQUIDITY_POOL, liquidity_pool_id=xdr.PoolID(xdr.Hash(bytes(32)))
    )
    assert failure_text(plant(chain, 5, enforce(entry))) == "Error(Auth, InvalidInput)"


# Signatures


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
    chain = ContractChain()
    chain.add_holder(ADA.public_key, 10**6)
    chain.advance(60)
    outcome = plant(chain, amount, enforce(signed(amount, nonce, address_bound=address_bound)))
    assert outcome.succeeded
    assert chain.balance(ADA.public_key) == 10**6 - amount
