"""Changes of entries in metas."""

from stellar_sdk import scval, xdr

from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import contract_data_entry
from localnet.ledger.entry_xdr import decode_ledger_entry, key_of
from localnet.ledger.meta import entry_changes, ledger_entry
from localnet.ledger.state import EntryChange
from tests.localnet.contract_chain import FARM

PERSISTENT = xdr.ContractDataDurability.PERSISTENT


def read_from_a_file() -> StoredEntry:
    """An entry that was decoded: it shares no object with those that the localnet makes."""
    data = contract_data_entry(FARM, scval.to_symbol("key"), PERSISTENT, scval.to_uint32(1))
    return decode_ledger_entry(ledger_entry(StoredEntry(data, 7, 100)), 100)


def test_a_longer_life_is_a_change_of_the_lifetime_alone() -> None:
    before = read_from_a_file()
    change = EntryChange(key_of(before.data), before, before.extended(200))
    changes = xdr.LedgerEntryChanges.from_xdr_bytes(entry_changes([change], 10)).ledger_entry_changes
    state, updated = (item.state or item.updated for item in changes)
    assert state is not None
    assert updated is not None
    assert state.data.ttl is not None
    assert updated.data.ttl is not None
    assert state.data.ttl.live_until_ledger_seq.uint32 == 100
    assert updated.data.ttl.live_until_ledger_seq.uint32 == 200


def test_who_lives_longer_keeps_everything_else() -> None:
    before = read_from_a_file()
    after = before.extended(200)
    assert ledger_entry(after) == ledger_entry(before)
    assert after.live_until == 200
