"""Questions about block operations: what one pooler does in one block."""

from dataclasses import dataclass
from uuid import uuid4

from peewee import fn

from backend_svc.store.models import BlockOperations, Plantings, Works, as_record, maybe_record
from backend_svc.store.records import (
    BlockOperation,
    OperationStatus,
    PlantingStatus,
    WorkStatus,
)

_ORDER = tuple(OperationStatus)


@dataclass(frozen=True)
class PlantCounts:
    requested: int
    planted: int
    failed: int
    total_staked_stroops: int


@dataclass(frozen=True)
class WorkCounts:
    recorded: int
    confirmed: int
    recovered: int
    failed: int


@dataclass(frozen=True)
class HarvestCounts:
    due: int
    harvested: int
    failed: int
    total_reward_stroops: int
    total_stake_stroops: int


def open_operation(
    block_index: int, pooler_id: str, *, capacity: int, deadline: int | None
) -> BlockOperation:
    """The operation of this pooler in this block, made if there is none.

    `deadline` is chain time in unix seconds. A second request for the same
    block finds the first one's operation, unchanged.
    """
    BlockOperations.insert(
        id=str(uuid4()), block_index=block_index, pooler_id=pooler_id, capacity=capacity, deadline=deadline
    ).on_conflict_ignore().execute()
    operation = find_operation(block_index, pooler_id)
    assert operation is not None
    return operation


def find_operation(block_index: int, pooler_id: str) -> BlockOperation | None:
    row = BlockOperations.get_or_none(
        (BlockOperations.block_index == block_index) & (BlockOperations.pooler_id == pooler_id)
    )
    return maybe_record(BlockOperation, row)


def get_operation(operation_id: str) -> BlockOperation:
    return as_record(BlockOperation, BlockOperations.get(BlockOperations.id == operation_id))


def list_operations(statuses: tuple[OperationStatus, ...]) -> list[BlockOperation]:
    """All operations in these states, oldest block first."""
    query = BlockOperations.select().where(BlockOperations.status.in_(statuses))
    return [as_record(BlockOperation, row) for row in query.order_by(BlockOperations.block_index)]


def operations_of_blocks_before(block_index: int) -> list[BlockOperation]:
    """Operations of blocks that are closed when this one is current, and not harvested to the end."""
    query = BlockOperations.select().where(
        (BlockOperations.block_index < block_index) & (BlockOperations.status != OperationStatus.HARVESTED)
    )
    return [as_record(BlockOperation, row) for row in query.order_by(BlockOperations.block_index)]


def has_unplanted_operation(pooler_id: str) -> bool:
    """Whether a plant summary of this pooler is still to come."""
    return (
        BlockOperations.select()
        .where(
            (BlockOperations.pooler_id == pooler_id) & (BlockOperations.status == OperationStatus.PLANTING)
        )
        .exists()
    )


def set_deadline(operation_id: str, deadline: int) -> None:
    """Chain time (unix seconds) after which no plant of it is sent any more; 0: it was cancelled."""
    BlockOperations.update(deadline=deadline).where(BlockOperations.id == operation_id).execute()


def set_block_facts(operation_id: str, *, block_timestamp: int, entropy: bytes) -> None:
    """What the chain says of the block, once it stands: unix seconds and 32 bytes."""
    BlockOperations.update(block_timestamp=block_timestamp, entropy=entropy).where(
        BlockOperations.id == operation_id
    ).execute()


def advance_operation(operation_id: str, status: OperationStatus) -> bool:
    """Move forward to this status; False, and no change, if it is there or further already."""
    earlier = _ORDER[: _ORDER.index(status)]
    query = BlockOperations.update(status=status).where(
        (BlockOperations.id == operation_id) & BlockOperations.status.in_(earlier)
    )
    return bool(query.execute())


def plant_counts(operation_id: str) -> PlantCounts:
    planted = Plantings.status == PlantingStatus.PLANTED
    row = (
        Plantings.select(
            fn.COUNT(Plantings.id),
            fn.COUNT(Plantings.id).filter(planted),
            fn.COUNT(Plantings.id).filter(Plantings.status == PlantingStatus.FAILED),
            fn.COALESCE(fn.SUM(Plantings.stake_stroops).filter(planted), 0),
        )
        .where(Plantings.operation_id == operation_id)
        .scalar(as_tuple=True)
    )
    return PlantCounts(*(int(value) for value in row))


def work_counts(operation_id: str) -> WorkCounts:
    """`recorded` counts every farmer of whom a result came, whatever became of it."""
    confirmed = Works.status == WorkStatus.CONFIRMED
    row = (
        Works.select(
            fn.COUNT(Works.id),
            fn.COUNT(Works.id).filter(confirmed),
            fn.COUNT(Works.id).filter(confirmed & Works.recovered),
            fn.COUNT(Works.id).filter(Works.status.in_((WorkStatus.FAILED, WorkStatus.REFUSED))),
        )
        .where(Works.operation_id == operation_id)
        .scalar(as_tuple=True)
    )
    return WorkCounts(*(int(value) for value in row))
