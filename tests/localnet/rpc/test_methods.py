"""Every method through the unmodified SDK, asynchronous and synchronous."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
from stellar_sdk import Asset, InvokeHostFunction, Keypair, SorobanServer, scval, xdr
from stellar_sdk.exceptions import AccountNotFoundException, SorobanRpcErrorResponse
from stellar_sdk.soroban_rpc import EventFilter, EventFilterType, GetTransactionStatus
from stellar_sdk.soroban_server_async import SorobanServerAsync

from kale import calls
from kale.constants import STROOPS_PER_KALE
from kale.networks import LOCAL
from kale.storage import account_key, farm_instance_key, pail_key, trustline_key
from localnet.genesis import FAUCET
from localnet.testing import NodeHandle
from tests.localnet.conftest import START_TIME
from tests.localnet.wallet import Wallet


async def test_the_node_says_what_it_is(node: NodeHandle, rpc: SorobanServerAsync) -> None:
    node.close_ledgers(3)
    health = await rpc.get_health()
    assert (health.status, health.latest_ledger, health.oldest_ledger) == ("healthy", 4, 1)
    network = await rpc.get_network()
    assert network.passphrase == LOCAL.passphrase
    assert network.protocol_version == 29
    assert network.friendbot_url == node.friendbot_url
    version = await rpc.get_version_info()
    assert version.protocol_version == 29


async def test_the_latest_ledger_comes_with_header_and_meta(
    node: NodeHandle, rpc: SorobanServerAsync
) -> None:
    node.close_ledgers(2)
    latest = await rpc.get_latest_ledger()
    assert (latest.sequence, latest.close_time) == (3, START_TIME + 10)
    header = xdr.LedgerHeader.from_xdr(latest.header_xdr)
    meta = xdr.LedgerCloseMeta.from_xdr(latest.metadata_xdr)
    assert header.ledger_seq.uint32 == 3
    assert meta.v2 is not None
    assert meta.v2.ledger_header.hash.hash.hex() == latest.id
    node.close_ledgers()
    assert (await rpc.get_latest_ledger()).sequence == 4


# Entries


async def test_entries_come_in_the_asked_order_and_missing_ones_are_left_out(
    farmer: Wallet, rpc: SorobanServerAsync
) -> None:
    keys = [
        trustline_key(LOCAL.asset_code, LOCAL.asset_issuer, farmer.address),
        pail_key(LOCAL.farm_contract_id, farmer.address, 12),
        account_key(farmer.address),
        farm_instance_key(LOCAL.farm_contract_id),
    ]
    found = await rpc.get_ledger_entries(keys)
    assert found.entries is not None
    assert [entry.key for entry in found.entries] == [keys[at].to_xdr() for at in (0, 2, 3)]
    line = xdr.LedgerEntryData.from_xdr(found.entries[0].xdr).trust_line
    assert line is not None
    assert line.balance.int64 == 1000 * STROOPS_PER_KALE
    assert found.entries[0].live_until_ledger is None
    assert found.entries[2].live_until_ledger is not None
    assert found.latest_ledger == farmer.node.chain.latest.sequence


async def test_an_unknown_account_cannot_be_loaded(rpc: SorobanServerAsync) -> None:
    with pytest.raises(AccountNotFoundException):
        await rpc.load_account(Keypair.random().public_key)


@pytest.mark.parametrize(
    ("count", "code", "text"),
    [
        (201, -32602, r"key count \(201\) exceeds maximum supported \(200\)"),
        (0, -32603, "could not query captive core"),
    ],
)
async def test_the_number_of_keys_is_limited(
    rpc: SorobanServerAsync, count: int, code: int, text: str
) -> None:
    key = account_key(FAUCET.public_key)
    with pytest.raises(SorobanRpcErrorResponse, match=text) as refused:
        await rpc.get_ledger_entries([key] * count)
    assert refused.value.code == code


async def test_lifetimes_cannot_be_asked_for(rpc: SorobanServerAsync) -> None:
    key = xdr.LedgerKey(xdr.LedgerEntryType.TTL, ttl=xdr.LedgerKeyTtl(xdr.Hash(bytes(32))))
    with pytest.raises(SorobanRpcErrorResponse, match="ttl entries cannot be queried"):
        await rpc.get_ledger_entries([key])


async def test_the_networks_settings_are_entries(node: NodeHandle, rpc: SorobanServerAsync) -> None:
    """All that a node has, but for the cost parameters of Wasm and the forms of an upgrade (deltas)."""
    unserved = {"COST_PARAMS_CPU_INSTRUCTIONS", "COST_PARAMS_MEMORY_BYTES", "KEYS_DELTA", "TXS_DELTA"}
    keys = [
        xdr.LedgerKey(xdr.LedgerEntryType.CONFIG_SETTING, config_setting=xdr.LedgerKeyConfigSetting(setting))
        for setting in xdr.ConfigSettingID
    ]
    found = await rpc.get_ledger_entries(keys)
    assert found.entries is not None
    settings = [xdr.LedgerEntryData.from_xdr(entry.xdr).config_setting for entry in found.entries]
    served = {setting.config_setting_id: setting for setting in settings if setting is not None}
    missing = {setting.name for setting in set(xdr.ConfigSettingID) - set(served)}
    assert all(any(name.endswith(ending) for ending in unserved) for name in missing)
    assert len(missing) == len(unserved)
    compute = served[xdr.ConfigSettingID.CONFIG_SETTING_CONTRACT_COMPUTE_V0].contract_compute
    assert compute is not None
    assert compute.tx_max_instructions.int64 == node.chain.settings.transaction.instructions
    assert found.entries[0].live_until_ledger is None


async def test_an_archived_entry_is_given_with_a_life_until_0_and_a_temporary_one_is_gone(
    farmer: Wallet,
) -> None:
    planted = await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    assert planted.succeeded
    chain = farmer.node.chain
    keys = [
        farm_instance_key(LOCAL.farm_contract_id),
        pail_key(LOCAL.farm_contract_id, farmer.address, 0),
    ]
    dead = chain.latest.sequence - 1
    for key in keys:
        entry = chain.state.find(key.to_xdr_bytes())
        assert entry is not None
        chain.state.commit({key.to_xdr_bytes(): entry.extended(dead)})
    found = await farmer.rpc.get_ledger_entries(keys)
    assert found.entries is not None
    assert [(entry.key, entry.live_until_ledger) for entry in found.entries] == [(keys[0].to_xdr(), 0)]


async def test_keys_must_not_repeat(rpc: SorobanServerAsync) -> None:
    key = account_key(FAUCET.public_key)
    with pytest.raises(SorobanRpcErrorResponse, match="could not query captive core") as refused:
        await rpc.get_ledger_entries([key, key])
    assert refused.value.code == -32603


# Transactions


async def test_a_transaction_that_nobody_knows_is_not_found(rpc: SorobanServerAsync) -> None:
    missing = await rpc.get_transaction("ab" * 32)
    assert missing.status is GetTransactionStatus.NOT_FOUND
    assert missing.transaction_hash == "ab" * 32
    assert (missing.ledger, missing.application_order, missing.fee_bump) == (0, 0, False)
    assert missing.create_at == 0
    assert missing.envelope_xdr is None
    assert missing.result_xdr is None


@pytest.mark.parametrize(
    ("text", "message"), [("ab", r"unexpected hash length \(2\)"), ("zz" * 32, "incorrect hash")]
)
async def test_a_hash_must_be_one(rpc: SorobanServerAsync, text: str, message: str) -> None:
    with pytest.raises(SorobanRpcErrorResponse, match=message):
        await rpc.get_transaction(text)


async def test_a_transaction_is_found_with_order_time_and_events(farmer: Wallet) -> None:
    planted = await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    response = planted.response
    assert response.ledger == farmer.node.chain.latest.sequence
    assert response.create_at == farmer.node.chain.latest.close_time
    assert response.application_order == 1
    assert response.fee_bump is False
    assert response.events is not None
    assert response.events.contract_events_xdr is not None
    (events,) = response.events.contract_events_xdr
    burnt = xdr.ContractEvent.from_xdr(events[0]).body.v0
    assert burnt is not None
    assert scval.from_symbol(burnt.topics[0]) == "burn"
    assert response.diagnostic_events_xdr
    for event in response.events.transaction_events_xdr or []:
        xdr.TransactionEvent.from_xdr(event)


async def test_transactions_are_listed_page_by_page(farmer: Wallet) -> None:
    rpc = farmer.rpc
    for _ in range(4):
        await farmer.apply((await farmer.builder()).append_payment_op(farmer.address, Asset.native(), "1"))
    everything = await rpc.get_transactions(start_ledger=1)
    assert len(everything.transactions) == 7
    listed = []
    page = await rpc.get_transactions(start_ledger=1, limit=3)
    while page.transactions:
        listed += page.transactions
        last, page = page, await rpc.get_transactions(cursor=page.cursor, limit=3)
    assert listed == everything.transactions
    farmer.node.close_ledgers()
    await farmer.apply((await farmer.builder()).append_payment_op(farmer.address, Asset.native(), "1"))
    fresh = await rpc.get_transactions(cursor=last.cursor)
    assert [transaction.ledger for transaction in fresh.transactions] == [farmer.node.chain.latest.sequence]


async def test_the_cursor_of_a_page_without_news_is_the_begin_of_the_latest_ledger(farmer: Wallet) -> None:
    """As by a real node: who follows it gets that ledger's transactions once more."""
    latest = farmer.node.chain.latest.sequence
    last = await farmer.rpc.get_transactions(start_ledger=latest)
    assert last.cursor == str((latest << 32) + (1 << 12) + 1)
    nothing = await farmer.rpc.get_transactions(cursor=last.cursor)
    assert (nothing.transactions, nothing.cursor) == ([], str((latest << 32) + 1))
    assert (await farmer.rpc.get_transactions(cursor=nothing.cursor)).transactions == last.transactions
    ahead = await farmer.rpc.get_transactions(cursor=str((latest + 1) << 32))
    assert (ahead.transactions, ahead.cursor) == ([], "0")


