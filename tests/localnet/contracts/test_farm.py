"""What the farm does with entries that it did not write: a saved or forked chain may bring any."""

from collections.abc import Callable

import pytest
from stellar_sdk import scval, xdr

from kale.addresses import address_value
from kale.storage import block_key, pail_key
from localnet.ledger.entry_keys import instance_key_bytes
from localnet.ledger.value_wire import encode_value, symbol, vector
from tests.localnet.contract_chain import FARM, ContractChain, failure_text, keypair

ADA = keypair("ada").public_key


@pytest.fixture
def chain() -> ContractChain:
    """Ada has planted in the current block."""
    chain = ContractChain()
    chain.add_holder(ADA, 1_000)
    chain.advance(60)
    assert chain.plant(ADA, 100).succeeded
    return chain


@pytest.mark.parametrize(
    "key",
    [
        lambda index: block_key(FARM, index),
        lambda index: pail_key(FARM, ADA, index),
    ],
    ids=["block", "pail"],
)
@pytest.mark.parametrize("value", [scval.to_void(), scval.to_struct({"gap": scval.to_void()})])
def test_data_of_another_shape_ends_in_a_trap(
    chain: ContractChain, key: Callable[[int], xdr.LedgerKey], value: xdr.SCVal
) -> None:
    encoded_key = key(chain.farm().index).to_xdr_bytes()
    entry = chain.entries.find(encoded_key)
    assert entry is not None
    changed = entry.with_value(encode_value(value), chain.ledger.sequence)
    chain.entries.apply({encoded_key: changed})
    outcome = chain.call("work", address_value(ADA), scval.to_bytes(bytes(32)), scval.to_uint64(1))
    assert failure_text(outcome) == "Error(WasmVm, InvalidAction)"


@pytest.mark.parametrize("name", [b"FarmBlock", b"FarmIndex", b"FarmPaused", b"Homesteader"])
def test_so_does_an_instance_of_another_shape(chain: ContractChain, name: bytes) -> None:
    key = instance_key_bytes(FARM)
    entry = chain.entries.find(key)
    assert entry is not None
    assert entry.instance is not None
    values = dict(entry.instance.values) | {vector([symbol(name)]): encode_value(scval.to_int32(1))}
    changed = entry.with_instance(entry.instance.with_values(values), chain.ledger.sequence)
    chain.entries.apply({key: changed})
    assert failure_text(chain.plant(ADA, 0)) == "Error(WasmVm, InvalidAction)"
