"""What questions to the database are answered with: frozen records, never models.

Ids are UUID text, amounts whole stroops, hashes 32 bytes, ledgers sequence
numbers. Fields are the columns of the table with the same name, except where
a comment says otherwise; the tables' own comments say why they exist.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CustodyMode(StrEnum):
    CUSTODIAL = "custodial"
    SELF_CUSTODY = "self_custody"


class FarmerStatus(StrEnum):
    REGISTERED = "registered"
    FUNDED = "funded"
    ACTIVE = "active"
    PAUSED = "paused"
    LEAVING = "leaving"
    DEPARTED = "departed"


class PoolerStatus(StrEnum):
    ACTIVE = "active"
    DRAINING = "draining"
    REMOVED = "removed"


class KeyKind(StrEnum):
    ADMIN = "admin"
    POOLER = "pooler"
    FARMER = "farmer"


class StreamKind(StrEnum):
    PLANT = "plant"
    WORK = "work"
    HARVEST = "harvest"


class Fault(StrEnum):
    """Whose fault a failure is; attributed once."""

    FARMER = "farmer"
    BACKEND = "backend"
    POOLER = "pooler"
    NETWORK = "network"
    OUTSIDER = "outsider"


class OperationStatus(StrEnum):
    """How far a pooler's block has come, in this order."""

    PLANTING = "planting"
    PLANTED = "planted"
    WORKED = "worked"
    HARVESTED = "harvested"


class PlantingStatus(StrEnum):
    PLANTING = "planting"
    PLANTED = "planted"
    FAILED = "failed"


class WorkStatus(StrEnum):
    RECORDED = "recorded"
    SUBMITTING = "submitting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    FAILED = "failed"


class HarvestStatus(StrEnum):
    OPEN = "open"
    HARVESTED = "harvested"
    FAILED = "failed"


class Purpose(StrEnum):
    """What a transaction is for; with the id of the row that wants it, its intent."""

    PLANT = "plant"
    WORK = "work"
    HARVEST = "harvest"
    TRUSTLINE = "trustline"
    PAYMENT = "payment"


class TransactionStatus(StrEnum):
    PREPARED = "prepared"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    DEAD = "dead"

    @property
    def in_flight(self) -> bool:
        return self in (TransactionStatus.PREPARED, TransactionStatus.SUBMITTED)


class AttemptStep(StrEnum):
    """What was sent, or what the node answered to it."""

    SENDING = "sending"
    PENDING = "pending"
    DUPLICATE = "duplicate"
    TRY_AGAIN_LATER = "try_again_later"
    ERROR = "error"
    UNKNOWN = "unknown"
    WINDOW_LOST = "window_lost"


class FailureKind(StrEnum):
    """contract: an error code of a contract; host: a trap of the contract host;
    result: a result code of the ledger; refused: the node never took it."""

    CONTRACT = "contract"
    HOST = "host"
    RESULT = "result"
    REFUSED = "refused"


class LedgerEventKind(StrEnum):
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    STAKE_PLANTED = "stake_planted"
    STAKE_RETURNED = "stake_returned"
    REWARD_MINTED = "reward_minted"
    STAKE_FORFEITED = "stake_forfeited"
    OUTSIDER_MINT = "outsider_mint"
    OUTSIDER_BURN = "outsider_burn"


class Account(StrEnum):
    """The accounts of the double entry; the first two exist once a farmer."""

    FARMER_FREE = "farmer_free"
    FARMER_IN_PLAY = "farmer_in_play"
    CHAIN_OUTSIDE = "chain_outside"
    CHAIN_MINTED = "chain_minted"
    CHAIN_FORFEITED = "chain_forfeited"


@dataclass(frozen=True)
class User:
    id: str
    email: str


@dataclass(frozen=True)
class Farmer:
    id: str
    user_id: str
    pooler_id: str
    custody_mode: CustodyMode
    public_key: str
    payout_wallet: str | None
    stake_basis_points: int
    harvest_after_blocks: int
    status: FarmerStatus
    created_at: datetime
    status_changed_at: datetime


