"""An entry says the same however it was made: from the SDK's object or from an encoded value."""

from hypothesis import given
from stellar_sdk import scval, xdr

from kale.networks import LOCAL
from localnet.ledger.contract_instance import ContractInstance
from localnet.ledger.entries import StoredEntry
from localnet.ledger.entry_keys import contract_data_entry, data_key_bytes, instance_key_bytes
from localnet.ledger.value_wire import encode_value
from tests.localnet.ledger.test_value_wire import values

FARM = LOCAL.farm_contract_id
KEY = scval.to_symbol("key")
PERSISTENT, TEMPORARY = xdr.ContractDataDurability.PERSISTENT, xdr.ContractDataDurability.TEMPORARY


def by_value(value: xdr.SCVal, durability: xdr.ContractDataDurability) -> StoredEntry:
    return StoredEntry.of_value(data_key_bytes(FARM, KEY, durability), encode_value(value), 3, 9)


def by_object(value: xdr.SCVal, durability: xdr.ContractDataDurability) -> StoredEntry:
    return StoredEntry(contract_data_entry(FARM, KEY, durability, value), 3, 9)


@given(values)
def test_contract_data(value: xdr.SCVal) -> None:
    for durability in (PERSISTENT, TEMPORARY):
        entry = by_value(value, durability)
        assert entry == by_object(value, durability)
        assert entry.data == contract_data_entry(FARM, KEY, durability, value)
        assert entry.value == encode_value(value)
        assert entry.is_temporary is (durability is TEMPORARY)
        assert entry.is_contract_data
        assert not entry.is_code


@given(values, values)
def test_a_rewrite_changes_the_value_and_the_ledger(before: xdr.SCVal, after: xdr.SCVal) -> None:
    entry = by_value(before, PERSISTENT)
    rewritten = entry.with_value(encode_value(after), 5)
    assert rewritten.data == contract_data_entry(FARM, KEY, PERSISTENT, after)
    assert (rewritten.last_modified, rewritten.live_until) == (5, 9)
    assert not rewritten.has_content_of(entry)


def test_a_longer_life_is_no_rewrite() -> None:
    entry = by_value(KEY, PERSISTENT)
    longer = entry.extended(20)
    assert (longer.last_modified, longer.live_until) == (3, 20)
    assert longer.has_content_of(entry)
    assert not by_value(KEY, PERSISTENT).has_content_of(entry), "equal is not the same"


def test_an_instance_is_its_code_and_its_values() -> None:
    executable = xdr.ContractExecutable(
        xdr.ContractExecutableType.CONTRACT_EXECUTABLE_WASM, wasm_hash=xdr.Hash(bytes(32))
    )
    storage = xdr.SCMap([xdr.SCMapEntry(KEY, scval.to_uint32(1)), xdr.SCMapEntry(scval.to_symbol("b"), KEY)])
    value = xdr.SCVal(
        xdr.SCValType.SCV_CONTRACT_INSTANCE, instance=xdr.SCContractInstance(executable, storage)
    )
    entry = StoredEntry.of_value(instance_key_bytes(FARM), encode_value(value), 1, 2)
    instance = entry.instance
    assert instance is not None
    assert instance.wasm_hash == bytes(32)
    assert list(instance.values) == [encode_value(KEY), encode_value(scval.to_symbol("b"))]
    assert instance.encode() == encode_value(value)
    changed: ContractInstance = instance.with_values({encode_value(KEY): encode_value(scval.to_uint32(2))})
    rewritten = entry.with_instance(changed, 4)
    assert rewritten.instance is changed
    assert StoredEntry(rewritten.data, 4, 2).instance == changed
    assert by_value(KEY, PERSISTENT).instance is None
