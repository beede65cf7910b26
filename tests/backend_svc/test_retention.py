"""Only what nobody can ask for again is forgotten."""

from backend_svc.retention import Retention
from backend_svc.store import request_ids
from backend_svc.store.database import Database, in_transaction
from tests.backend_svc.people import some_id

HASH = bytes(32)
_AGE = "UPDATE request_ids SET created_at = now() - make_interval(days => %s) WHERE request_id = %s"


async def test_keys_of_old_stream_requests_are_forgotten_and_answers_are_kept(database: Database) -> None:
    def use(method: str, days_ago: int) -> str:
        request_id = some_id()
        request_ids.claim("pooler/north", request_id, method, HASH)
        in_transaction().execute_sql(_AGE, (days_ago, request_id))
        return request_id

    old = [await database.run(use, method, 8) for method in ("plant", "work", "harvest")]
    recent = await database.run(use, "work", 6)
    unary = await database.run(use, "ReportBlockRequest", 400)

    def kept() -> set[str]:
        rows = in_transaction().execute_sql("SELECT request_id::text FROM request_ids").fetchall()
        return {row[0] for row in rows}

    assert await Retention(database).forget() == len(old)
    assert await database.run(kept) == {recent, unary}
