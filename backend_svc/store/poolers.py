"""Questions about poolers."""

from typing import Any
from uuid import uuid4

from peewee import JOIN, fn

from backend_svc.store.models import Farmers, Poolers, as_record, maybe_record
from backend_svc.store.records import FarmerStatus, Pooler, PoolerStatus

_IS_FARMER_OF_POOLER = (Farmers.pooler_id == Poolers.id) & (Farmers.status != FarmerStatus.DEPARTED)


def add_pooler(
    *, name: str, public_key: str | None, endpoint: str, capacity: int, share_basis_points: int
) -> Pooler | None:
    """A new, active pooler; None if the name is taken."""
    query = (
        Poolers.insert(
            id=str(uuid4()),
            name=name,
            public_key=public_key,
            endpoint=endpoint,
            capacity=capacity,
            share_basis_points=share_basis_points,
        )
        .on_conflict_ignore()
        .returning(Poolers)
    )
    rows = list(query.execute())
    return as_record(Pooler, rows[0]) if rows else None


def find_pooler(pooler_id: str) -> Pooler | None:
    row = Poolers.get_or_none(Poolers.id == pooler_id)
    return maybe_record(Pooler, row)


def lock_pooler(pooler_id: str) -> Pooler | None:
    """The same, its row held until COMMIT: for changes that depend on its room."""
    row = Poolers.select().where(Poolers.id == pooler_id).for_update().first()
    return maybe_record(Pooler, row)


def find_roomiest_pooler() -> Pooler | None:
    """The active pooler that can take the most farmers; None if none can take one."""
    room = Poolers.capacity - fn.COUNT(Farmers.id)
    query = (
        Poolers.select(Poolers)
        .join(Farmers, JOIN.LEFT_OUTER, on=_IS_FARMER_OF_POOLER)
        .where(Poolers.status == PoolerStatus.ACTIVE)
        .group_by(Poolers.id)
        .having(room > 0)
        .order_by(room.desc(), Poolers.created_at)
    )
    return maybe_record(Pooler, query.first())


def count_farmers_of(pooler_ids: list[str]) -> dict[str, int]:
    """Farmers that have not departed, by pooler; poolers without any are left out."""
    query = (
        Farmers.select(Farmers.pooler_id, fn.COUNT(Farmers.id))
        .where(Farmers.pooler_id.in_(pooler_ids) & (Farmers.status != FarmerStatus.DEPARTED))
        .group_by(Farmers.pooler_id)
    )
    rows: Any = query.tuples()
    return {str(pooler_id): int(count) for pooler_id, count in rows}


def list_poolers(*, status: PoolerStatus | None = None, after_id: str = "", limit: int = 100) -> list[Pooler]:
    """In the order in which they were made, those after `after_id` (empty: all), at most `limit`."""
    query = Poolers.select().order_by(Poolers.created_at, Poolers.id).limit(limit)
    if status is not None:
        query = query.where(Poolers.status == status)
    if after_id:
        last = Poolers.select(Poolers.created_at).where(Poolers.id == after_id)
        query = query.where(
            (Poolers.created_at > last) | ((Poolers.created_at == last) & (Poolers.id > after_id))
        )
    return [as_record(Pooler, row) for row in query]


def set_pooler_status(pooler_id: str, status: PoolerStatus) -> None:
    Poolers.update(status=status).where(Poolers.id == pooler_id).execute()
