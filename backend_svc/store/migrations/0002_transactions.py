"""Every transaction we ever signed, written before it was sent."""

from typing import Any

_SQL = """
CREATE TABLE transactions (
    id uuid PRIMARY KEY,
    purpose text NOT NULL CHECK (purpose IN ('plant', 'work', 'harvest', 'trustline', 'payment')),
    reference_id uuid NOT NULL,
    farmer_id uuid REFERENCES farmers,
    source_account text NOT NULL CHECK (length(source_account) = 56 AND left(source_account, 1) = 'G'),
    sequence_number bigint NOT NULL CHECK (sequence_number > 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    envelope bytea NOT NULL,
    max_ledger bigint NOT NULL CHECK (max_ledger BETWEEN 1 AND 4294967295),
    prepared_ledger bigint NOT NULL CHECK (prepared_ledger >= 0 AND prepared_ledger < max_ledger),
    status text NOT NULL DEFAULT 'prepared'
        CHECK (status IN ('prepared', 'submitted', 'confirmed', 'failed', 'dead')),
    ledger bigint CHECK (ledger BETWEEN 1 AND 4294967295),
    fee_charged_stroops bigint CHECK (fee_charged_stroops >= 0),
    result bytea,
    return_value bytea,
    failure_kind text CHECK (failure_kind IN ('contract', 'host', 'result', 'refused')),
    failure_contract text,
    failure_code integer,
    failure_text text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT transactions_hash_unique UNIQUE (hash),
    CONSTRAINT transactions_confirmed_in_a_ledger CHECK (status <> 'confirmed' OR ledger IS NOT NULL),
    CONSTRAINT transactions_failed_for_a_reason CHECK ((status = 'failed') = (failure_kind IS NOT NULL)),
    CONSTRAINT transactions_finished CHECK ((status IN ('prepared', 'submitted')) = (finished_at IS NULL))
);
COMMENT ON TABLE transactions IS
    'One row an inner transaction. Hash, envelope and last ledger are stored before the first sending, '
    'so that after any crash or unknown answer it can be looked up, sent again unchanged, or proved '
    'dead.';
CREATE UNIQUE INDEX transactions_one_in_flight ON transactions (source_account)
    WHERE status IN ('prepared', 'submitted');
CREATE UNIQUE INDEX transactions_one_success ON transactions (purpose, reference_id)
    WHERE status = 'confirmed';
CREATE INDEX transactions_reference ON transactions (purpose, reference_id, created_at);

CREATE FUNCTION guard_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status NOT IN ('prepared', 'submitted') THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
            MESSAGE = 'transaction ' || OLD.id || ' is ' || OLD.status || ' and final';
    END IF;
    IF (NEW.id, NEW.purpose, NEW.reference_id, NEW.source_account, NEW.sequence_number,
        NEW.hash, NEW.envelope, NEW.max_ledger, NEW.prepared_ledger)
       IS DISTINCT FROM
       (OLD.id, OLD.purpose, OLD.reference_id, OLD.source_account, OLD.sequence_number,
        OLD.hash, OLD.envelope, OLD.max_ledger, OLD.prepared_ledger) THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
            MESSAGE = 'transaction ' || OLD.id || ' was signed: only its outcome may be filled in';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transactions_guard BEFORE UPDATE ON transactions
    FOR EACH ROW EXECUTE FUNCTION guard_transaction();
CREATE TRIGGER transactions_keep BEFORE DELETE OR TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE transaction_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transaction_id uuid NOT NULL REFERENCES transactions,
    step text NOT NULL CHECK (step IN ('sending', 'pending', 'duplicate', 'try_again_later', 'error',
                                       'unknown', 'window_lost')),
    envelope_hash bytea NOT NULL CHECK (octet_length(envelope_hash) = 32),
    latest_ledger bigint NOT NULL CHECK (latest_ledger >= 0),
    detail text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE transaction_attempts IS
    'What was sent and what the node answered, in order. A row "sending" is committed before the bytes '
    'leave.';
CREATE INDEX transaction_attempts_transaction ON transaction_attempts (transaction_id, id);
CREATE TRIGGER transaction_attempts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transaction_attempts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def up(_migrator: object, database: Any) -> None:
    database.execute_sql(_SQL)
