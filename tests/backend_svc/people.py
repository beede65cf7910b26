"""Rows that most tests of the store need first; plain functions for `Database.run`."""

from dataclasses import dataclass
from uuid import uuid4

from stellar_sdk import Keypair

from backend_svc.store import farmers, operations, plantings, poolers, transactions
from backend_svc.store.records import (
    CustodyMode,
    Farmer,
    FarmerStatus,
    Planting,
    Pooler,
    Purpose,
    StoredTransaction,
)


def some_id() -> str:
    return str(uuid4())


def some_pooler(name: str = "North") -> Pooler:
    pooler = poolers.add_pooler(
        name=name, public_key=None, endpoint="", capacity=50, share_basis_points=1_000
    )
    assert pooler is not None
    return pooler


def some_farmer(pooler: Pooler, *, public_key: str | None = None, farmer_id: str | None = None) -> Farmer:
    """An active farmer."""
    user = farmers.find_or_add_user("ada@example.org")
    farmer = farmers.add_farmer(
        farmer_id=farmer_id or some_id(),
        user_id=user.id,
        pooler_id=pooler.id,
        custody_mode=CustodyMode.CUSTODIAL,
        public_key=public_key or Keypair.random().public_key,
        payout_wallet=None,
        stake_basis_points=5_000,
        harvest_after_blocks=1,
    )
    farmers.set_status(farmer.id, FarmerStatus.ACTIVE)
    return farmer


def some_transaction(
    farmer: Farmer, reference_id: str, purpose: Purpose = Purpose.PLANT, sequence_number: int = 1
) -> StoredTransaction | None:
    return transactions.store_prepared(
        purpose=purpose,
        reference_id=reference_id,
        farmer_id=farmer.id,
        source_account=farmer.public_key,
        sequence_number=sequence_number,
        hash=uuid4().bytes * 2,
        envelope=b"signed",
        max_ledger=105,
        prepared_ledger=100,
    )


@dataclass(frozen=True)
class Planted:
    pooler: Pooler
    farmer: Farmer
    planting: Planting


def a_planted_farmer(block_index: int = 37, stake_stroops: int = 1_000) -> Planted:
    """Pooler, farmer, operation, and a planted row at ledger 101."""
    pooler = some_pooler()
    farmer = some_farmer(pooler)
    return Planted(pooler, farmer, plant(farmer, pooler, block_index, stake_stroops))


def plant(farmer: Farmer, pooler: Pooler, block_index: int, stake_stroops: int) -> Planting:
    operation = operations.open_operation(block_index, pooler.id, capacity=50, deadline=None)
    planting = plantings.begin_planting(operation.id, farmer.id, block_index)
    assert planting is not None
    return plantings.record_planted(
        planting.id,
        block_index=block_index,
        stake_stroops=stake_stroops,
        plant_ledger=101,
        transaction_id=None,
    )
