"""getEvents: filters, pages and ranges."""

from collections.abc import Sequence

from stellar_sdk import scval, xdr
from stellar_sdk.soroban_rpc import EventFilter, EventFilterType, GetEventsResponse

from tests.conformance.python_client.kale import prepared
from tests.conformance.python_client.network import LocalNetwork
from tests.conformance.python_client.node import handed_out
from tests.conformance.python_client.results import plain
from tests.conformance.python_client.simulations import asset_call

BURNT_STROOPS = 11


def names(found: GetEventsResponse) -> list[str]:
    return [scval.from_symbol(event.topic[0]) for event in found.events]


async def burn(network: LocalNetwork) -> None:
    """One burn of the farmer's, found in every way."""
    farmer = network.farmer
    arguments = (scval.to_address(farmer.public_key), scval.to_int128(BURNT_STROOPS))
    applied = await network.include(
        await prepared(network, await asset_call(network, "burn", *arguments), farmer)
    )
    ledger = applied.response.ledger or 0
    burnt, holder = scval.to_symbol("burn").to_xdr(), arguments[0].to_xdr()

    async def get(*topics: str, kind: EventFilterType = EventFilterType.CONTRACT) -> GetEventsResponse:
        wanted = EventFilter(
            event_type=kind, contract_ids=[network.asset_contract], topics=[topics] if topics else None
        )
        return await network.server.get_events(start_ledger=ledger, filters=[wanted])

    page = handed_out(await get(burnt, holder, "*"))
    (event,) = page.pop("events")
    network.report(
        "events-found",
        {
            **event,
            **page,
            "topics": [plain(xdr.SCVal.from_xdr(topic)) for topic in event["topic"][:1]],
            "value": plain(xdr.SCVal.from_xdr(event["value"])),
            "ledger": event["ledger"] == ledger,
            "txHash": event["txHash"] == applied.response.transaction_hash,
            "contractId": event["contractId"] == network.asset_contract,
        },
    )
    network.report("events-rest-wildcard", {"names": names(await get(burnt, "**"))})
    network.report("events-topic-count", {"names": names(await get(burnt, holder))})
    network.report("events-system", {"names": names(await get(kind=EventFilterType.SYSTEM))})
    either = [
        EventFilter(topics=[[burnt, "**"]]),
        EventFilter(topics=[[scval.to_symbol("fee").to_xdr(), "*"]]),
    ]
    found = await network.server.get_events(start_ledger=ledger, end_ledger=ledger + 1, filters=either)
    network.report("events-either-filter", {"names": names(found)})
    await pages(network, ledger)


async def pages(network: LocalNetwork, ledger: int) -> None:
    """The events of one ledger (fee, burn, refund), all at once and one by one."""
    await network.ledger_at(ledger + 2)
    everything = await network.server.get_events(start_ledger=ledger, end_ledger=ledger + 1)
    last_place = f"{(ledger << 32) + (1_048_575 << 12) + 4095:019d}-4294967295"
    network.report(
        "events-range", {"names": names(everything), "cursorAgrees": everything.cursor == last_place}
    )
    page = await network.server.get_events(start_ledger=ledger, limit=1)
    ids = [event.id for event in page.events]
    cursor_is_last = page.cursor == ids[-1]
    for _ in range(2):
        page = await network.server.get_events(cursor=page.cursor, limit=1)
        ids += [event.id for event in page.events]
    network.report(
        "events-cursor",
        {"complete": ids == [event.id for event in everything.events], "cursorIsLast": cursor_is_last},
    )


async def refused(network: LocalNetwork) -> None:
    get = network.server.get_events
    start = (await network.server.get_latest_ledger()).sequence
    await network.report_error("events-forgotten", get(start_ledger=2))
    await network.report_error("events-future", get(start_ledger=start + 1_000))
    await network.report_error("events-no-start", get())
    await network.report_error("events-limit", get(start_ledger=start, limit=10_001))
    await network.report_error("events-bad-cursor", get(cursor="kale"))
    filters: dict[str, Sequence[EventFilter]] = {
        "events-too-many-filters": [EventFilter()] * 6,
        "events-too-many-contracts": [EventFilter(contract_ids=[network.farm] * 6)],
        "events-bad-contract": [EventFilter(contract_ids=["CABC"])],
        "events-diagnostic": [EventFilter(event_type=EventFilterType.DIAGNOSTIC)],
        "events-too-many-topics": [EventFilter(topics=[["*"]] * 6)],
        "events-too-many-segments": [EventFilter(topics=[["*"] * 5])],
        "events-rest-not-last": [EventFilter(topics=[["**", "*"]])],
        "events-bad-segment": [EventFilter(topics=[["kale"]])],
    }
    for case, chosen in filters.items():
        await network.report_error(case, get(start_ledger=start, filters=chosen))


SCENARIOS = (burn, refused)
