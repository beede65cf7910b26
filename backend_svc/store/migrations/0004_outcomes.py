"""What became of each farmer in each block: planted, worked, harvested, once each."""

from typing import Any

_SQL = """
CREATE TABLE plantings (
    id uuid PRIMARY KEY,
    operation_id uuid NOT NULL REFERENCES block_operations,
    farmer_id uuid NOT NULL REFERENCES farmers,
    block_index bigint NOT NULL CHECK (block_index BETWEEN 0 AND 4294967295),
    status text NOT NULL DEFAULT 'planting' CHECK (status IN ('planting', 'planted', 'failed')),
    stake_stroops bigint CHECK (stake_stroops >= 0),
    plant_ledger bigint CHECK (plant_ledger BETWEEN 1 AND 4294967295),
    transaction_id uuid REFERENCES transactions,
    reason text,
    fault text CHECK (fault IN ('farmer', 'backend', 'pooler', 'network', 'outsider')),
    retryable boolean NOT NULL DEFAULT false,
    message text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT plantings_one_outcome UNIQUE (farmer_id, block_index),
    CONSTRAINT plantings_planted_is_known CHECK (
        status <> 'planted' OR (stake_stroops IS NOT NULL AND plant_ledger IS NOT NULL)),
    CONSTRAINT plantings_failed_is_explained CHECK ((status = 'failed') = (reason IS NOT NULL)),
    CONSTRAINT plantings_failed_has_fault CHECK ((reason IS NULL) = (fault IS NULL))
);
COMMENT ON TABLE plantings IS
    'One row a farmer and block that was to be planted. block_index is the block asked for, and once '
    'planted the block that the chain took: it may move to a neighbour at a boundary.';
CREATE INDEX plantings_operation ON plantings (operation_id);
CREATE INDEX plantings_unfinished ON plantings (id) WHERE status = 'planting';

CREATE TABLE works (
    id uuid PRIMARY KEY,
    operation_id uuid NOT NULL REFERENCES block_operations,
    planting_id uuid NOT NULL REFERENCES plantings,
    farmer_id uuid NOT NULL REFERENCES farmers,
    block_index bigint NOT NULL CHECK (block_index BETWEEN 0 AND 4294967295),
    status text NOT NULL DEFAULT 'recorded'
        CHECK (status IN ('recorded', 'submitting', 'confirmed', 'refused', 'failed')),
    nonce numeric(20, 0) CHECK (nonce BETWEEN 0 AND 18446744073709551615),
    hash bytea CHECK (octet_length(hash) = 32),
    zeros integer CHECK (zeros BETWEEN 0 AND 64),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    hashes bigint NOT NULL DEFAULT 0 CHECK (hashes >= 0),
    work_seconds double precision NOT NULL DEFAULT 0 CHECK (work_seconds >= 0),
    submissions integer NOT NULL DEFAULT 0 CHECK (submissions >= 0),
    gap bigint CHECK (gap BETWEEN 1 AND 4294967295),
    confirmed_zeros integer CHECK (confirmed_zeros BETWEEN 0 AND 64),
    work_ledger bigint CHECK (work_ledger BETWEEN 1 AND 4294967295),
    recovered boolean NOT NULL DEFAULT false,
    by_outsider boolean NOT NULL DEFAULT false,
    transaction_id uuid REFERENCES transactions,
    reason text,
    fault text CHECK (fault IN ('farmer', 'backend', 'pooler', 'network', 'outsider')),
    message text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT works_one_outcome UNIQUE (farmer_id, block_index),
    CONSTRAINT works_one_a_planting UNIQUE (planting_id),
    CONSTRAINT works_nonce_whole CHECK (
        (nonce IS NULL) = (hash IS NULL) AND (nonce IS NULL) = (zeros IS NULL)),
    CONSTRAINT works_confirmed_is_known CHECK (
        status <> 'confirmed' OR (gap IS NOT NULL AND confirmed_zeros IS NOT NULL)),
    CONSTRAINT works_failed_is_explained CHECK ((status IN ('failed', 'refused')) = (reason IS NOT NULL)),
    CONSTRAINT works_failed_has_fault CHECK ((reason IS NULL) = (fault IS NULL))
);
COMMENT ON TABLE works IS
    'The best nonce known for a planted farmer in a block, and what came of submitting it. nonce, hash '
    'and zeros are ours to submit; gap and confirmed_zeros are the pail''s, also where a stranger '
    'worked it.';
CREATE INDEX works_operation ON works (operation_id);
CREATE INDEX works_unfinished ON works (block_index) WHERE status IN ('recorded', 'submitting');

CREATE TABLE harvests (
    id uuid PRIMARY KEY,
    operation_id uuid NOT NULL REFERENCES block_operations,
    planting_id uuid NOT NULL REFERENCES plantings,
    farmer_id uuid NOT NULL REFERENCES farmers,
    block_index bigint NOT NULL CHECK (block_index BETWEEN 0 AND 4294967295),
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'harvested', 'failed')),
    stake_stroops bigint NOT NULL CHECK (stake_stroops >= 0),
    reward_stroops bigint CHECK (reward_stroops >= 0),
    harvest_ledger bigint CHECK (harvest_ledger BETWEEN 1 AND 4294967295),
    by_outsider boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    claimed_until timestamptz,
    transaction_id uuid REFERENCES transactions,
    reason text,
    fault text CHECK (fault IN ('farmer', 'backend', 'pooler', 'network', 'outsider')),
    message text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CONSTRAINT harvests_one_outcome UNIQUE (farmer_id, block_index),
    CONSTRAINT harvests_one_a_planting UNIQUE (planting_id),
    CONSTRAINT harvests_harvested_is_known CHECK (status <> 'harvested' OR reward_stroops IS NOT NULL),
    CONSTRAINT harvests_failed_is_explained CHECK (status <> 'failed' OR reason IS NOT NULL),
    CONSTRAINT harvests_reason_has_fault CHECK ((reason IS NULL) = (fault IS NULL))
);
COMMENT ON TABLE harvests IS
    'Worked pails waiting for their harvest, made in the COMMIT that confirms the work. Whoever '
    'harvests claims the row for a while (FOR UPDATE SKIP LOCKED), so that several Backends never send '
    'twice. An open row may carry the reason of its last failure.';
CREATE INDEX harvests_operation ON harvests (operation_id);
CREATE INDEX harvests_open ON harvests (block_index) WHERE status = 'open';
"""


def up(_migrator: object, database: Any) -> None:
    database.execute_sql(_SQL)
