"""Harvest requests: which pails each of them waits for, so that its totals outlive a crash."""

from playhouse.migrate import SchemaMigrator
from playhouse.pool import PooledPostgresqlDatabase

_SQL = """
CREATE TABLE harvest_requests (
    session_id uuid NOT NULL REFERENCES stream_sessions,
    request_sequence bigint NOT NULL CHECK (request_sequence > 0),
    pooler_id uuid NOT NULL REFERENCES poolers,
    refused integer NOT NULL CHECK (refused >= 0),
    told_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, request_sequence)
);
COMMENT ON TABLE harvest_requests IS
    'What poolers asked to be harvested; told_at: when the totals were told. refused counts pails that could '
    'not be harvested at all: they have no harvest row.';
CREATE INDEX harvest_requests_open ON harvest_requests (pooler_id) WHERE told_at IS NULL;

CREATE TABLE harvest_request_pails (
    session_id uuid NOT NULL,
    request_sequence bigint NOT NULL,
    harvest_id uuid NOT NULL REFERENCES harvests,
    PRIMARY KEY (session_id, request_sequence, harvest_id),
    FOREIGN KEY (session_id, request_sequence) REFERENCES harvest_requests
);
COMMENT ON TABLE harvest_request_pails IS 'The pails of a harvest request.';
CREATE INDEX harvest_request_pails_harvest ON harvest_request_pails (harvest_id);
"""


def up(_migrator: SchemaMigrator, database: PooledPostgresqlDatabase) -> None:
    database.execute_sql(_SQL)
