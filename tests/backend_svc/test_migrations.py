"""The schema, held against the models, and two Backends that start at once."""

import asyncio

import peewee
import pytest

from backend_svc.store import models
from backend_svc.store.database import Database, in_transaction
from backend_svc.store.schema import migrate, migrate_in_thread
from tests.postgres import PostgresServer

TABLES = [
    table for table in vars(models).values() if isinstance(table, type) and issubclass(table, models.Table)
]
MODELS = [table for table in TABLES if table is not models.Table]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_models_have_exactly_the_columns_of_their_table(
    database: Database, model: type[peewee.Model]
) -> None:
    def columns() -> dict[str, bool]:
        return {c.name: c.null for c in in_transaction().get_columns(model._meta.table_name)}

    declared = {field.column_name: field.null for field in model._meta.sorted_fields}
    assert declared == database.run_here(columns)


def test_every_table_says_why_it_exists(database: Database) -> None:
    def uncommented() -> list[str]:
        cursor = in_transaction().execute_sql(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
            "AND obj_description(oid) IS NULL"
        )
        return [row[0] for row in cursor.fetchall()]

    assert database.run_here(uncommented) == ["schema_migrations"]


def test_a_second_start_finds_nothing_to_do(database: Database) -> None:
    assert migrate(database) == []


async def test_two_backends_that_start_at_once_migrate_once(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database(template=None)
    first, second = Database(url, pool_size=1), Database(url, pool_size=1)
    applied = await asyncio.gather(migrate_in_thread(first), migrate_in_thread(second))
    first.close()
    second.close()
    postgres_server.drop_database(url)
    assert sorted(map(len, applied)) == [0, 7]