@dataclass(frozen=True)
class SealedKey:
    """A farmer's encrypted seed; useless without the master key."""

    farmer_id: str
    master_key_id: str
    wrapped_data_key: bytes
    sealed_seed: bytes


@dataclass(frozen=True)
class Pooler:
    id: str
    name: str
    public_key: str | None
    endpoint: str
    capacity: int
    share_basis_points: int
    status: PoolerStatus
    created_at: datetime


@dataclass(frozen=True)
class ApiKey:
    id: str
    kind: KeyKind
    pooler_id: str | None
    farmer_id: str | None
    label: str
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True)
class StreamSession:
    """`connection` is the number of the connection that may speak."""

    id: str
    pooler_id: str
    kind: StreamKind
    connection: int
    last_request_sequence: int
    last_response_sequence: int


@dataclass(frozen=True)
class StoredResponse:
    """A durable response as it was written; `payload` is without its sequence."""

    sequence: int
    operation_id: str | None
    farmer_id: str | None
    kind: str
    payload: bytes


@dataclass(frozen=True)
class BlockOperation:
    id: str
    block_index: int
    pooler_id: str
    status: OperationStatus
    capacity: int
    deadline: int | None
    block_timestamp: int | None
    entropy: bytes | None


@dataclass(frozen=True)
class Planting:
    id: str
    operation_id: str
    farmer_id: str
    block_index: int
    status: PlantingStatus
    stake_stroops: int | None
    plant_ledger: int | None
    transaction_id: str | None
    reason: str | None
    fault: Fault | None
    retryable: bool
    message: str


@dataclass(frozen=True)
class Work:
    id: str
    operation_id: str
    planting_id: str
    farmer_id: str
    block_index: int
    status: WorkStatus
    nonce: int | None
    hash: bytes | None
    zeros: int | None
    attempts: int
    hashes: int
    work_seconds: float
    submissions: int
    gap: int | None
    confirmed_zeros: int | None
    work_ledger: int | None
    recovered: bool
    by_outsider: bool
    transaction_id: str | None
    reason: str | None
    fault: Fault | None
    message: str


@dataclass(frozen=True)
class Harvest:
    id: str
    operation_id: str
    planting_id: str
    farmer_id: str
    block_index: int
    status: HarvestStatus
    stake_stroops: int
    reward_stroops: int | None
    harvest_ledger: int | None
    by_outsider: bool
    attempts: int
    transaction_id: str | None
    reason: str | None
    fault: Fault | None
    message: str


@dataclass(frozen=True)
class HarvestRequest:
    """What a pooler asked to be harvested; `refused` pails have no harvest."""

    session_id: str
    request_sequence: int
    pooler_id: str
    refused: int


@dataclass(frozen=True)
class StoredTransaction:
    """`hash` is the inner transaction's; valid in ledgers before `max_ledger`;
    `prepared_ledger` was the latest one before it was first sent."""

    id: str
    purpose: Purpose
    reference_id: str
    farmer_id: str | None
    source_account: str
    sequence_number: int
    hash: bytes
    envelope: bytes
    max_ledger: int
    prepared_ledger: int
    status: TransactionStatus
    ledger: int | None
    fee_charged_stroops: int | None
    result: bytes | None
    return_value: bytes | None
    failure_kind: FailureKind | None
    failure_contract: str | None
    failure_code: int | None
    failure_text: str | None


@dataclass(frozen=True)
class FarmerBalance:
    """Sums of a farmer's ledger entries."""

    farmer_id: str
    free_stroops: int
    in_play_stroops: int


@dataclass(frozen=True)
class LedgerEvent:
    id: str
    kind: LedgerEventKind
    farmer_id: str
    reference_id: str | None
    chain_event_id: str | None
    transaction_hash: bytes | None
    ledger: int | None
    outsider: bool


@dataclass(frozen=True)
class ChainCursor:
    """Everything up to and including `ledger` is booked."""

    name: str
    cursor: str
    ledger: int
