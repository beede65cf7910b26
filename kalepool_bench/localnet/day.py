"""A day of KALE: every block planted, worked and harvested by all farmers, as fast as driver and chain go."""

import asyncio
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final

from stellar_sdk import xdr

import miner_ext
from kale.constants import BLOCK_SECONDS, LEDGER_SECONDS, STROOPS_PER_KALE
from kale.farm import Block, Farm
from kale.networks import LOCAL
from kale.storage import block_key, decode_block, decode_farm, farm_instance_key
from kalepool_bench.localnet.measures import Bench, Show
from kalepool_bench.localnet.thin_client import BenchFailed

DAY_FARMERS: Final = 20
_NONCES: Final = 4_096
_STAKE_STROOPS: Final = STROOPS_PER_KALE // 1_000


@dataclass(frozen=True)
class Day:
    """What was played and how long it took, client and all; `cpu_seconds` of the localnet's process."""

    blocks: int
    farmers: int
    ledgers: int
    transactions: int
    seconds: float
    cpu_seconds: float


async def play_day(at: Bench, blocks: int, show: Show) -> Day:
    """Raises BenchFailed if any plant, work or harvest is not a success."""
    player = _Player(at)
    first = (await at.driver.close_ledger()).sequence
    started, cpu = time.monotonic(), at.localnet.cpu_seconds()
    for played in range(blocks):
        await player.play_block()
        show((played + 1) / blocks)
    last = await player.harvest_last()
    return Day(
        blocks,
        len(at.farmers),
        last - first,
        player.transactions,
        time.monotonic() - started,
        at.localnet.cpu_seconds() - cpu,
    )


class _Player:
    """All farmers together, one block after the other; a block is harvested while the next one is played."""

    def __init__(self, at: Bench) -> None:
        self._at = at
        self._unharvested: int | None = None
        self.transactions = 0

    async def play_block(self) -> None:
        client, farmers = self._at.client, self._at.farmers
        await self._wait_for_the_end(await self._farm())
        await self._include(client.plant(farmer, _STAKE_STROOPS) for farmer in farmers)
        # A work is simulated in the latest ledger, where the gap must not be 0.
        await self._at.driver.close_ledger()
        index = (await self._farm()).index
        entropy = (await self._block(index)).entropy
        found = [_search(index, entropy, farmer.public_key) for farmer in farmers]
        works = zip(farmers, found, strict=True)
        await self._include(client.work(farmer, best.hash, best.nonce) for farmer, best in works)
        await self._harvest()
        self._unharvested = index

    async def harvest_last(self) -> int:
        """Opens one block more, with nothing at stake, to harvest the one before; the latest ledger."""
        await self._wait_for_the_end(await self._farm())
        await self._include([self._at.client.plant(self._at.farmers[0], 0)])
        await self._harvest()
        return (await self._at.driver.close_ledger()).sequence

    async def _harvest(self) -> None:
        index = self._unharvested
        if index is not None:
            await self._include(self._at.client.harvest(farmer, index) for farmer in self._at.farmers)

    async def _include(self, calls: Iterable[Coroutine[Any, Any, str]]) -> None:
        """Has transactions applied in the next ledger, and sees that they are successes."""
        hashes = await asyncio.gather(*calls)
        await self._at.driver.close_ledger()
        await asyncio.gather(*map(self._at.client.require_success, hashes))
        self.transactions += len(hashes)

    async def _wait_for_the_end(self, farm: Farm) -> None:
        """Closes ledgers until a simulated plant opens the next block."""
        latest = await self._at.driver.close_ledger()
        left = farm.block.timestamp + BLOCK_SECONDS - latest.close_time
        if left > 0:
            await self._at.driver.close_ledgers(-(-left // LEDGER_SECONDS))

    async def _farm(self) -> Farm:
        return decode_farm(await self._stored(farm_instance_key(LOCAL.farm_contract_id)))

    async def _block(self, index: int) -> Block:
        return decode_block(await self._stored(block_key(LOCAL.farm_contract_id, index)))

    async def _stored(self, key: xdr.LedgerKey) -> xdr.SCVal:
        entries = (await self._at.client.ask("getLedgerEntries", keys=[key.to_xdr()]))["entries"]
        data = xdr.LedgerEntryData.from_xdr(entries[0]["xdr"]).contract_data if entries else None
        if data is None:
            raise BenchFailed(f"the farm has no entry {key.to_xdr()}")
        return data.val


def _search(index: int, entropy: bytes, key: bytes) -> miner_ext.Solution:
    best = miner_ext.Search(index, entropy, key, 0, _NONCES).run().best
    assert best is not None, "a range that is not empty has a best nonce"
    return best
