"""What need not be kept for ever, and for how long it is."""

import asyncio

from backend_svc.store import request_ids
from backend_svc.store.database import Database
from backend_svc.store.records import StreamKind
from poolkit.logs import get_logger

log = get_logger(__name__)

# A repeated request is known by its sequence as long as its session lasts; its key only guards the
# change to another session. Blocks are over for good after a day: nobody asks for their work again.
_STREAM_REQUESTS_WALL_SECONDS = 7 * 24 * 3_600
_INTERVAL_WALL_SECONDS = 3_600


class Retention:
    """Forgets the idempotency keys of old stream requests: one came with every nonce."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def forget_forever(self) -> None:
        """Until cancelled."""
        while True:
            await self.forget()
            await asyncio.sleep(_INTERVAL_WALL_SECONDS)

    async def forget(self) -> int:
        """How many were forgotten. Raises DatabaseUnavailable."""
        count = await self._database.run(
            request_ids.forget_requests,
            tuple(str(kind) for kind in StreamKind),
            older_than_wall_seconds=_STREAM_REQUESTS_WALL_SECONDS,
        )
        if count:
            log.info("old stream requests forgotten", count=count)
        return count
