"""Real PostgreSQL for tests: one server a session, a clean, migrated database a test.

Import the fixtures by name into a conftest.py. A database is a copy of a
template that was migrated once (a quarter of a second); after a test it is
emptied (some milliseconds) and serves the next one.
"""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import pytest

from backend_svc.store.database import Database
from backend_svc.store.embedded import EmbeddedServer
from backend_svc.store.schema import migrate

_TEMPLATE = "kalepool_template"
_numbers = itertools.count(1)

# As a replica the session fires no triggers, so append-only tables can be emptied too.
_EMPTY = """
DO $$
DECLARE
    name text;
BEGIN
    -- Waits for their end: what they were about to commit is there before it is emptied.
    PERFORM pg_terminate_backend(pid, 60000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    SET session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'schema_migrations'
    LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
END $$
"""


@dataclass(frozen=True)
class PostgresServer:
    """A running server, and the databases of it that the next tests may have."""

    admin_url: str
    clean: list[str] = field(default_factory=list)

    def url_of(self, database: str) -> str:
        return self.admin_url.replace("/kalepool?", f"/{database}?")

    def execute(self, statement: str, url: str = "") -> None:
        with closing(psycopg2.connect(url or self.admin_url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def create_database(self, template: str | None = _TEMPLATE) -> str:
        """A new database; returns its URL. None: an empty one, without a schema."""
        name = f"test_{next(_numbers)}"
        source = f' TEMPLATE "{template}"' if template else ""
        self.execute(f'CREATE DATABASE "{name}"{source}')
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        name = url.split("?")[0].rsplit("/", 1)[-1]
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for the whole session, in a folder that the server's own system user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="kalepool-postgres-"))
    embedded = EmbeddedServer(folder)
    server = PostgresServer(embedded.start())
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        server.execute(f"ALTER SYSTEM SET {setting} = off")  # nothing here outlives a power cut
    server.execute("SELECT pg_reload_conf()")
    server.execute(f'CREATE DATABASE "{_TEMPLATE}"')
    template = Database(server.url_of(_TEMPLATE), pool_size=1)
    migrate(template)
    template.close()
    yield server
    embedded.stop()
    shutil.rmtree(folder)


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A clean, migrated database of this test alone; whoever is still connected at its end is cut off."""
    url = postgres_server.clean.pop() if postgres_server.clean else postgres_server.create_database()
    yield url
    postgres_server.execute(_EMPTY, url)
    postgres_server.clean.append(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, opened."""
    opened = Database(database_url, pool_size=8)
    yield opened
    opened.close()
