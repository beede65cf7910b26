"""Statements and questions of the double entry. What is booked when is in `backend_svc.ledger_book`."""

from dataclasses import dataclass
from uuid import uuid4

from peewee import fn

from backend_svc.store.models import (
    ChainCursors,
    FarmerBalances,
    LedgerEntries,
    LedgerEvents,
    as_record,
    maybe_record,
)
from backend_svc.store.records import (
    Account,
    ChainCursor,
    FarmerBalance,
    LedgerEvent,
    LedgerEventKind,
)


@dataclass(frozen=True)
class Entry:
    """One side: more (above zero) or less (below) in an account. `farmer_id` for farmer_ accounts only."""

    account: Account
    amount_stroops: int
    farmer_id: str | None = None


def add_event(
    kind: LedgerEventKind,
    farmer_id: str,
    entries: tuple[Entry, ...],
    *,
    reference_id: str | None = None,
    chain_event_id: str | None = None,
    transaction_hash: bytes | None = None,
    ledger: int | None = None,
    outsider: bool = False,
) -> bool:
    """Book an event with its entries; False, and nothing booked, if it is booked already.

    Exactly one of `reference_id` and `chain_event_id` says what it is known
    by. That the entries sum to zero is checked at COMMIT.
    """
    event_id = str(uuid4())
    query = (
        LedgerEvents.insert(
            id=event_id,
            kind=kind,
            farmer_id=farmer_id,
            reference_id=reference_id,
            chain_event_id=chain_event_id,
            transaction_hash=transaction_hash,
            ledger=ledger,
            outsider=outsider,
        )
        .on_conflict_ignore()
        .returning(LedgerEvents.id)
    )
    if not list(query.execute()):
        return False
    LedgerEntries.insert_many(
        [(event_id, entry.account, entry.farmer_id, entry.amount_stroops) for entry in entries],
        fields=[
            LedgerEntries.event_id,
            LedgerEntries.account,
            LedgerEntries.farmer_id,
            LedgerEntries.amount_stroops,
        ],
    ).execute()
    return True


def balance_of(farmer_id: str) -> FarmerBalance:
    return as_record(FarmerBalance, FarmerBalances.get(FarmerBalances.farmer_id == farmer_id))


def balances_of(farmer_ids: list[str]) -> dict[str, FarmerBalance]:
    """By farmer id."""
    rows = FarmerBalances.select().where(FarmerBalances.farmer_id.in_(farmer_ids))
    return {row.farmer_id: as_record(FarmerBalance, row) for row in rows}


def account_total(account: Account) -> int:
    """Sum of an account over all farmers, in stroops."""
    query = LedgerEntries.select(fn.COALESCE(fn.SUM(LedgerEntries.amount_stroops), 0))
    return int(query.where(LedgerEntries.account == account).scalar())


def events_of(farmer_id: str) -> list[LedgerEvent]:
    """A farmer's events in the order in which they were booked."""
    query = LedgerEvents.select().where(LedgerEvents.farmer_id == farmer_id)
    return [as_record(LedgerEvent, row) for row in query.order_by(LedgerEvents.number)]


def find_cursor(name: str) -> ChainCursor | None:
    row = ChainCursors.get_or_none(ChainCursors.name == name)
    return maybe_record(ChainCursor, row)


def lock_cursor(name: str) -> ChainCursor | None:
    """The same, its row held until COMMIT: one reader of events at a time."""
    row = ChainCursors.select().where(ChainCursors.name == name).for_update().first()
    return maybe_record(ChainCursor, row)


def move_cursor(name: str, cursor: str, ledger: int) -> None:
    """Everything up to and including `ledger` is booked; in the COMMIT of the entries."""
    ChainCursors.insert(name=name, cursor=cursor, ledger=ledger).on_conflict(
        conflict_target=(ChainCursors.name,),
        update={
            ChainCursors.cursor: cursor,
            ChainCursors.ledger: ledger,
            ChainCursors.updated_at: fn.now(),
        },
    ).execute()
