"""Money: double entry, append-only, with balances that only the entries can change."""

from typing import Any

_SQL = """
CREATE TABLE ledger_events (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind text NOT NULL CHECK (kind IN ('deposit', 'withdrawal', 'stake_planted', 'stake_returned',
                                       'reward_minted', 'stake_forfeited', 'outsider_mint', 'outsider_burn')),
    farmer_id uuid NOT NULL REFERENCES farmers,
    reference_id uuid,
    chain_event_id text CHECK (length(chain_event_id) BETWEEN 1 AND 60),
    transaction_hash bytea CHECK (octet_length(transaction_hash) = 32),
    ledger bigint CHECK (ledger BETWEEN 1 AND 4294967295),
    outsider boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ledger_events_from_somewhere CHECK ((reference_id IS NULL) <> (chain_event_id IS NULL)),
    CONSTRAINT ledger_events_once_a_reference UNIQUE (kind, reference_id),
    CONSTRAINT ledger_events_once_a_chain_event UNIQUE (chain_event_id, farmer_id)
);
COMMENT ON TABLE ledger_events IS
    'Why money moved, by number in the order of booking. What we caused names our row '
    '(reference_id); what the chain told us names its event. Both are unique, so nothing is booked '
    'twice. outsider: not caused by a transaction of ours.';
CREATE INDEX ledger_events_farmer ON ledger_events (farmer_id, kind);
CREATE TRIGGER ledger_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE ledger_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES ledger_events,
    account text NOT NULL CHECK (account IN ('farmer_free', 'farmer_in_play', 'chain_outside', 'chain_minted',
                                             'chain_forfeited')),
    farmer_id uuid REFERENCES farmers,
    amount_stroops bigint NOT NULL,
    CONSTRAINT ledger_entries_farmer_accounts CHECK ((left(account, 7) = 'farmer_') = (farmer_id IS NOT NULL))
);
COMMENT ON TABLE ledger_entries IS
    'The two or more sides of an event; they sum to zero. farmer_free is what lies on the trustline, '
    'farmer_in_play what is burned into open pails; the chain_ accounts are the other side: people, the '
    'farm''s mint, lost stakes.';
CREATE INDEX ledger_entries_event ON ledger_entries (event_id);
CREATE INDEX ledger_entries_farmer ON ledger_entries (farmer_id, account);
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Deferred to COMMIT: the sides of an event are inserted one after another.
CREATE FUNCTION check_event_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    event uuid := (to_jsonb(NEW) ->> TG_ARGV[0])::uuid;
    sides bigint;
    total numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount_stroops), 0) INTO sides, total
        FROM ledger_entries WHERE event_id = event;
    IF sides < 2 OR total <> 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation',
            MESSAGE = 'ledger event ' || event || ' has ' || sides || ' entries that sum to ' || total
                      || ' stroops instead of 0';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_events_balanced AFTER INSERT ON ledger_events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_event_balanced('id');
CREATE CONSTRAINT TRIGGER ledger_entries_balanced AFTER INSERT ON ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_event_balanced('event_id');

CREATE TABLE farmer_balances (
    farmer_id uuid PRIMARY KEY REFERENCES farmers,
    free_stroops bigint NOT NULL DEFAULT 0,
    in_play_stroops bigint NOT NULL DEFAULT 0 CHECK (in_play_stroops >= 0)
);
COMMENT ON TABLE farmer_balances IS
    'The sums of a farmer''s entries, kept by trigger. free_stroops may be below zero for moments: a '
    'stake is booked with its plant, the deposit that it came from when the chain''s events are read.';

CREATE FUNCTION keep_farmer_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    free bigint := CASE WHEN NEW.account = 'farmer_free' THEN NEW.amount_stroops ELSE 0 END;
    in_play bigint := CASE WHEN NEW.account = 'farmer_in_play' THEN NEW.amount_stroops ELSE 0 END;
BEGIN
    -- Not one upsert: a CHECK judges the row to be inserted before the
    -- conflict is seen, and an amount taken off in_play is negative.
    UPDATE farmer_balances
        SET free_stroops = free_stroops + free, in_play_stroops = in_play_stroops + in_play
        WHERE farmer_id = NEW.farmer_id;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_entries_keep_balance AFTER INSERT ON ledger_entries
    FOR EACH ROW WHEN (NEW.farmer_id IS NOT NULL) EXECUTE FUNCTION keep_farmer_balance();

CREATE FUNCTION start_farmer_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO farmer_balances (farmer_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER farmers_start_balance AFTER INSERT ON farmers
    FOR EACH ROW EXECUTE FUNCTION start_farmer_balance();

-- Depth 1 is a statement of ours; the triggers above write at depth 2.
CREATE FUNCTION guard_farmer_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION USING ERRCODE = 'restrict_violation',
            MESSAGE = 'farmer_balances follow ledger_entries: ' || TG_OP || ' refused';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER farmer_balances_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON farmer_balances
    FOR EACH STATEMENT EXECUTE FUNCTION guard_farmer_balance();

CREATE TABLE chain_cursors (
    name text PRIMARY KEY,
    cursor text NOT NULL,
    ledger bigint NOT NULL CHECK (ledger BETWEEN 0 AND 4294967295),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE chain_cursors IS
    'How far the chain''s events are booked; moved in the COMMIT of the entries. Everything up to '
    'ledger is in.';
"""


def up(_migrator: object, database: Any) -> None:
    database.execute_sql(_SQL)
