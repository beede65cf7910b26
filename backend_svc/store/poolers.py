"""Questions about poolers."""

from uuid import uuid4

from backend_svc.store.models import Poolers, as_record, maybe_record
from backend_svc.store.records import Pooler, PoolerStatus


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


def list_poolers(*, after_id: str = "", limit: int = 100) -> list[Pooler]:
    """In order of id, those after `after_id` (empty: from the first), at most `limit`."""
    query = Poolers.select().order_by(Poolers.id).limit(limit)
    if after_id:
        query = query.where(Poolers.id > after_id)
    return [as_record(Pooler, row) for row in query]


def set_pooler_status(pooler_id: str, status: PoolerStatus) -> None:
    Poolers.update(status=status).where(Poolers.id == pooler_id).execute()
