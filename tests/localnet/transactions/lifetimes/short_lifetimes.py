"""Entries that live for a few minutes: for how long, and what a test reads of them."""

from stellar_sdk import xdr

from localnet.contracts.registry import FARM_CODE_HASH
from localnet.ledger.entry_keys import code_key_bytes
from localnet.network_settings import Lifetimes
from localnet.testing import NodeHandle
from tests.localnet.wallet import Outcome

LIFETIMES = Lifetimes(min_temporary=100, min_persistent=150, max_entry=200)
CODE = xdr.LedgerKey.from_xdr_bytes(code_key_bytes(FARM_CODE_HASH))


def live_until(node: NodeHandle, key: xdr.LedgerKey) -> int:
    entry = node.chain.state.find(key.to_xdr_bytes())
    assert entry is not None
    assert entry.live_until is not None
    return entry.live_until


def changed(outcome: Outcome) -> list[tuple[xdr.LedgerEntryChangeType, xdr.LedgerEntryType]]:
    listed = []
    for change in outcome.meta.operations[0].changes.ledger_entry_changes:
        entry = change.state or change.created or change.updated or change.restored
        assert entry is not None
        listed.append((change.type, entry.data.type))
    return listed
