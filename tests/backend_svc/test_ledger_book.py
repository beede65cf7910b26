"""Double entry: balanced, append-only, booked once, balances kept by the entries alone."""

import peewee
import pytest

from backend_svc import ledger_book
from backend_svc.store import harvests, ledger
from backend_svc.store.database import Database, in_transaction
from backend_svc.store.ledger import Entry
from backend_svc.store.records import Account, FarmerBalance, Harvest, LedgerEventKind
from tests.backend_svc.people import Planted, a_planted_farmer, some_farmer, some_id

HASH = b"\x01" * 32


@pytest.fixture
def planted(database: Database) -> Planted:
    """A planted stake of 1,000 stroops, booked, out of a deposit of 5,000."""
    planted = database.run_here(a_planted_farmer, stake_stroops=1_000)
    database.run_here(deposit, planted.farmer.id, 5_000)
    database.run_here(ledger_book.book_planted, planted.planting, HASH, 101)
    return planted


def deposit(farmer_id: str, amount_stroops: int, chain_event_id: str = "1-1") -> bool:
    return move(LedgerEventKind.DEPOSIT, farmer_id, amount_stroops, chain_event_id)


def move(kind: LedgerEventKind, farmer_id: str, amount_stroops: int, chain_event_id: str) -> bool:
    return ledger_book.book_movement(
        kind,
        farmer_id,
        amount_stroops,
        chain_event_id=chain_event_id,
        transaction_hash=HASH,
        ledger_sequence=100,
        outsider=True,
    )


def harvested(planted: Planted, reward_stroops: int, *, by_outsider: bool = False) -> Harvest:
    harvest = harvests.open_harvest(planted.planting)
    return harvests.record_harvested(
        harvest.id,
        reward_stroops=reward_stroops,
        harvest_ledger=170,
        transaction_id=None,
        by_outsider=by_outsider,
    )


def balance(database: Database, planted: Planted) -> tuple[int, int]:
    kept: FarmerBalance = database.run_here(ledger.balance_of, planted.farmer.id)
    return kept.free_stroops, kept.in_play_stroops


def total_of_all_accounts() -> int:
    return sum(ledger.account_total(account) for account in Account)


def test_a_stake_goes_from_free_into_play(database: Database, planted: Planted) -> None:
    assert balance(database, planted) == (4_000, 1_000)


def test_a_harvest_returns_the_stake_and_mints_the_reward(database: Database, planted: Planted) -> None:
    harvest = database.run_here(harvested, planted, 77)
    assert database.run_here(ledger_book.book_harvested, harvest, HASH, 170)
    assert balance(database, planted) == (5_077, 0)
    assert database.run_here(ledger.account_total, Account.CHAIN_MINTED) == -77
    assert database.run_here(total_of_all_accounts) == 0


def test_nothing_is_booked_twice(database: Database, planted: Planted) -> None:
    harvest = database.run_here(harvested, planted, 77)
    first = database.run_here(ledger_book.book_harvested, harvest, HASH, 170)
    again = [
        database.run_here(ledger_book.book_harvested, harvest, HASH, 170),
        database.run_here(ledger_book.book_planted, planted.planting, HASH, 101),
        database.run_here(deposit, planted.farmer.id, 5_000),
    ]
    assert (first, again) == (True, [False, False, False])
    assert balance(database, planted) == (5_077, 0)


def test_a_stake_and_a_reward_of_nothing_move_nothing(database: Database) -> None:
    planted = database.run_here(a_planted_farmer, stake_stroops=0)
    assert not database.run_here(ledger_book.book_planted, planted.planting, HASH, 101)
    harvest = database.run_here(harvested, planted, 0)
    assert not database.run_here(ledger_book.book_harvested, harvest, HASH, 170)
    assert database.run_here(ledger.events_of, planted.farmer.id) == []


def test_a_forfeited_stake_is_out_of_play_and_not_free(database: Database, planted: Planted) -> None:
    assert database.run_here(ledger_book.book_forfeited, planted.planting)
    assert balance(database, planted) == (4_000, 0)
    assert database.run_here(ledger.account_total, Account.CHAIN_FORFEITED) == 1_000


