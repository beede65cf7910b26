"""What the Backend tells the Pooler, in the Pooler's own words. Amounts are stroops."""

import enum
from dataclasses import dataclass


class ReceiptState(enum.Enum):
    """How far the Backend is with one work. REFUSED: not accepted at all; the last three are final."""

    RECORDED = "recorded"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Failure:
    """Why something did not happen. `reason` names a `Reason`; `retryable`: trying again can help."""

    reason: str
    text: str
    retryable: bool = False


@dataclass(frozen=True)
class FarmerPlanted:
    """A farmer's plant is in a ledger."""

    block_index: int
    farmer_id: str
    address: str
    stake_stroops: int
    plant_ledger: int


@dataclass(frozen=True)
class PlantFailed:
    """A farmer was not planted."""

    block_index: int
    farmer_id: str
    failure: Failure


@dataclass(frozen=True)
class PlantSummary:
    """All farmers of a plant request have an outcome."""

    block_index: int
    requested: int
    planted: int
    failed: int
    total_staked_stroops: int


@dataclass(frozen=True)
class WorkReceipt:
    """What became of a work result. `gap` and `zeros` are known once confirmed, `failure` when it failed."""

    block_index: int
    farmer_id: str
    state: ReceiptState
    nonce: int = 0
    zeros: int = 0
    gap: int = 0
    failure: Failure | None = None


@dataclass(frozen=True)
class WorkSummary:
    """All works of a block are settled."""

    block_index: int
    confirmed: int
    failed: int


@dataclass(frozen=True)
class HarvestOutcome:
    """One farmer's pail of one block: the reward is in, or why not."""

    block_index: int
    farmer_id: str
    reward_stroops: int = 0
    stake_stroops: int = 0
    failure: Failure | None = None
