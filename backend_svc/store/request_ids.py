"""Client idempotency: the same id with the same content gets the answer already given.

def register(...):                                  # inside Database.run
    claim = request_ids.claim(caller, request_id, method, content_hash)
    if claim.answer is not None:
        return claim.answer
    ... do it, make the answer ...
    request_ids.store_answer(caller, request_id, answer)
"""

from dataclasses import dataclass

from peewee import SQL, fn

from backend_svc.store.database import in_transaction
from backend_svc.store.models import RequestIds


class RequestConflictError(Exception):
    """The id was used before with other content, or for another method."""


@dataclass(frozen=True)
class Claim:
    """`answer` is what was answered before, None if this is the first time."""

    answer: bytes | None


def claim(caller: str, request_id: str, method: str, content_hash: bytes) -> Claim:
    """Take the id for this transaction, or learn what was answered to it.

    `caller` is whoever chose the id (kind and id of the principal, or a stream
    session): ids of different callers never meet. `content_hash` is 32 bytes
    over the request without its id. A second call at the same time waits here
    until the first is committed or rolled back.
    Raises RequestConflictError.
    """
    in_transaction().execute_sql(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{caller}/{request_id}",)
    )
    row = RequestIds.get_or_none((RequestIds.caller == caller) & (RequestIds.request_id == request_id))
    if row is None:
        RequestIds.insert(
            caller=caller, request_id=request_id, method=method, content_hash=content_hash, answer=b""
        ).execute()
        return Claim(answer=None)
    if row.method != method or row.content_hash != content_hash:
        raise RequestConflictError(f"request id {request_id} was used for another {row.method} before")
    return Claim(answer=row.answer)


def store_answer(caller: str, request_id: str, answer: bytes) -> None:
    """What to answer when this id comes again; in the COMMIT of what the request did."""
    RequestIds.update(answer=answer).where(
        (RequestIds.caller == caller) & (RequestIds.request_id == request_id)
    ).execute()


def forget_requests(methods: tuple[str, ...], *, older_than_wall_seconds: float) -> int:
    """Drop the ids of these methods that were used so long ago; how many there were."""
    oldest = fn.now() - SQL("make_interval(secs => %s)", (older_than_wall_seconds,))
    query = RequestIds.delete().where(RequestIds.method.in_(methods) & (RequestIds.created_at < oldest))
    return int(query.execute())


def find_answer(caller: str, request_id: str, method: str, content_hash: bytes) -> bytes | None:
    """What was answered to this id, without taking it: for requests whose work spans transactions.

    Raises RequestConflictError.
    """
    row = RequestIds.get_or_none((RequestIds.caller == caller) & (RequestIds.request_id == request_id))
    if row is None:
        return None
    if row.method != method or row.content_hash != content_hash:
        raise RequestConflictError(f"request id {request_id} was used for another {row.method} before")
    return bytes(row.answer)
