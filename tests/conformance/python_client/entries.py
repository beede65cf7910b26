"""Ledger entries, accounts and contract data."""

from stellar_sdk import Address, Keypair, scval, xdr
from stellar_sdk.base_soroban_server import Durability
from stellar_sdk.exceptions import AccountNotFoundException

from tests.conformance.python_client.network import LocalNetwork
from tests.conformance.python_client.node import account_key

INSTANCE = xdr.SCVal(xdr.SCValType.SCV_LEDGER_KEY_CONTRACT_INSTANCE)


def trustline_key(network: LocalNetwork, holder: Keypair) -> xdr.LedgerKey:
    return xdr.LedgerKey(
        xdr.LedgerEntryType.TRUSTLINE,
        trust_line=xdr.LedgerKeyTrustLine(
            holder.xdr_account_id(), network.asset.to_trust_line_asset_xdr_object()
        ),
    )


def instance_key(contract: str) -> xdr.LedgerKey:
    return xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.LedgerKeyContractData(
            Address(contract).to_xdr_sc_address(), INSTANCE, xdr.ContractDataDurability.PERSISTENT
        ),
    )


async def order(network: LocalNetwork) -> None:
    keys = [
        trustline_key(network, network.farmer),
        account_key(Keypair.random().public_key),
        account_key(network.farmer.public_key),
        instance_key(network.farm),
    ]
    found = await network.server.get_ledger_entries(keys)
    assert found.entries is not None
    network.report(
        "entries-order",
        {
            "types": [xdr.LedgerEntryData.from_xdr(entry.xdr).type.name for entry in found.entries],
            "keysAsAsked": [entry.key for entry in found.entries] == [keys[at].to_xdr() for at in (0, 2, 3)],
            "lastModified": [entry.last_modified_ledger for entry in found.entries],
            "liveUntil": [entry.live_until_ledger for entry in found.entries],
            "latestLedger": found.latest_ledger,
        },
    )
    nothing = await network.server.get_ledger_entries([keys[1]])
    network.report("entries-none", {"entries": nothing.entries, "latestLedger": nothing.latest_ledger})


async def refused(network: LocalNetwork) -> None:
    key = account_key(network.farmer.public_key)
    lifetime = xdr.LedgerKey(xdr.LedgerEntryType.TTL, ttl=xdr.LedgerKeyTtl(xdr.Hash(bytes(32))))
    for case, keys in (
        ("entries-too-many", [key] * 201),
        ("entries-no-keys", []),
        ("entries-duplicate", [key, key]),
        ("entries-ttl", [lifetime]),
    ):
        await network.report_error(case, network.server.get_ledger_entries(keys))


async def accounts(network: LocalNetwork) -> None:
    loaded = await network.server.load_account(network.farmer.public_key)
    found = await network.server.get_ledger_entries([account_key(network.farmer.public_key)])
    assert found.entries
    entry = xdr.LedgerEntryData.from_xdr(found.entries[0].xdr).account
    assert entry is not None
    network.report("account-load", {"sequenceAgrees": loaded.sequence == entry.seq_num.sequence_number.int64})
    try:
        await network.server.load_account(Keypair.random().public_key)
    except AccountNotFoundException:
        network.report("account-missing", {"found": False})


async def contract_data(network: LocalNetwork) -> None:
    found = await network.server.get_contract_data(network.farm, INSTANCE)
    assert found is not None
    data = xdr.LedgerEntryData.from_xdr(found.xdr).contract_data
    assert data is not None
    network.report(
        "contract-data",
        {"value": data.val.type.name.removeprefix("SCV_"), "liveUntil": found.live_until_ledger},
    )
    missing = await network.server.get_contract_data(
        network.farm, scval.to_symbol("missing"), Durability.TEMPORARY
    )
    network.report("contract-data-missing", {"found": missing is not None})


SCENARIOS = (order, refused, accounts, contract_data)
