"""Questions about API keys. Only hashes come in here; the keys themselves are never stored."""

from uuid import uuid4

from peewee import fn

from backend_svc.store.models import ApiKeys, as_record, maybe_record
from backend_svc.store.records import ApiKey, KeyKind


def add_api_key(
    kind: KeyKind,
    key_hash: bytes,
    *,
    pooler_id: str | None = None,
    farmer_id: str | None = None,
    label: str = "",
) -> ApiKey:
    """A new key by its SHA-256. A CHECK refuses an owner that does not fit the kind."""
    query = ApiKeys.insert(
        id=str(uuid4()),
        kind=kind,
        key_hash=key_hash,
        pooler_id=pooler_id,
        farmer_id=farmer_id,
        label=label,
    ).returning(ApiKeys)
    return as_record(ApiKey, next(iter(query.execute())))


def find_valid_key(key_hash: bytes) -> ApiKey | None:
    """The key of this hash unless it was revoked."""
    row = ApiKeys.get_or_none((ApiKeys.key_hash == key_hash) & ApiKeys.revoked_at.is_null())
    return maybe_record(ApiKey, row)


def has_admin_key() -> bool:
    """Whether a valid admin key exists: if not, this is the first start."""
    return ApiKeys.select().where((ApiKeys.kind == KeyKind.ADMIN) & ApiKeys.revoked_at.is_null()).exists()


def revoke_key(key_id: str) -> bool:
    """Refuse this key from now on; False if it was not valid anyway."""
    query = ApiKeys.update(revoked_at=fn.now()).where((ApiKeys.id == key_id) & ApiKeys.revoked_at.is_null())
    return bool(query.execute())
