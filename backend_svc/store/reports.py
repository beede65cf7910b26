"""Questions for reports: what became of each farmer in each block."""

from dataclasses import dataclass

from backend_svc.store.database import in_transaction

_FARMER_BLOCKS = """
SELECT plantings.block_index,
       farmers.public_key,
       CASE WHEN plantings.status = 'planted' THEN plantings.stake_stroops END,
       CASE WHEN plantings.status = 'planted' THEN plantings.plant_ledger END,
       transactions.hash,
       CASE WHEN works.status = 'confirmed' THEN works.confirmed_zeros END,
       CASE WHEN works.status = 'confirmed' THEN works.gap END,
       CASE WHEN harvests.status = 'harvested' THEN harvests.reward_stroops END
  FROM plantings
  JOIN farmers ON farmers.id = plantings.farmer_id
  LEFT JOIN transactions ON transactions.id = plantings.transaction_id
  LEFT JOIN works ON works.planting_id = plantings.id
  LEFT JOIN harvests ON harvests.planting_id = plantings.id
 WHERE plantings.block_index BETWEEN %s AND %s
 ORDER BY plantings.block_index, farmers.created_at, farmers.id
"""

_TOTALS = """
SELECT (SELECT coalesce(sum(stake_stroops), 0) FROM plantings
         WHERE status = 'planted' AND (%(farmer)s::uuid IS NULL OR farmer_id = %(farmer)s::uuid)),
       (SELECT coalesce(sum(reward_stroops), 0) FROM harvests
         WHERE status = 'harvested' AND (%(farmer)s::uuid IS NULL OR farmer_id = %(farmer)s::uuid))
"""


@dataclass(frozen=True)
class FarmerBlock:
    """One farmer in one block; what a step brought is None until that step is confirmed."""

    block_index: int
    public_key: str
    stake_stroops: int | None
    plant_ledger: int | None
    plant_transaction_hash: bytes | None
    zeros: int | None
    gap: int | None
    reward_stroops: int | None


def list_farmer_blocks(first_block_index: int, last_block_index: int) -> list[FarmerBlock]:
    """Every farmer that was to be planted in these blocks (both ends count), by block and registration."""
    rows = in_transaction().execute_sql(_FARMER_BLOCKS, (first_block_index, last_block_index))
    return [
        FarmerBlock(index, key, stake, ledger, None if hash_ is None else bytes(hash_), zeros, gap, reward)
        for index, key, stake, ledger, hash_, zeros, gap, reward in rows
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
