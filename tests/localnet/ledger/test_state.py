"""The store of entries: layers, expiry, and the changes of a ledger."""

from stellar_sdk import Keypair, scval, xdr

from kale.networks import LOCAL
from kale.storage import block_data_key
from localnet.ledger.accounts import account_key, new_account, stored_account
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import contract_data_entry, data_key_bytes
from localnet.ledger.state import EntryChange, Layer, LedgerState

KEY = account_key(Keypair.from_raw_ed25519_seed(bytes(32)).raw_public_key())
TEMPORARY = xdr.ContractDataDurability.TEMPORARY
PERSISTENT = xdr.ContractDataDurability.PERSISTENT


def account(balance: int) -> StoredEntry:
    return stored_account(new_account(KEY[8:], balance, 0), 1)


def data(durability: xdr.ContractDataDurability, live_until: int) -> tuple[bytes, StoredEntry]:
    value = contract_data_entry(LOCAL.farm_contract_id, block_data_key(1), durability, scval.to_uint32(1))
    key = data_key_bytes(LOCAL.farm_contract_id, block_data_key(1), durability)
    return key, StoredEntry(value, 1, live_until)


def test_a_layer_hides_what_is_below_until_it_is_committed() -> None:
    state = LedgerState()
    state.commit({KEY: account(1)})
    layer = Layer(state)
    layer.put(KEY, None)
    assert layer.find(KEY) is None
    assert state.find(KEY) == account(1)
    state.commit(layer.changed())
    assert state.find(KEY) is None


def test_a_layer_tells_before_and_after_but_nothing_of_what_came_and_went() -> None:
    state = LedgerState()
    state.commit({KEY: account(1)})
    layer = Layer(state)
    layer.put(KEY, account(2))
    passing, entry = data(TEMPORARY, 5)
    layer.put(passing, entry)
    layer.put(passing, None)
    assert layer.changes() == [EntryChange(KEY, account(1), account(2))]


def test_a_temporary_entry_is_removed_after_its_last_ledger() -> None:
    state = LedgerState()
    key, entry = data(TEMPORARY, 10)
    state.commit({key: entry})
    assert state.remove_expired(10) == []
    assert state.find(key) is entry
    assert state.remove_expired(11) == [key]
    assert state.find(key) is None


def test_a_persistent_entry_stays_though_its_life_is_over() -> None:
    state = LedgerState()
    key, entry = data(PERSISTENT, 10)
    state.commit({key: entry})
    assert state.remove_expired(11) == []
    assert state.find(key) is entry


def test_a_longer_life_moves_the_removal() -> None:
    state = LedgerState()
    key, entry = data(TEMPORARY, 10)
    state.commit({key: entry})
    state.commit({key: data(TEMPORARY, 20)[1]})
    assert state.remove_expired(11) == []
    assert state.remove_expired(21) == [key]


def test_the_changes_of_a_ledger_are_taken_once() -> None:
    state = LedgerState()
    key, entry = data(TEMPORARY, 10)
    state.commit({KEY: account(1), key: entry})
    assert dict(state.take_changes()) == {KEY: account(1), key: entry}
    state.remove_expired(11)
    assert dict(state.take_changes()) == {key: None}
    assert dict(state.take_changes()) == {}