async def test_ledgers_are_listed_page_by_page(node: NodeHandle, rpc: SorobanServerAsync) -> None:
    node.close_ledgers(9)
    first = await rpc.get_ledgers(start_ledger=4, limit=3)
    assert [ledger.sequence for ledger in first.ledgers] == [4, 5, 6]
    rest = await rpc.get_ledgers(cursor=first.cursor, limit=200)
    assert [ledger.sequence for ledger in rest.ledgers] == [7, 8, 9, 10]
    with pytest.raises(
        SorobanRpcErrorResponse, match=r"cursor \('10'\) must be between the oldest ledger: 1"
    ):
        await rpc.get_ledgers(cursor=rest.cursor)
    for ledger in rest.ledgers:
        assert xdr.LedgerHeaderHistoryEntry.from_xdr(ledger.header_xdr).hash.hash.hex() == ledger.hash
        assert xdr.LedgerCloseMeta.from_xdr(ledger.metadata_xdr).to_xdr() == ledger.metadata_xdr


@pytest.mark.parametrize("method", ["get_transactions", "get_ledgers"])
@pytest.mark.parametrize("start", [0, 5])
async def test_pages_begin_inside_of_the_history(rpc: SorobanServerAsync, method: str, start: int) -> None:
    with pytest.raises(SorobanRpcErrorResponse, match="must be between the oldest ledger: 1") as refused:
        await getattr(rpc, method)(start_ledger=start)
    assert refused.value.code == -32600


