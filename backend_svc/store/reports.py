"""Questions for reports: what became of each farmer in each block."""

from dataclasses import dataclass

from backend_svc.store.database import in_transaction
from backend_svc.store.records import Purpose, TransactionStatus

_FARMER_BLOCKS = """
SELECT plantings.block_index,
       farmers.public_key,
       CASE WHEN plantings.status = 'planted' THEN plantings.stake_stroops END,
       CASE WHEN plantings.status = 'planted' THEN plantings.plant_ledger END,
       transactions.hash,
       CASE WHEN works.status = 'confirmed' THEN works.confirmed_zeros END,
       CASE WHEN works.status = 'confirmed' THEN works.gap END,
       CASE WHEN harvests.status = 'harvested' THEN harvests.reward_stroops END,
       plantings.reason, works.reason, harvests.reason,
       coalesce(harvests.status IN ('harvested', 'failed'),
                plantings.status = 'failed'
                OR works.status IN ('failed', 'refused')
                   AND block_operations.status IN ('worked', 'harvested'), false)
  FROM plantings
  JOIN block_operations ON block_operations.id = plantings.operation_id
  JOIN farmers ON farmers.id = plantings.farmer_id
  LEFT JOIN transactions ON transactions.id = plantings.transaction_id
  LEFT JOIN works ON works.planting_id = plantings.id
  LEFT JOIN harvests ON harvests.planting_id = plantings.id
 WHERE plantings.block_index BETWEEN %s AND %s
 ORDER BY plantings.block_index, farmers.created_at, farmers.id
"""

# A plant that missed its block may have got into the next one: then its row has moved there, and not its
# operation. Without an operation no request of the pooler for this block was ever taken.
_UNRECORDED = """
SELECT blocks.index,
       farmers.public_key,
       CASE WHEN EXISTS (SELECT FROM plantings JOIN block_operations ON block_operations.id = operation_id
                          WHERE farmer_id = farmers.id AND block_operations.block_index = blocks.index)
            THEN 'REASON_TRANSACTION_EXPIRED'
            WHEN NOT EXISTS (SELECT FROM block_operations
                              WHERE block_index = blocks.index AND pooler_id = farmers.pooler_id)
            THEN 'REASON_NOT_PLANTED' END
  FROM generate_series(%s::bigint, %s::bigint) AS blocks (index)
  CROSS JOIN farmers
 WHERE farmers.status = 'active'
   AND NOT EXISTS (SELECT FROM plantings WHERE farmer_id = farmers.id AND block_index = blocks.index)
 ORDER BY blocks.index, farmers.created_at, farmers.id
"""

_TRANSACTIONS = """
SELECT hash, purpose, reference_id::text, status FROM transactions ORDER BY created_at, id
"""

_PENDING = """
SELECT (SELECT count(*) FROM transactions WHERE status IN ('prepared', 'submitted')),
       (SELECT count(*) FROM plantings WHERE status = 'planting'),
       (SELECT count(*) FROM works WHERE status = 'submitting'),
       (SELECT count(*) FROM harvests WHERE status = 'open'),
       (SELECT coalesce(sum(last_response_sequence), 0) FROM stream_sessions WHERE ended_at IS NULL)
"""

_TOTALS = """
SELECT (SELECT coalesce(sum(stake_stroops), 0) FROM plantings
         WHERE status = 'planted' AND (%(farmer)s::uuid IS NULL OR farmer_id = %(farmer)s::uuid)),
       (SELECT coalesce(sum(reward_stroops), 0) FROM harvests
         WHERE status = 'harvested' AND (%(farmer)s::uuid IS NULL OR farmer_id = %(farmer)s::uuid))
"""


@dataclass(frozen=True)
class FarmerBlock:
    """One farmer in one block; what a step brought is None until that step is confirmed.

    The reasons are names of errors.proto, for a step that came to nothing or has to be tried again.
    `settled`: harvested, or one of the three steps has failed for good.
    """

    block_index: int
    public_key: str
    stake_stroops: int | None
    plant_ledger: int | None
    plant_transaction_hash: bytes | None
    zeros: int | None
    gap: int | None
    reward_stroops: int | None
    plant_reason: str | None = None
    work_reason: str | None = None
    harvest_reason: str | None = None
    settled: bool = False


def list_farmer_blocks(first_block_index: int, last_block_index: int) -> list[FarmerBlock]:
    """Every farmer that was to be planted in these blocks (both ends count), by block and registration."""
    rows = in_transaction().execute_sql(_FARMER_BLOCKS, (first_block_index, last_block_index))
    return [
        FarmerBlock(index, key, stake, ledger, None if hash_ is None else bytes(hash_), *rest)
        for index, key, stake, ledger, hash_, *rest in rows
    ]


def list_unrecorded(first_block_index: int, last_block_index: int) -> list[FarmerBlock]:
    """Active farmers of whom these blocks (both ends count) have no planting, each with the reason.

    REASON_TRANSACTION_EXPIRED: no ledger of the block took the plant, the next block did. REASON_NOT_PLANTED:
    no request of the pooler to plant it was taken while it was current. None: the records do not tell.
    """
    rows = in_transaction().execute_sql(_UNRECORDED, (first_block_index, last_block_index))
    return [
        FarmerBlock(index, key, None, None, None, None, None, None, plant_reason=reason, settled=True)
        for index, key, reason in rows
    ]


@dataclass(frozen=True)
class SentTransaction:
    """A transaction on record. Purpose and reference, the row that wanted it, name its intent."""

    hash: bytes
    purpose: Purpose
    reference_id: str
    status: TransactionStatus

    @property
    def intent(self) -> tuple[str, str]:
        return self.purpose, self.reference_id


def list_sent_transactions() -> list[SentTransaction]:
    """Every transaction that was ever signed, in the order in which they were stored."""
    return [
        SentTransaction(bytes(hash_), Purpose(purpose), reference, TransactionStatus(status))
        for hash_, purpose, reference, status in in_transaction().execute_sql(_TRANSACTIONS)
    ]


@dataclass(frozen=True)
class Totals:
    """Of all time, in stroops: what was planted, and what was earned on top of it."""

    staked_stroops: int
    reward_stroops: int


def totals(farmer_id: str | None = None) -> Totals:
    """Sums over the planted and the harvested rows, of one farmer or of all."""
    cursor = in_transaction().execute_sql(_TOTALS, {"farmer": farmer_id})
    staked, reward = cursor.fetchone()
    return Totals(int(staked), int(reward))


@dataclass(frozen=True)
class Pending:
    """What is not at its end, of all poolers; and all durable responses of their current sessions."""

    transactions: int = 0
    plants: int = 0
    works: int = 0
    harvests: int = 0
    responses_total: int = 0


def pending() -> Pending:
    """Counted by the indexes of unfinished rows: cheap however long the history is."""
    return Pending(*map(int, in_transaction().execute_sql(_PENDING).fetchone()))
