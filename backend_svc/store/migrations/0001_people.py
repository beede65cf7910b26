"""Who takes part: users, their farmers and keys, poolers, API keys, and the calls already answered."""

from typing import Any

_SQL = """
-- The two guards that several tables share. Statement-level, so that even an
-- UPDATE that matches no row says what is wrong with it.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' refused';
END $$;

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_email_unique UNIQUE (email)
);
COMMENT ON TABLE users IS
    'People. One person may own many farmers; a farmer without a person cannot be paid out by request.';

CREATE TABLE poolers (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    public_key text CHECK (length(public_key) = 56 AND left(public_key, 1) = 'G'),
    endpoint text NOT NULL DEFAULT '',
    capacity integer NOT NULL CHECK (capacity BETWEEN 1 AND 10000),
    share_basis_points integer NOT NULL CHECK (share_basis_points BETWEEN 0 AND 10000),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'draining', 'removed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT poolers_name_unique UNIQUE (name)
);
COMMENT ON TABLE poolers IS
    'Pooler services allowed to call us. Each serves the farmers assigned to it.';

CREATE TABLE farmers (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    pooler_id uuid NOT NULL REFERENCES poolers,
    custody_mode text NOT NULL CHECK (custody_mode IN ('custodial', 'self_custody')),
    public_key text NOT NULL CHECK (length(public_key) = 56 AND left(public_key, 1) = 'G'),
    payout_wallet text CHECK (length(payout_wallet) BETWEEN 56 AND 69),
    stake_basis_points integer NOT NULL CHECK (stake_basis_points BETWEEN 1000 AND 10000),
    harvest_after_blocks integer NOT NULL CHECK (harvest_after_blocks BETWEEN 1 AND 240),
    status text NOT NULL DEFAULT 'registered'
        CHECK (status IN ('registered', 'funded', 'active', 'paused', 'leaving', 'departed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    status_changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT farmers_public_key_unique UNIQUE (public_key)
);
COMMENT ON TABLE farmers IS
    'Accounts on the chain that plant, work and harvest. Every amount belongs to one of them.';
CREATE INDEX farmers_pooler ON farmers (pooler_id, status);
CREATE INDEX farmers_user ON farmers (user_id);

CREATE FUNCTION stamp_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.status_changed_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER farmers_stamp_status_change BEFORE UPDATE OF status ON farmers
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION stamp_status_change();

CREATE TABLE farmer_keys (
    farmer_id uuid PRIMARY KEY REFERENCES farmers,
    master_key_id text NOT NULL CHECK (length(master_key_id) = 16),
    wrapped_data_key bytea NOT NULL CHECK (octet_length(wrapped_data_key) = 60),
    sealed_seed bytea NOT NULL CHECK (octet_length(sealed_seed) = 60),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE farmer_keys IS
    'Seeds of custodial farmers, encrypted: each under a data key of its own, which the named master '
    'key wraps. Apart from farmers, so that no question about a farmer ever carries a secret along.';

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('admin', 'pooler', 'farmer')),
    pooler_id uuid REFERENCES poolers,
    farmer_id uuid REFERENCES farmers,
    label text NOT NULL DEFAULT '',
    key_hash bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CONSTRAINT api_keys_hash_unique UNIQUE (key_hash),
    CONSTRAINT api_keys_owner_fits_kind CHECK (
        (kind = 'admin' AND pooler_id IS NULL AND farmer_id IS NULL)
        OR (kind = 'pooler' AND pooler_id IS NOT NULL AND farmer_id IS NULL)
        OR (kind = 'farmer' AND pooler_id IS NULL AND farmer_id IS NOT NULL))
);
COMMENT ON TABLE api_keys IS
    'SHA-256 of the keys that may call us. The key itself was shown once and is nowhere.';
CREATE INDEX api_keys_pooler ON api_keys (pooler_id);
CREATE INDEX api_keys_farmer ON api_keys (farmer_id);

CREATE TABLE request_ids (
    caller text NOT NULL CHECK (length(caller) BETWEEN 1 AND 100),
    request_id uuid NOT NULL,
    method text NOT NULL,
    content_hash bytea NOT NULL CHECK (octet_length(content_hash) = 32),
    answer bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, request_id)
);
COMMENT ON TABLE request_ids IS
    'Answers already given, by the client-made id of the request: the same id with the same content '
    'gets the same answer, with other content a refusal. Written in the COMMIT of what the request did.';
"""


def up(_migrator: object, database: Any) -> None:
    database.execute_sql(_SQL)
