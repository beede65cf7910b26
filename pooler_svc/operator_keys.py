"""Who may call PoolerService: whoever shows one of this Pooler's keys."""

import hmac
from collections.abc import Sequence

from poolkit.principal import Principal, PrincipalKind, no_valid_key


class OperatorKeys:
    """The keys that this Pooler takes."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    async def verify(self, key: str) -> Principal:
        """The operator. Raises Unauthenticated for another key; takes as long for any."""
        matches = [hmac.compare_digest(known, key.encode()) for known in self._keys]
        if not any(matches):
            raise no_valid_key("this API key is not one of this Pooler's")
        return Principal(PrincipalKind.ADMIN, "operator")
