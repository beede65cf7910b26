"""Poolers: made with a key that is shown once."""

from dataclasses import dataclass

from backend_svc.api_keys import api_key_hash, new_api_key
from backend_svc.store import api_keys, poolers
from backend_svc.store.records import KeyKind, Pooler
from poolkit.errors import AlreadyExists, FieldViolation


@dataclass(frozen=True)
class NewPooler:
    """A checked request for a pooler. `public_key` None: it gets no share."""

    name: str
    public_key: str | None
    share_basis_points: int
    endpoint: str
    capacity: int


@dataclass(frozen=True)
class PoolerView:
    """A pooler and how many farmers it has."""

    pooler: Pooler
    farmers: int


def create_pooler(new: NewPooler, *, key_length: int) -> tuple[Pooler, str]:
    """Inside Database.run: the pooler and its API key, of which only the hash is kept.

    Raises AlreadyExists for a name in use.
    """
    pooler = poolers.add_pooler(
        name=new.name,
        public_key=new.public_key,
        endpoint=new.endpoint,
        capacity=new.capacity,
        share_basis_points=new.share_basis_points,
    )
    if pooler is None:
        text = f"must be unique (got {new.name!r}, which is in use)"
        raise AlreadyExists(f"name {text}", field_violations=[FieldViolation("name", text)])
    key = new_api_key(key_length)
    api_keys.add_api_key(KeyKind.POOLER, api_key_hash(key), pooler_id=pooler.id)
    return pooler, key


def with_farmers(found: list[Pooler]) -> list[PoolerView]:
    """Inside Database.run: the poolers with their numbers of farmers."""
    counts = poolers.count_farmers_of([pooler.id for pooler in found])
    return [PoolerView(pooler, counts.get(pooler.id, 0)) for pooler in found]
