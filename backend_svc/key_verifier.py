"""Who calls: from an API key to its owner."""

from backend_svc.api_keys import api_key_hash
from backend_svc.store import api_keys
from backend_svc.store.database import Database
from backend_svc.store.records import ApiKey, KeyKind
from poolkit.principal import Principal, PrincipalKind, no_valid_key


class StoredKeyVerifier:
    """Asks the database at each call, so that a revoked key is void at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verify(self, key: str) -> Principal:
        """Raises Unauthenticated, DatabaseUnavailable."""
        found = await self._database.run(api_keys.find_valid_key, api_key_hash(key))
        if found is None:
            raise no_valid_key("the API key is unknown or was revoked")
        return _principal(found)


def _principal(key: ApiKey) -> Principal:
    if key.kind is KeyKind.POOLER and key.pooler_id is not None:
        return Principal(PrincipalKind.POOLER, key.pooler_id)
    if key.kind is KeyKind.FARMER and key.farmer_id is not None:
        return Principal(PrincipalKind.FARMER, key.farmer_id)
    return Principal(PrincipalKind.ADMIN, key.id)
