"""Footprints: what is recorded suffices, and an access outside of what is declared ends the call."""

import pytest
from stellar_sdk import scval, xdr

from kale.addresses import address_value
from kale.storage import account_key, block_key, farm_instance_key, instance_key, pail_key, trustline_key
from localnet.contracts.registry import FARM_CODE_HASH
from localnet.ledger.entry_keys import code_key_bytes
from localnet.soroban.invocation import Footprint, RecordAuth
from tests.localnet.contract_chain import (
    FARM,
    HOMESTEADER,
    ISSUER,
    TOKEN,
    ContractChain,
    failure_text,
    footprint_of,
    keypair,
    plant_arguments,
)
from tests.localnet.solving import solve

ADA = keypair("ada").public_key


def planned(chain: ContractChain) -> tuple[RecordAuth, Footprint]:
    """How a plant on this chain is authorised, and its whole footprint."""
    auth = chain.record(ADA)
    simulated = ContractChain()
    simulated.add_holder(ADA, 1_000)
    simulated.advance(60)
    return auth, footprint_of(simulated.call("plant", *plant_arguments(ADA, 5), auth=auth))


def test_a_plants_footprint_at_the_boundary(chain: ContractChain) -> None:
    outcome = chain.plant(ADA, 5)
    nonce = next(key for key in outcome.touched_read_write if key[4:40] == _owner(ADA))
    assert set(outcome.touched_read_only) == {
        account_key(ADA).to_xdr_bytes(),
        instance_key(TOKEN).to_xdr_bytes(),
        code_key_bytes(FARM_CODE_HASH),
        block_key(FARM, 0).to_xdr_bytes(),
    }
    assert set(outcome.touched_read_write) == {
        nonce,
        farm_instance_key(FARM).to_xdr_bytes(),
        block_key(FARM, 1).to_xdr_bytes(),
        pail_key(FARM, ADA, 1).to_xdr_bytes(),
        trustline_key("KALE", ISSUER, ADA).to_xdr_bytes(),
    }


def _owner(address: str) -> bytes:
    encoded = address_value(address).address
    assert encoded is not None
    return encoded.to_xdr_bytes()[:36]


def test_a_harvest_only_reads_the_farms_instance(chain: ContractChain) -> None:
    chain.plant(ADA, 5)
    chain.advance(1)
    hash, nonce = solve(chain, ADA, zeros=0)
    chain.call("work", address_value(ADA), scval.to_bytes(hash), scval.to_uint64(nonce))
    chain.advance(59)
    chain.plant(HOMESTEADER, 0)
    outcome = chain.call("harvest", address_value(ADA), scval.to_uint32(1))
    assert set(outcome.touched_read_write) == {
        pail_key(FARM, ADA, 1).to_xdr_bytes(),
        trustline_key("KALE", ISSUER, ADA).to_xdr_bytes(),
    }
    assert farm_instance_key(FARM).to_xdr_bytes() in outcome.touched_read_only


def test_the_recorded_footprint_suffices(chain: ContractChain) -> None:
    auth = chain.record(ADA)
    simulated = chain.call("plant", *plant_arguments(ADA, 5), auth=auth)
    again = ContractChain()
    again.add_holder(ADA, 1_000)
    again.advance(60)
    outcome = again.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=footprint_of(simulated))
    assert outcome.succeeded
    assert outcome.writes.keys() == simulated.writes.keys()


@pytest.mark.parametrize(
    ("missing", "kind"),
    [
        (farm_instance_key(FARM).to_xdr_bytes(), "contract instance key"),
        (code_key_bytes(FARM_CODE_HASH), "contract code key"),
        (block_key(FARM, 1).to_xdr_bytes(), "contract data key"),
        (trustline_key("KALE", ISSUER, ADA).to_xdr_bytes(), "trustline"),
    ],
)
def test_a_key_outside_of_the_footprint_ends_the_call(
    chain: ContractChain, missing: bytes, kind: str
) -> None:
    auth, whole = planned(chain)
    short = Footprint(whole.read_only - {missing}, whole.read_write - {missing})
    outcome = chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=short)
    assert failure_text(outcome) == "Error(Storage, ExceededLimit)"
    assert outcome.failure is not None
    assert f"trying to access {kind} outside of the footprint" in outcome.failure.report


@pytest.mark.parametrize(
    ("missing", "host_function"),
    [
        (block_key(FARM, 0), "has_contract_data"),
        (pail_key(FARM, ADA, 1), "has_contract_data"),
        (block_key(FARM, 1), "put_contract_data"),
    ],
)
def test_an_access_that_fails_ends_the_vm_by_the_name_of_its_host_function(
    chain: ContractChain, missing: xdr.LedgerKey, host_function: str
) -> None:
    auth, whole = planned(chain)
    key = missing.to_xdr_bytes()
    short = Footprint(whole.read_only - {key}, whole.read_write - {key})
    outcome = chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=short)
    assert outcome.failure is not None
    newest = outcome.failure.report.splitlines()[3]
    assert newest.endswith(f'"escalating error to VM trap from failed host function call: {host_function}"')


def test_a_key_that_may_only_be_read_cannot_be_written(chain: ContractChain) -> None:
    auth, whole = planned(chain)
    read_only = Footprint(whole.read_only | whole.read_write, frozenset())
    outcome = chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=read_only)
    assert failure_text(outcome) == "Error(Storage, ExceededLimit)"


def test_a_footprint_for_both_sides_of_the_boundary_holds_on_either(chain: ContractChain) -> None:
    chain.plant(HOMESTEADER, 0)
    chain.advance(59)
    auth = chain.record(ADA)
    keys = {
        account_key(ADA).to_xdr_bytes(),
        instance_key(TOKEN).to_xdr_bytes(),
        code_key_bytes(FARM_CODE_HASH),
    }
    written = {
        farm_instance_key(FARM).to_xdr_bytes(),
        trustline_key("KALE", ISSUER, ADA).to_xdr_bytes(),
        *(block_key(FARM, index).to_xdr_bytes() for index in (1, 2)),
        *(pail_key(FARM, ADA, index).to_xdr_bytes() for index in (1, 2)),
    }
    both = Footprint(frozenset(keys), frozenset(written))
    assert chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=both).succeeded
    assert chain.farm().index == 1
    chain.advance(1)
    assert chain.call("plant", *plant_arguments(ADA, 5), auth=auth, footprint=both).succeeded
    assert chain.farm().index == 2
