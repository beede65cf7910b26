"""`/status`: the chain, its clock and its process at a glance."""

import os

from stellar_sdk.xdr import LedgerEntryType

from kale.constants import BLOCK_SECONDS
from localnet.admin.requests import NoFields, Result
from localnet.admin.tickets import Tickets
from localnet.chain.chain import Chain
from localnet.chain.ledger_clock import LedgerClock
from localnet.chain.speed import speed_json
from localnet.contracts.farm_view import read_farm
from localnet.ledger import wire

_ACCOUNT = wire.int32(LedgerEntryType.ACCOUNT)


class StatusAdmin:
    """Serves `/status`."""

    def __init__(self, chain: Chain, clock: LedgerClock, tickets: Tickets) -> None:
        self._chain = chain
        self._clock = clock
        self._tickets = tickets

    async def get(self, _: NoFields) -> Result:
        """`seconds_to_boundary` is chain time until a plant may open the next block; from 0 on it may."""
        import psutil  # only who asks pays for it

        chain, latest = self._chain, self._chain.latest
        farm = read_farm(chain.state, chain.network)
        return {
            "sequence": latest.sequence,
            "close_time": latest.close_time,
            "speed": speed_json(self._clock.speed),
            "paused": self._clock.is_paused,
            "driver": self._tickets.is_held,
            "block_index": farm.index,
            "seconds_to_boundary": farm.block.timestamp + BLOCK_SECONDS - latest.close_time,
            "entries": len(chain.state),
            "accounts": sum(key.startswith(_ACCOUNT) for key in chain.state.entries()),
            "queue_length": len(chain.queue),
            "rss_bytes": psutil.Process(os.getpid()).memory_info().rss,
        }
