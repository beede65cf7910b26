"""When a rival works, and with how many zeros: pure decisions."""

from random import Random
from typing import Final

from kale.constants import LEDGER_SECONDS
from kale.farm import Block
from localnet.rivals.group import Idle, Late, Outbid, RivalGroup
from localnet.rivals.hash_power import best_zeros, first_zeros, hashes_in
from localnet.rivals.sight import Sight

OUTBID_SECONDS: Final = 180


def is_time_to_work(group: RivalGroup, sight: Sight) -> bool:
    """Whether a rival of this group sends its work now, to be in the next ledger."""
    if sight.block is None or sight.can_be_closed:
        return False
    match group:
        case Idle():
            return False
        case Late():
            return sight.ledger.close_time + 2 * LEDGER_SECONDS >= sight.closes_at
        case Outbid():
            return sight.age_seconds() >= OUTBID_SECONDS
        case _:
            return sight.age_seconds() >= group.delay_seconds


def zeros_found(group: RivalGroup, random: Random, block: Block, seconds: int) -> int:
    """The zeros that a rival has after searching for so long; one that is idle never searches.

    One that outbids stops as soon as it has more than the block's maximum.
    """
    if isinstance(group, Idle):
        return 0
    best = best_zeros(random, hashes_in(group.mhs, seconds))
    if isinstance(group, Outbid) and best > block.max_zeros:
        return min(best, first_zeros(random, block.max_zeros + 1))
    return best
