"""The farm as it stands in the ledger, for whoever is no contract."""

from functools import lru_cache

from stellar_sdk import xdr

from kale.farm import Farm
from kale.networks import Network
from kale.storage import decode_farm
from localnet.ledger.entries import EntryReader
from localnet.ledger.entry_keys import instance_key_bytes


def read_farm(entries: EntryReader, network: Network) -> Farm:
    """The network's farm: its current block, which everyone collects in. It is there from genesis on."""
    entry = entries.find(instance_key_bytes(network.farm_contract_id))
    value = None if entry is None else entry.value
    assert value is not None, "the farm's instance never leaves the ledger"
    return _decoded(value)


@lru_cache(maxsize=64)
def _decoded(value: bytes) -> Farm:
    """Remembered: every rival looks at it in every ledger."""
    return decode_farm(xdr.SCVal.from_xdr_bytes(value))
