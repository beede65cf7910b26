"""Questions about harvests: worked pails, from the confirmed work to the reward."""

from uuid import uuid4

from peewee import SQL, fn

from backend_svc.store.models import Harvests, Transactions, as_record, maybe_record
from backend_svc.store.records import (
    Fault,
    Harvest,
    HarvestStatus,
    Planting,
    Purpose,
    TransactionStatus,
)

_SENT = (TransactionStatus.PREPARED, TransactionStatus.SUBMITTED, TransactionStatus.CONFIRMED)


def open_harvest(planting: Planting) -> Harvest:
    """A worked pail waits to be harvested; in the COMMIT that confirms the work. Repetition is harmless."""
    Harvests.insert(
        id=str(uuid4()),
        operation_id=planting.operation_id,
        planting_id=planting.id,
        farmer_id=planting.farmer_id,
        block_index=planting.block_index,
        stake_stroops=planting.stake_stroops,
    ).on_conflict_ignore().execute()
    harvest = find_harvest(planting.farmer_id, planting.block_index)
    assert harvest is not None
    return harvest


def get_harvest(harvest_id: str) -> Harvest:
    return as_record(Harvest, Harvests.get(Harvests.id == harvest_id))


def find_harvest(farmer_id: str, block_index: int) -> Harvest | None:
    row = Harvests.get_or_none((Harvests.farmer_id == farmer_id) & (Harvests.block_index == block_index))
    return maybe_record(Harvest, row)


def find_asked(pooler_id: str, block_indexes: tuple[int, ...], farmer_ids: tuple[str, ...]) -> list[Harvest]:
    """The pails of a pooler in these blocks and of these farmers, in whatever state; empty means all open."""
    query = Harvests.select().where(_is_of_pooler(pooler_id))
    if block_indexes:
        query = query.where(Harvests.block_index.in_(block_indexes))
    else:
        query = query.where(Harvests.status == HarvestStatus.OPEN)
    if farmer_ids:
        query = query.where(Harvests.farmer_id.in_(farmer_ids))
    return [as_record(Harvest, row) for row in query.order_by(Harvests.block_index, Harvests.id)]


def transaction_hash_of(harvest: Harvest) -> bytes | None:
    """Hash of the transaction that harvested it, if it was ours."""
    row = Transactions.get_or_none(Transactions.id == harvest.transaction_id)
    return None if row is None else bytes(row.hash)


def claim_due_harvests(
    *,
    current_index: int,
    limit: int,
    claim_wall_seconds: float,
    block_indexes: tuple[int, ...] = (),
    farmer_ids: tuple[str, ...] = (),
    pooler_id: str | None = None,
) -> list[Harvest]:
    """Take open harvests of blocks before `current_index`, oldest first, for this long.

    Rows that another Backend holds or has claimed are passed over. Empty
    tuples mean all. After the time, or `release_harvest`, a row is free again.
    """
    query = Harvests.select(Harvests.id).where(
        (Harvests.status == HarvestStatus.OPEN)
        & (Harvests.block_index < current_index)
        & (Harvests.claimed_until.is_null() | (Harvests.claimed_until < fn.now()))
    )
    if block_indexes:
        query = query.where(Harvests.block_index.in_(block_indexes))
    if farmer_ids:
        query = query.where(Harvests.farmer_id.in_(farmer_ids))
    if pooler_id is not None:
        query = query.where(_is_of_pooler(pooler_id))
    due = query.order_by(Harvests.block_index, Harvests.id).limit(limit).for_update(skip_locked=True)
    until = fn.now() + SQL("make_interval(secs => %s)", (claim_wall_seconds,))
    claimed = (
        Harvests.update(claimed_until=until, attempts=Harvests.attempts + 1)
        .where(Harvests.id.in_([row.id for row in due]))
        .returning(Harvests)
    )
    records = [as_record(Harvest, row) for row in claimed.execute()]
    return sorted(records, key=lambda harvest: (harvest.block_index, harvest.id))


def record_harvested(
    harvest_id: str,
    *,
    reward_stroops: int,
    harvest_ledger: int | None,
    transaction_id: str | None,
    by_outsider: bool = False,
) -> Harvest:
    """The reward (without the stake that came back with it). Once recorded it stays."""
    Harvests.update(
        status=HarvestStatus.HARVESTED,
        reward_stroops=reward_stroops,
        harvest_ledger=harvest_ledger,
        transaction_id=transaction_id,
        by_outsider=by_outsider,
        claimed_until=None,
        reason=None,
        fault=None,
        message="",
        finished_at=fn.now(),
    ).where((Harvests.id == harvest_id) & (Harvests.status != HarvestStatus.HARVESTED)).execute()
    return get_harvest(harvest_id)


def release_harvest(harvest_id: str, *, reason: str, fault: Fault, message: str) -> None:
    """This attempt failed; the row is open again for the next one."""
    Harvests.update(claimed_until=None, reason=reason, fault=fault, message=message).where(
        (Harvests.id == harvest_id) & (Harvests.status == HarvestStatus.OPEN)
    ).execute()


def record_harvest_lost(harvest_id: str, *, reason: str, fault: Fault, message: str) -> Harvest:
    """The pail is gone and no mint came of it: nothing will ever come. A harvested one stays as it is."""
    Harvests.update(
        status=HarvestStatus.FAILED,
        reason=reason,
        fault=fault,
        message=message,
        claimed_until=None,
        finished_at=fn.now(),
    ).where((Harvests.id == harvest_id) & (Harvests.status == HarvestStatus.OPEN)).execute()
    return get_harvest(harvest_id)


def harvests_under_way() -> list[Harvest]:
    """Open ones with a transaction in flight or in a ledger: anybody may bring them to their end."""
    sent = Transactions.select(Transactions.reference_id).where(
        (Transactions.purpose == Purpose.HARVEST) & Transactions.status.in_(_SENT)
    )
    query = Harvests.select().where((Harvests.status == HarvestStatus.OPEN) & Harvests.id.in_(sent))
    return [as_record(Harvest, row) for row in query]


def open_harvests(*, farmer_id: str | None = None) -> list[Harvest]:
    query = Harvests.select().where(Harvests.status == HarvestStatus.OPEN)
    if farmer_id is not None:
        query = query.where(Harvests.farmer_id == farmer_id)
    return [as_record(Harvest, row) for row in query.order_by(Harvests.block_index)]


def harvests_of(operation_id: str) -> list[Harvest]:
    query = Harvests.select().where(Harvests.operation_id == operation_id)
    return [as_record(Harvest, row) for row in query.order_by(Harvests.created_at, Harvests.id)]


def _is_of_pooler(pooler_id: str) -> SQL:
    return SQL("operation_id IN (SELECT id FROM block_operations WHERE pooler_id = %s)", (pooler_id,))