# Fees


async def test_fee_stats_tell_what_inclusion_has_cost(farmer: Wallet) -> None:
    farmer.node.close_ledgers(60)
    quiet = await farmer.rpc.get_fee_stats()
    assert (quiet.inclusion_fee.max, quiet.inclusion_fee.ledger_count) == (0, 0)
    await farmer.apply((await farmer.builder()).append_payment_op(farmer.address, Asset.native(), "1"))
    await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    stats = await farmer.rpc.get_fee_stats()
    assert (stats.inclusion_fee.min, stats.inclusion_fee.p99, stats.inclusion_fee.max) == (100, 100, 100)
    assert stats.soroban_inclusion_fee.transaction_count == 1
    assert stats.soroban_inclusion_fee.mode == 100
    assert stats.soroban_inclusion_fee.ledger_count == 50
    assert stats.latest_ledger == farmer.node.chain.latest.sequence


# Events


async def test_events_are_found_by_contract_kind_and_topics(farmer: Wallet) -> None:
    await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    burn = scval.to_symbol("burn").to_xdr()
    owner = scval.to_address(farmer.address).to_xdr()
    for topics in ([burn, owner, "*"], [burn, "**"], ["*", owner, "*"]):
        wanted = EventFilter(
            event_type=EventFilterType.CONTRACT, contract_ids=[LOCAL.asset_contract_id], topics=[topics]
        )
        found = await farmer.rpc.get_events(start_ledger=1, filters=[wanted])
        (event,) = [event for event in found.events if event.topic[0] == burn]
        assert event.contract_id == LOCAL.asset_contract_id
        assert scval.from_int128(event.value) == 10
        assert event.ledger == farmer.node.chain.latest.sequence
        assert (event.transaction_index, event.operation_index) == (1, 0)
        assert event.id == f"{(event.ledger << 32) + (1 << 12):019d}-0000000000"
    for topics in ([burn, owner], [burn, scval.to_address(FAUCET.public_key).to_xdr(), "**"]):
        nothing = await farmer.rpc.get_events(
            start_ledger=1, filters=[EventFilter(topics=[topics], contract_ids=[LOCAL.asset_contract_id])]
        )
        assert nothing.events == []
    system = await farmer.rpc.get_events(
        start_ledger=1, filters=[EventFilter(event_type=EventFilterType.SYSTEM)]
    )
    assert system.events == []


