"""Real PostgreSQL for tests: one server a session, a fresh database a test.

Import the fixtures into a conftest.py: `from tests.postgres import *`-style
imports by name. Databases are copies of a template that was migrated once,
so a fresh one costs some 30 ms.
"""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from backend_svc.store.database import Database
from backend_svc.store.embedded import EmbeddedServer
from backend_svc.store.schema import migrate

_TEMPLATE = "kalepool_template"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class PostgresServer:
    """A running server; `url_of` names its databases."""

    admin_url: str

    def url_of(self, database: str) -> str:
        return self.admin_url.replace("/kalepool?", f"/{database}?")

    def execute(self, statement: str) -> None:
        with closing(psycopg2.connect(self.admin_url)) as connection:
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
    server.execute(f'CREATE DATABASE "{_TEMPLATE}"')
    template = Database(server.url_of(_TEMPLATE), pool_size=1)
    migrate(template)
    template.close()
    yield server
    embedded.stop()
    shutil.rmtree(folder)


@pytest.fixture
def database_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A fresh, migrated database of this test alone."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The same, opened."""
    opened = Database(database_url, pool_size=8)
    yield opened
    opened.close()
