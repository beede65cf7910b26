"""Numbers that the KALE contract and the chain below it fix."""

from typing import Final

STROOPS_PER_KALE: Final = 10_000_000

#: Chain seconds after the farm block's timestamp from which a plant opens the next block.
BLOCK_SECONDS: Final = 300
#: Mainnet's target; a ledger is not this long by definition.
LEDGER_SECONDS: Final = 5
#: Blocks and pails live this long from creation on mainnet (CAP-46-12, `min_temporary_ttl`).
TEMPORARY_LIFETIME_LEDGERS: Final = 17_280
#: Every call of the contract but `pause` and `remove_block` lengthens its instance's life
#: to the maximum when it has fallen this far below it.
INSTANCE_EXTENSION_SLACK_LEDGERS: Final = 7 * 24 * 60 * 60 // LEDGER_SECONDS

ENTROPY_BYTES: Final = 32
HASH_BYTES: Final = 32

#: 501 KALE a minute for each of the block's five minutes.
BASE_BLOCK_REWARD_STROOPS: Final = 501 * STROOPS_PER_KALE * BLOCK_SECONDS // 60
#: A month of the reward's decay: 30 days of five-minute blocks.
BLOCKS_PER_MONTH: Final = 30 * 24 * 60 * 60 // BLOCK_SECONDS
#: The block from which the decay counts.
DECAY_START_INDEX: Final = 30_558
#: Fixed point scale of the decay factor.
DECAY_SCALE: Final = 10**12
#: What is left of the reward after one more month: 95 %, in units of `DECAY_SCALE`.
MONTHLY_DECAY_FACTOR: Final = DECAY_SCALE * 95 // 100

U32_MAX: Final = 2**32 - 1
U64_MAX: Final = 2**64 - 1
I64_MAX: Final = 2**63 - 1
I128_MIN: Final = -(2**127)
I128_MAX: Final = 2**127 - 1
