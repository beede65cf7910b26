"""The conversations with the poolers: sessions, operations, and every durable response."""

from typing import Any

_SQL = """
CREATE TABLE stream_sessions (
    id uuid PRIMARY KEY,
    pooler_id uuid NOT NULL REFERENCES poolers,
    kind text NOT NULL CHECK (kind IN ('plant', 'work', 'harvest')),
    connection bigint NOT NULL DEFAULT 0 CHECK (connection >= 0),
    last_request_sequence bigint NOT NULL DEFAULT 0 CHECK (last_request_sequence >= 0),
    last_response_sequence bigint NOT NULL DEFAULT 0 CHECK (last_response_sequence >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
COMMENT ON TABLE stream_sessions IS
    'The durable conversation of one pooler on one kind of stream. It outlives connections and restarts '
    'of both sides: its two counters say what was done and what was told. `connection` counts the '
    'connections that took it; only the latest may speak.';
CREATE UNIQUE INDEX stream_sessions_one_current ON stream_sessions (pooler_id, kind) WHERE ended_at IS NULL;

CREATE TABLE block_operations (
    id uuid PRIMARY KEY,
    block_index bigint NOT NULL CHECK (block_index BETWEEN 0 AND 4294967295),
    pooler_id uuid NOT NULL REFERENCES poolers,
    status text NOT NULL DEFAULT 'planting' CHECK (status IN ('planting', 'planted', 'worked', 'harvested')),
    capacity integer NOT NULL CHECK (capacity >= 0),
    deadline bigint CHECK (deadline >= 0),
    block_timestamp bigint CHECK (block_timestamp >= 0),
    entropy bytea CHECK (octet_length(entropy) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT block_operations_one_a_block UNIQUE (block_index, pooler_id)
);
COMMENT ON TABLE block_operations IS
    'What one pooler does in one block: the frame of its plantings, works and harvests, and of what the '
    'summaries count. deadline and block_timestamp are chain time, in unix seconds.';
CREATE INDEX block_operations_pooler ON block_operations (pooler_id, status);

CREATE TABLE block_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES stream_sessions,
    sequence bigint NOT NULL CHECK (sequence > 0),
    operation_id uuid REFERENCES block_operations,
    farmer_id uuid REFERENCES farmers,
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 40),
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT block_events_sequence_unique UNIQUE (session_id, sequence)
);
COMMENT ON TABLE block_events IS
    'Every durable response of every stream, as sent, written in the COMMIT of the fact that it tells. '
    'A stream that comes back is replayed from here.';
CREATE INDEX block_events_operation ON block_events (operation_id);
CREATE TRIGGER block_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON block_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Wakes the streams of all Backends: a response may be written by another one
-- than the one that holds the connection, and so may a takeover.
-- The argument names the column that holds the session's id.
CREATE FUNCTION notify_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('stream_sessions', to_jsonb(NEW) ->> TG_ARGV[0]);
    RETURN NULL;
END $$;
CREATE TRIGGER block_events_notify AFTER INSERT ON block_events
    FOR EACH ROW EXECUTE FUNCTION notify_session('session_id');
CREATE TRIGGER stream_sessions_notify AFTER UPDATE OF connection ON stream_sessions
    FOR EACH ROW EXECUTE FUNCTION notify_session('id');
"""


def up(_migrator: object, database: Any) -> None:
    database.execute_sql(_SQL)
