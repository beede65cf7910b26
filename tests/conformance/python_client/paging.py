"""getTransactions and getLedgers: pages, cursors and ranges."""

from typing import Any

from stellar_sdk import xdr

from tests.conformance.python_client.network import LocalNetwork
from tests.conformance.python_client.node import handed_out

FIRST_KEPT_LEDGER_IS_LATER_THAN = 1


async def transactions(network: LocalNetwork) -> None:
    carrier = network.carrier
    applied = [
        await network.include(network.signed(await network.payment(carrier), carrier)) for _ in range(3)
    ]
    start = applied[0].response.ledger or 0
    first = await network.server.get_transactions(start_ledger=start, limit=2)
    listed = [transaction.transaction_hash for transaction in first.transactions]
    page = handed_out(first)
    item = page["transactions"][0]
    wanted = ("status", "applicationOrder", "feeBump", "ledger", "createdAt", "txHash")
    network.report(
        "transactions-page",
        {
            **{name: value for name, value in page.items() if name != "transactions"},
            "count": len(listed),
            "first": {name: item[name] for name in wanted},
            "metaVersion": xdr.TransactionMeta.from_xdr(item["resultMetaXdr"]).v,
        },
    )
    rest = await network.server.get_transactions(cursor=first.cursor, limit=2)
    listed += [transaction.transaction_hash for transaction in rest.transactions]
    network.report(
        "transactions-cursor", {"complete": listed == [one.response.transaction_hash for one in applied]}
    )
    nothing = await network.server.get_transactions(cursor=rest.cursor)
    network.report("transactions-end", {"count": len(nothing.transactions), "cursor": nothing.cursor})


async def ledgers(network: LocalNetwork) -> None:
    latest = (await network.server.get_latest_ledger()).sequence
    first = await network.server.get_ledgers(start_ledger=latest - 4, limit=3)
    header = xdr.LedgerHeaderHistoryEntry.from_xdr(first.ledgers[0].header_xdr)
    meta = xdr.LedgerCloseMeta.from_xdr(first.ledgers[0].metadata_xdr)
    page: dict[str, Any] = handed_out(first)
    item = page["ledgers"][0]
    network.report(
        "ledgers-page",
        {
            **{name: value for name, value in page.items() if name != "ledgers"},
            "sequences": [ledger.sequence - latest for ledger in first.ledgers],
            "hash": item["hash"],
            "ledgerCloseTime": item["ledgerCloseTime"],
            "hashAgrees": header.hash.hash.hex() == item["hash"],
            "metaVersion": meta.v,
            "cursorAgrees": first.cursor == str(first.ledgers[-1].sequence),
        },
    )
    rest = await network.server.get_ledgers(cursor=first.cursor, limit=2)
    network.report("ledgers-cursor", {"sequences": [ledger.sequence - latest for ledger in rest.ledgers]})


async def refused(network: LocalNetwork) -> None:
    future = (await network.server.get_latest_ledger()).sequence + 1_000
    for method, get in (
        ("transactions", network.server.get_transactions),
        ("ledgers", network.server.get_ledgers),
    ):
        await network.report_error(f"{method}-forgotten", get(start_ledger=2))
        await network.report_error(f"{method}-future", get(start_ledger=future))
        await network.report_error(f"{method}-limit", get(start_ledger=future - 1_000, limit=201))
        await network.report_error(f"{method}-bad-cursor", get(cursor="kale"))


SCENARIOS = (transactions, ledgers, refused)
