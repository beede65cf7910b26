"""What the farm contract stores, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """One KALE block, in the contract's own fields.

    `min_*` and `max_*` of a stored block are the *previous* block's extremes, the
    ranges by which this block's works are weighed. In the farm's block (`Farm.block`)
    the same fields collect the running extremes for the block to come. Stakes and
    `staked_total` are stroops, gaps are ledgers, zeros are hex digits, `timestamp` is
    the close time of the ledger that created the block.
    """

    entropy: bytes
    max_gap: int
    max_stake: int
    max_zeros: int
    min_gap: int
    min_stake: int
    min_zeros: int
    normalized_total: int
    staked_total: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class Pail:
    """One farmer's part in one block.

    `sequence` is the ledger of the plant, `stake` the stroops burnt by it. `gap`
    (ledgers) and `zeros` (hex digits) are None until the work.
    """

    sequence: int
    stake: int
    gap: int | None = None
    zeros: int | None = None


@dataclass(frozen=True, slots=True)
class Farm:
    """The contract's instance storage: `index` is the current block's."""

    homesteader: str
    asset_contract_id: str
    index: int
    block: Block
    paused: bool