def test_a_strangers_harvest_counts_the_reward_alone_as_minted(database: Database, planted: Planted) -> None:
    database.run_here(move, LedgerEventKind.OUTSIDER_MINT, planted.farmer.id, 1_077, "9-1")
    harvest = database.run_here(lambda: harvested(planted, 77, by_outsider=True))
    assert database.run_here(ledger_book.book_harvested_by_outsider, harvest)
    assert balance(database, planted) == (5_077, 0)
    assert database.run_here(ledger.account_total, Account.CHAIN_MINTED) == -77


def test_movements_go_the_way_the_chain_says(database: Database, planted: Planted) -> None:
    database.run_here(move, LedgerEventKind.WITHDRAWAL, planted.farmer.id, 600, "2-1")
    database.run_here(move, LedgerEventKind.OUTSIDER_BURN, planted.farmer.id, 400, "3-1")
    assert balance(database, planted) == (3_000, 1_000)
    kinds = [event.kind for event in database.run_here(ledger.events_of, planted.farmer.id)]
    assert sorted(kinds) == sorted(
        [
            LedgerEventKind.DEPOSIT,
            LedgerEventKind.STAKE_PLANTED,
            LedgerEventKind.WITHDRAWAL,
            LedgerEventKind.OUTSIDER_BURN,
        ]
    )


@pytest.mark.parametrize("amounts", [(5, -4), (5,), ()])
def test_an_event_whose_entries_do_not_sum_to_zero_is_not_committed(
    database: Database, planted: Planted, amounts: tuple[int, ...]
) -> None:
    sides = (Account.CHAIN_OUTSIDE, Account.CHAIN_MINTED)
    entries = tuple(Entry(account, amount) for account, amount in zip(sides, amounts, strict=False))

    def book() -> None:
        add = ledger.add_event if entries else _add_bare_event
        add(LedgerEventKind.DEPOSIT, planted.farmer.id, entries, chain_event_id="5-1")

    with pytest.raises(peewee.IntegrityError, match="instead of 0"):
        database.run_here(book)
    assert len(database.run_here(ledger.events_of, planted.farmer.id)) == 2


def _add_bare_event(
    _kind: LedgerEventKind, farmer_id: str, _entries: tuple[Entry, ...], *, chain_event_id: str
) -> bool:
    in_transaction().execute_sql(
        "INSERT INTO ledger_events (id, kind, farmer_id, chain_event_id, outsider) "
        "VALUES (%s, 'deposit', %s, %s, true)",
        (some_id(), farmer_id, chain_event_id),
    )
    return True


@pytest.mark.parametrize(
    ("table", "change"),
    [("ledger_entries", "amount_stroops = 0"), ("ledger_events", "outsider = false")],
)
@pytest.mark.parametrize(
    "statement", ["UPDATE {table} SET {change}", "DELETE FROM {table}", "TRUNCATE {table} CASCADE"]
)
def test_the_book_is_append_only(
    database: Database, planted: Planted, table: str, change: str, statement: str
) -> None:
    with pytest.raises(peewee.DatabaseError, match="is append-only"):
        database.run_here(lambda: in_transaction().execute_sql(statement.format(table=table, change=change)))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE farmer_balances SET free_stroops = 0",
        "DELETE FROM farmer_balances",
        "TRUNCATE farmer_balances",
        "INSERT INTO farmer_balances SELECT id FROM farmers",
    ],
)
def test_balances_change_by_entries_alone(database: Database, planted: Planted, statement: str) -> None:
    with pytest.raises(peewee.DatabaseError, match="follow ledger_entries"):
        database.run_here(lambda: in_transaction().execute_sql(statement))


def test_every_farmer_has_a_balance_from_the_first_day(database: Database, planted: Planted) -> None:
    another = database.run_here(some_farmer, planted.pooler)
    kept = database.run_here(ledger.balance_of, another.id)
    assert (kept.free_stroops, kept.in_play_stroops) == (0, 0)
