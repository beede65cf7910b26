"""Entry lifetimes: archived, restored, extended, and restored by a call."""

from stellar_sdk import Address, TransactionBuilder, scval, xdr

from tests.conformance.python_client.kale import describe_call, farm_index, pail_key, prepared
from tests.conformance.python_client.network import LocalNetwork
from tests.conformance.python_client.simulations import asset_call, failure

EXTENDED_LEDGERS = 3_000_000


def data_key(contract: str, key: xdr.SCVal, durability: xdr.ContractDataDurability) -> xdr.LedgerKey:
    return xdr.LedgerKey(
        xdr.LedgerEntryType.CONTRACT_DATA,
        contract_data=xdr.LedgerKeyContractData(Address(contract).to_xdr_sc_address(), key, durability),
    )


def balance_key(network: LocalNetwork, holder: str) -> xdr.LedgerKey:
    key = scval.to_vec([scval.to_symbol("Balance"), scval.to_address(holder)])
    return data_key(network.asset_contract, key, xdr.ContractDataDurability.PERSISTENT)


async def live_until(network: LocalNetwork, key: xdr.LedgerKey) -> int | None:
    found = await network.server.get_ledger_entries([key])
    assert found.entries
    return found.entries[0].live_until_ledger


def touching(read_only: list[xdr.LedgerKey], read_write: list[xdr.LedgerKey]) -> xdr.SorobanTransactionData:
    """Transaction data that name nothing but keys."""
    nothing = xdr.Uint32(0)
    resources = xdr.SorobanResources(xdr.LedgerFootprint(read_only, read_write), nothing, nothing, nothing)
    return xdr.SorobanTransactionData(xdr.SorobanTransactionDataExt(0), resources, xdr.Int64(0))


async def restoring(network: LocalNetwork, key: xdr.LedgerKey) -> TransactionBuilder:
    builder = await network.builder(network.carrier)
    builder.append_restore_footprint_op()
    return builder.set_soroban_data(touching([], [key]))


async def extending(network: LocalNetwork, key: xdr.LedgerKey) -> TransactionBuilder:
    builder = await network.builder(network.carrier)
    builder.append_extend_footprint_ttl_op(EXTENDED_LEDGERS)
    return builder.set_soroban_data(touching([key], []))


async def archived(network: LocalNetwork) -> None:
    key = balance_key(network, network.archived_holder)
    network.report("entry-archived", {"liveUntil": await live_until(network, key)})
    bare = (await network.builder(network.carrier)).append_restore_footprint_op()
    refused = await network.server.simulate_transaction(bare.build())
    network.report("restore-without-data", failure(refused))
    pail = data_key(
        network.farm,
        pail_key(network.farmer, await farm_index(network)),
        xdr.ContractDataDurability.TEMPORARY,
    )
    refused = await network.server.simulate_transaction((await restoring(network, pail)).build())
    network.report("restore-temporary", failure(refused))
    early = await network.server.simulate_transaction((await extending(network, key)).build())
    assert early.restore_preamble is not None
    preamble = xdr.SorobanTransactionData.from_xdr(early.restore_preamble.transaction_data)
    network.report(
        "extend-archived",
        {
            "restores": len(preamble.resources.footprint.read_write),
            "minResourceFee": early.restore_preamble.min_resource_fee,
        },
    )


async def restored(network: LocalNetwork) -> None:
    key = balance_key(network, network.archived_holder)
    for case, build in (("restore", restoring), ("extend", extending)):
        operation = await build(network, key)
        applied = await network.include(await prepared(network, operation, network.carrier))
        lives = (await live_until(network, key) or 0) - (applied.response.ledger or 0)
        network.report(case, {**describe_call(applied), "livesFor": lives})


async def restored_by_a_call(network: LocalNetwork) -> None:
    transfer = await asset_call(
        network,
        "transfer",
        scval.to_address(network.farmer.public_key),
        scval.to_address(network.dormant_holder),
        scval.to_int128(1),
    )
    simulated = await network.server.simulate_transaction(transfer.build())
    transfer.source_account.sequence -= 1  # build() has counted it
    assert simulated.transaction_data is not None
    data = xdr.SorobanTransactionData.from_xdr(simulated.transaction_data)
    applied = await network.include(await prepared(network, transfer, network.farmer))
    assert data.ext.resource_ext is not None
    network.report(
        "call-restores",
        {
            **describe_call(applied),
            "archivedEntries": len(data.ext.resource_ext.archived_soroban_entries),
            "hasPreamble": simulated.restore_preamble is not None,
            "isAlive": bool(await live_until(network, balance_key(network, network.dormant_holder))),
        },
    )


SCENARIOS = (archived, restored, restored_by_a_call)
