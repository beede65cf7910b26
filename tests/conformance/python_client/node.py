"""What the node says about itself, and the friendbot."""

from typing import Any

from pydantic import BaseModel
from stellar_sdk import Keypair, xdr

from tests.conformance.python_client.network import STROOPS, LocalNetwork


def handed_out(model: BaseModel) -> dict[str, Any]:
    """A response as the client hands it out, under the wire's names."""
    return model.model_dump(mode="json", by_alias=True)


async def health(network: LocalNetwork) -> None:
    network.report("health", handed_out(await network.server.get_health()))


async def describe_network(network: LocalNetwork) -> None:
    network.report("network", handed_out(await network.server.get_network()))


async def version(network: LocalNetwork) -> None:
    network.report("version", handed_out(await network.server.get_version_info()))


async def latest_ledger(network: LocalNetwork) -> None:
    latest = await network.server.get_latest_ledger()
    header = xdr.LedgerHeader.from_xdr(latest.header_xdr)
    meta = xdr.LedgerCloseMeta.from_xdr(latest.metadata_xdr)
    assert meta.v2 is not None
    network.report(
        "latest-ledger",
        {
            **handed_out(latest),
            "headerAgrees": header.ledger_seq.uint32 == latest.sequence,
            "timeAgrees": header.scp_value.close_time.time_point.uint64 == int(latest.close_time),
            "metaVersion": meta.v,
            "hashAgrees": meta.v2.ledger_header.hash.hash.hex() == latest.id,
        },
    )
    later = await network.next_ledger()
    network.report("latest-ledger-advances", {"advanced": later > latest.sequence})


async def fee_stats(network: LocalNetwork) -> None:
    for _ in range(2):
        await network.include(network.signed(await network.payment(network.carrier), network.carrier))
    stats = handed_out(await network.server.get_fee_stats())
    network.report("fee-stats", stats)


async def friendbot(network: LocalNetwork) -> None:
    address = Keypair.random().public_key
    status, funding = await network.friendbot(address)
    funded = await network.applied(funding["hash"])
    account = (await network.server.get_ledger_entries([account_key(address)])).entries
    assert account
    entry = xdr.LedgerEntryData.from_xdr(account[0].xdr).account
    assert entry is not None
    network.report(
        "friendbot-new",
        {
            "status": status,
            "found": funded.response.status.value,
            "xlm": entry.balance.int64 // STROOPS,
            "sequenceAgrees": entry.seq_num.sequence_number.int64 == (funded.response.ledger or 0) << 32,
        },
    )
    for case, asked in (("friendbot-again", address), ("friendbot-bad-address", "GABC")):
        status, problem = await network.friendbot(asked)
        reason = problem.get("extras", {}).get("reason")
        network.report(case, {"status": status, "detail": problem["detail"], "reason": reason})


def account_key(address: str) -> xdr.LedgerKey:
    account = Keypair.from_public_key(address).xdr_account_id()
    return xdr.LedgerKey(xdr.LedgerEntryType.ACCOUNT, account=xdr.LedgerKeyAccount(account))


SCENARIOS = (health, describe_network, version, latest_ledger, fee_stats, friendbot)