async def test_a_cursor_goes_on_after_the_last_event_without_loss_or_repeat(farmer: Wallet) -> None:
    rpc = farmer.rpc
    await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    everything = (await rpc.get_events(start_ledger=1)).events
    assert [event.id for event in everything] == sorted(event.id for event in everything)
    page = await rpc.get_events(start_ledger=1, limit=2)
    listed = []
    while page.events:
        listed += page.events
        page = await rpc.get_events(cursor=page.cursor, limit=2)
    assert listed == everything
    farmer.node.close_ledgers(2)
    await farmer.apply((await farmer.builder()).append_payment_op(farmer.address, Asset.native(), "3"))
    fresh = await rpc.get_events(cursor=page.cursor)
    assert [scval.to_native(event.topic[0]) for event in fresh.events] == ["fee", "transfer"]


async def test_fees_come_first_and_refunds_last_in_a_ledger(farmer: Wallet) -> None:
    await farmer.call(calls.plant(LOCAL.farm_contract_id, farmer.address, 10))
    found = await farmer.rpc.get_events(start_ledger=farmer.node.chain.latest.sequence)
    assert [scval.to_native(event.topic[0]) for event in found.events] == ["fee", "burn", "fee"]
    assert [event.transaction_index for event in found.events] == [0, 1, 1_048_575]


