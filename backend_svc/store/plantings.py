"""Questions about plantings: one row a farmer and block."""

from uuid import uuid4

from peewee import fn

from backend_svc.store.models import BlockOperations, Plantings, as_record, maybe_record
from backend_svc.store.records import Fault, Planting, PlantingStatus


def begin_planting(operation_id: str, farmer_id: str, block_index: int) -> Planting | None:
    """Take a farmer's planting in a block in hand, before anything is sent.

    None if it is in hand or planted already: exactly one caller gets it. A
    failed one may be taken up again; its reason is wiped.
    """
    query = (
        Plantings.insert(
            id=str(uuid4()), operation_id=operation_id, farmer_id=farmer_id, block_index=block_index
        )
        .on_conflict(
            conflict_target=(Plantings.farmer_id, Plantings.block_index),
            update={
                Plantings.status: PlantingStatus.PLANTING,
                Plantings.operation_id: operation_id,
                Plantings.reason: None,
                Plantings.fault: None,
                Plantings.finished_at: None,
            },
            where=(Plantings.status == PlantingStatus.FAILED),
        )
        .returning(Plantings)
    )
    rows = list(query.execute())
    return as_record(Planting, rows[0]) if rows else None


def get_planting(planting_id: str) -> Planting:
    return as_record(Planting, Plantings.get(Plantings.id == planting_id))


def find_planting(farmer_id: str, block_index: int) -> Planting | None:
    row = Plantings.get_or_none((Plantings.farmer_id == farmer_id) & (Plantings.block_index == block_index))
    return maybe_record(Planting, row)


def set_stake_intended(planting_id: str, stake_stroops: int) -> None:
    """What the transaction about to be signed will burn."""
    Plantings.update(stake_stroops=stake_stroops).where(Plantings.id == planting_id).execute()


def record_planted(
    planting_id: str,
    *,
    block_index: int,
    stake_stroops: int,
    plant_ledger: int,
    transaction_id: str | None,
) -> Planting:
    """The chain took it, into `block_index`: the one asked for, or its neighbour at a boundary.

    Once recorded it stays: a repetition returns the row unchanged.
    """
    planting = get_planting(planting_id)
    if planting.status is PlantingStatus.PLANTED:
        return planting
    if planting.block_index != block_index:
        _clear_failed(planting.farmer_id, block_index)
    query = (
        Plantings.update(
            status=PlantingStatus.PLANTED,
            block_index=block_index,
            stake_stroops=stake_stroops,
            plant_ledger=plant_ledger,
            transaction_id=transaction_id,
            reason=None,
            fault=None,
            finished_at=fn.now(),
        )
        .where(Plantings.id == planting_id)
        .returning(Plantings)
    )
    return as_record(Planting, next(iter(query.execute())))


def record_failed(
    planting_id: str,
    *,
    reason: str,
    fault: Fault,
    retryable: bool,
    message: str,
    transaction_id: str | None = None,
) -> Planting:
    """It came to nothing. A planted one stays planted (the row is returned unchanged)."""
    Plantings.update(
        status=PlantingStatus.FAILED,
        reason=reason,
        fault=fault,
        retryable=retryable,
        message=message,
        transaction_id=transaction_id,
        finished_at=fn.now(),
    ).where((Plantings.id == planting_id) & (Plantings.status == PlantingStatus.PLANTING)).execute()
    return get_planting(planting_id)


def unfinished_plantings() -> list[Planting]:
    """Those in hand when a Backend stopped: at start their transactions decide."""
    query = Plantings.select().where(Plantings.status == PlantingStatus.PLANTING)
    return [as_record(Planting, row) for row in query.order_by(Plantings.created_at)]


def planted_farmers(pooler_id: str, block_index: int) -> tuple[str, ...]:
    """Ids of a pooler's farmers that are planted in a block."""
    mine = BlockOperations.select(BlockOperations.id).where(BlockOperations.pooler_id == pooler_id)
    query = Plantings.select(Plantings.farmer_id).where(
        (Plantings.block_index == block_index)
        & (Plantings.status == PlantingStatus.PLANTED)
        & Plantings.operation_id.in_(mine)
    )
    return tuple(row.farmer_id for row in query)


def plantings_of(operation_id: str) -> list[Planting]:
    query = Plantings.select().where(Plantings.operation_id == operation_id)
    return [as_record(Planting, row) for row in query.order_by(Plantings.created_at, Plantings.id)]


def _clear_failed(farmer_id: str, block_index: int) -> None:
    """Make room for a planting that the chain moved: a failure there was not the last word."""
    Plantings.delete().where(
        (Plantings.farmer_id == farmer_id)
        & (Plantings.block_index == block_index)
        & (Plantings.status == PlantingStatus.FAILED)
    ).execute()
