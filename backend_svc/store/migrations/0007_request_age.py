"""Stream requests are forgotten by age: the index by which the old ones are found."""

from playhouse.migrate import SchemaMigrator
from playhouse.pool import PooledPostgresqlDatabase

_SQL = """
CREATE INDEX request_ids_streams ON request_ids (created_at) WHERE method IN ('plant', 'work', 'harvest');
"""


def up(_migrator: SchemaMigrator, database: PooledPostgresqlDatabase) -> None:
    database.execute_sql(_SQL)