@pytest.mark.parametrize(
    ("start", "end", "limit", "message"),
    [
        (None, None, None, "startLedger must be positive"),
        (99, None, None, "startLedger must be within the ledger range: 1 - 1"),
        (1, None, 10_001, "limit must not exceed 10000"),
    ],
)
async def test_an_impossible_range_of_events_is_refused(
    rpc: SorobanServerAsync, start: int | None, end: int | None, limit: int | None, message: str
) -> None:
    with pytest.raises(SorobanRpcErrorResponse, match=message):
        await rpc.get_events(start_ledger=start, end_ledger=end, limit=limit)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ([EventFilter()] * 6, "maximum 5 filters per request"),
        ([EventFilter(event_type=EventFilterType.DIAGNOSTIC)], "filter type invalid"),
        ([EventFilter(contract_ids=["CABC"])], "filter 1 invalid: contract ID 1 invalid"),
        ([EventFilter(contract_ids=[LOCAL.farm_contract_id] * 6)], "maximum 5 contract IDs per filter"),
        ([EventFilter(topics=[["**", "*"]])], r"wildcard '\*\*' is only allowed as the last segment"),
        ([EventFilter(topics=[["not an ScVal"]])], "invalid parameters"),
        ([EventFilter(topics=[["*"] * 5])], "topic cannot have more than 4 segments"),
    ],
)
async def test_an_impossible_filter_is_refused(
    rpc: SorobanServerAsync, filters: list[EventFilter], message: str
) -> None:
    with pytest.raises(SorobanRpcErrorResponse, match=message):
        await rpc.get_events(start_ledger=1, filters=filters)


async def test_the_range_of_events_ends_before_its_end_and_at_the_latest_ledger(farmer: Wallet) -> None:
    latest = farmer.node.chain.latest.sequence
    until = await farmer.rpc.get_events(start_ledger=1, end_ledger=latest)
    assert max(event.ledger for event in until.events) == latest - 1
    assert until.cursor == f"{((latest - 1) << 32) + (1_048_575 << 12) + 4095:019d}-4294967295"


# The synchronous client


Answer = TypeVar("Answer")


async def in_thread(ask: Callable[[SorobanServer], Answer], url: str) -> Answer:
    def asking() -> Answer:
        server = SorobanServer(url)
        try:
            return ask(server)
        finally:
            server.close()

    return await asyncio.to_thread(asking)


async def test_the_synchronous_client_plants_like_the_asynchronous_one(farmer: Wallet) -> None:
    url = farmer.node.rpc_url
    function = calls.plant(LOCAL.farm_contract_id, farmer.address, 10)
    built = (await farmer.builder()).append_operation(InvokeHostFunction(function)).build()
    prepared = await in_thread(lambda server: server.prepare_transaction(built), url)
    prepared.sign(farmer.key)
    sent = await in_thread(lambda server: server.send_transaction(prepared), url)
    farmer.node.close_ledgers()
    found = await in_thread(lambda server: server.poll_transaction(sent.hash, max_attempts=1), url)
    assert found.status is GetTransactionStatus.SUCCESS


ASK: list[Callable[[SorobanServer], object]] = [
    lambda server: server.get_health(),
    lambda server: server.get_network(),
    lambda server: server.get_version_info(),
    lambda server: server.get_latest_ledger(),
    lambda server: server.get_ledger_entries([account_key(FAUCET.public_key)]),
    lambda server: server.load_account(FAUCET.public_key),
    lambda server: server.get_transaction("00" * 32),
    lambda server: server.get_transactions(start_ledger=1),
    lambda server: server.get_ledgers(start_ledger=1),
    lambda server: server.get_events(start_ledger=1),
    lambda server: server.get_fee_stats(),
    lambda server: server.get_contract_data(
        LOCAL.farm_contract_id, xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE)
    ),
    lambda server: server.get_sac_balance(
        LOCAL.farm_contract_id, Asset(LOCAL.asset_code, LOCAL.asset_issuer), LOCAL.passphrase
    ),
]


@pytest.mark.parametrize("ask", ASK)
async def test_the_synchronous_client_understands_every_answer(
    node: NodeHandle, ask: Callable[[SorobanServer], object]
) -> None:
    assert await in_thread(ask, node.rpc_url) is not None
