"""Bring a database to the schema of this version."""

from pathlib import Path

from playhouse.migrations import Runner

from backend_svc.store.database import Database, in_transaction

_MIGRATIONS = Path(__file__).parent / "migrations"

# Any number will do, as long as every Backend takes the same one.
_LOCK = 0x4B414C45


def migrate(database: Database) -> list[str]:
    """Apply what is missing, in order, all in one transaction; returns the names.

    Several Backends may start at once: the others wait at the advisory lock,
    which goes with the transaction, and then find nothing left to do.
    """
    return database.run_here(_apply)


async def migrate_in_thread(database: Database) -> list[str]:
    """The same without holding up the event loop."""
    return await database.run(_apply)


def _apply() -> list[str]:
    connection = in_transaction()
    connection.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    names: list[str] = Runner(connection, str(_MIGRATIONS), table_name="schema_migrations").up()
    return names
