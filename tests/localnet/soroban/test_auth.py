"""Authorisation: what is recorded, and what is demanded."""

import pytest
from stellar_sdk import scval, xdr
from stellar_sdk.auth import authorize_entry

from kale.addresses import address_value
from kale.networks import LOCAL
from localnet.contracts.install import token_entries, tractor_entries
from localnet.contracts.registry import TRACTOR_CODE_HASH
from localnet.ledger.entry_keys import code_key_bytes, data_key_bytes, instance_key_bytes
from localnet.soroban.invocation import Footprint, RecordAuth
from tests.localnet.contract_chain import (
    FARM,
    HOMESTEADER,
    ISSUER,
    TOKEN,
    ContractChain,
    failure_text,
    plant_arguments,
)
from tests.localnet.solving import solve
from tests.localnet.soroban.auth_entries import (
    ADA,
    BOB,
    CARRIER,
    SOURCE_CREDENTIALS,
    TEMPORARY,
    TRACTOR,
    call_tree,
    enforce,
    plant,
    plant_tree,
    signed,
    unsigned,
)

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
