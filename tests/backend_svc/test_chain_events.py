"""How the asset contract's events are read, page by page and each once."""

from collections import deque
from collections.abc import Sequence

import pytest
from stellar_sdk import Keypair, scval, xdr

from backend_svc.chain_events import ChainEvents, Movement, read_movement
from backend_svc.store import ledger
from backend_svc.store.database import Database
from backend_svc.store.records import Farmer, LedgerEventKind
from kale.networks import LOCAL
from poolkit.chain_clock import ChainClock
from poolkit.errors import RpcUnavailable
from poolkit.rpc_answers import ChainEvent, EventFilter, EventPage, LedgerHead
from tests.backend_svc.people import some_farmer, some_pooler

ADA, BOB, ADMIN = (Keypair.from_raw_ed25519_seed(bytes([n]) * 32).public_key for n in (1, 2, 3))
FULL_PAGE = 1_000


def cursor_at(ledger_sequence: int, event: int = 0) -> str:
    return f"{ledger_sequence << 32:019d}-{event:010d}"


def event(
    name: str, *addresses: str, amount: xdr.SCVal | int = 5, ledger_sequence: int = 101, index: int = 0
) -> ChainEvent:
    value = scval.to_int128(amount) if isinstance(amount, int) else amount
    topics = [scval.to_symbol(name), *map(scval.to_address, addresses), scval.to_string("KALE:issuer")]
    return ChainEvent(
        id=cursor_at(ledger_sequence, index),
        ledger=ledger_sequence,
        closed_at="2026-11-22T00:00:00Z",
        contract_id=LOCAL.asset_contract_id,
        transaction_hash="ab" * 32,
        transaction_index=1,
        operation_index=0,
        topics_xdr=tuple(topic.to_xdr() for topic in topics),
        value_xdr=value.to_xdr(),
    )


class ScriptedEvents:
    """Answers with the given pages, then with empty ones at the latest ledger."""

    def __init__(self, *pages: EventPage) -> None:
        self.pages = deque(pages)
        self.asked: list[int | str | None] = []

    async def events(
        self,
        *,
        start_ledger: int | None = None,
        end_ledger: int | None = None,
        cursor: str | None = None,
        filters: Sequence[EventFilter] = (),
        limit: int = FULL_PAGE,
    ) -> EventPage:
        assert [wanted.contract_ids for wanted in filters] == [(LOCAL.asset_contract_id,)]
        self.asked.append(start_ledger or cursor)
        if not self.pages:
            raise RpcUnavailable("no node answers")
        return self.pages.popleft()


def page(*events: ChainEvent, reaches: int, latest: int) -> EventPage:
    return EventPage(events, cursor=cursor_at(reaches), latest_ledger=latest, oldest_ledger=1)


def reader(database: Database, *pages: EventPage) -> tuple[ChainEvents, ScriptedEvents]:
    source = ScriptedEvents(*pages)
    clock = ChainClock()
    clock.observe(LedgerHead(100, 500))
    events = ChainEvents(
        database=database, source=source, clock=clock, asset_contract_id=LOCAL.asset_contract_id
    )
    return events, source


@pytest.fixture
def ada(database: Database) -> Farmer:
    return database.run_here(lambda: some_farmer(some_pooler(), public_key=ADA))


WITH_MEMO = scval.to_map(
    {scval.to_symbol("amount"): scval.to_int128(9), scval.to_symbol("to_muxed_id"): scval.to_uint64(1)}
)


@pytest.mark.parametrize(
    ("told", "movement"),
    [
        (event("transfer", ADA, BOB), Movement("transfer", ADA, BOB, 5)),
        (event("transfer", ADA, BOB, amount=WITH_MEMO), Movement("transfer", ADA, BOB, 9)),
        (event("mint", ADA), Movement("mint", "", ADA, 5)),
        (event("mint", ADMIN, ADA), Movement("mint", "", ADA, 5)),
        (event("burn", ADA), Movement("burn", ADA, "", 5)),
        (event("clawback", ADMIN, ADA), Movement("clawback", ADA, "", 5)),
        (event("approve", ADA, BOB), None),
        (event("set_admin", ADA), None),
    ],
    ids=[
        "transfer",
        "to a muxed address",
        "mint",
        "mint by an admin",
        "burn",
        "clawback",
        "approve",
        "other",
    ],
)
def test_an_event_is_read_as_the_movement_it_tells_of(told: ChainEvent, movement: Movement | None) -> None:
    assert read_movement(told) == movement


async def test_only_movements_of_our_wallets_are_booked(database: Database, ada: Farmer) -> None:
    events, _ = reader(
        database,
        page(
            event("transfer", BOB, ADA, amount=7),
            event("transfer", BOB, ADMIN, index=1),
            event("transfer", ADA, ADA, index=2),
            event("transfer", BOB, ADA, amount=0, index=3),
            event("burn", ADA, amount=2, index=4),
            reaches=101,
            latest=101,
        ),
    )
    assert await events.catch_up() == 101
    booked = [(each.kind, each.outsider) for each in await database.run(ledger.events_of, ada.id)]
    assert booked == [(LedgerEventKind.DEPOSIT, True), (LedgerEventKind.OUTSIDER_BURN, True)]
    assert (await database.run(ledger.balance_of, ada.id)).free_stroops == 5


async def test_reading_goes_on_until_the_latest_ledger(database: Database, ada: Farmer) -> None:
    """A full page, then one that the node's scan limit cut short, then the last."""
    many = [event("transfer", BOB, ADA, amount=1, index=index) for index in range(FULL_PAGE)]
    events, source = reader(
        database,
        EventPage(tuple(many), cursor=many[-1].id, latest_ledger=20_000, oldest_ledger=1),
        page(reaches=10_100, latest=20_000),
        page(event("transfer", BOB, ADA, amount=1, ledger_sequence=15_000), reaches=20_000, latest=20_000),
    )
    assert await events.catch_up() == 20_000
    assert source.asked == [100, many[-1].id, cursor_at(10_100)]
    assert (await database.run(ledger.balance_of, ada.id)).free_stroops == FULL_PAGE + 1


async def test_a_page_read_twice_is_booked_once(database: Database, ada: Farmer) -> None:
    told = page(event("transfer", BOB, ADA), reaches=101, latest=101)
    first, _ = reader(database, told)
    await first.catch_up()
    # Another Backend that had asked before the first one's COMMIT.
    second, source = reader(database, told)
    await second.catch_up()
    assert source.asked == [cursor_at(101)]
    assert (await database.run(ledger.balance_of, ada.id)).free_stroops == 5


async def test_what_was_booked_before_a_failure_stays_and_is_not_read_again(
    database: Database, ada: Farmer
) -> None:
    events, source = reader(database, page(event("transfer", BOB, ADA), reaches=101, latest=150))
    with pytest.raises(RpcUnavailable):
        await events.catch_up()
    source.pages.append(page(reaches=150, latest=150))
    assert await events.catch_up() == 150
    assert source.asked == [100, cursor_at(101), cursor_at(101)]
