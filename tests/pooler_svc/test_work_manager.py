"""The order in which a WorkManager does what was decided; the decisions themselves are in rules."""

import asyncio

import pytest
from stellar_sdk import Keypair

from kale.farm import Block, Farm
from kale.puzzle import farmer_key
from pooler_svc.block_book import BlockBook, PlantedFarmer, Solution, WorkState
from pooler_svc.block_monitor import BlockMonitor
from pooler_svc.changes import Changes
from pooler_svc.hashers import HashJob
from pooler_svc.outcomes import Failure, FarmerPlanted
from pooler_svc.recent_errors import RecentErrors
from pooler_svc.server import verify_nonce
from pooler_svc.work_manager import WorkManager, WorkPolicy
from poolkit.chain_clock import ChainClock
from poolkit.errors import CapacityExceeded
from poolkit.farm_reader import CurrentBlockView
from poolkit.rpc_answers import LedgerHead
from tests.pooler_svc.fakes import QuickHasher, until

T = 1_000_000
BLOCK = Block(bytes(32), 0, 0, 0, 0, 0, 0, 0, 0, timestamp=T)
FARMERS = ("a", "b")


class OneFarm:
    """Block 7, for ever."""

    async def current_block(self, guess: int | None = None) -> CurrentBlockView:
        return CurrentBlockView(Farm("G…", "C…", 7, BLOCK, paused=False), BLOCK, ledger=100)


class KeepingLink:
    """A Work conversation that keeps what is submitted, or refuses it while it is `full`."""

    def __init__(self) -> None:
        self.caught_up = True
        self.connected = True
        self.full = False
        self.changes = Changes()
        self.submitted: list[str] = []

    def send_candidate(self, block_index: int, farmer_id: str, solution: Solution) -> None:
        raise AssertionError("nothing is a candidate any more")

    def submit_now(self, block_index: int, farmer_id: str, solution: Solution) -> None:
        if self.full:
            raise CapacityExceeded("too much waits")
        self.submitted.append(farmer_id)
        self.changes.announce()

    def give_up(self, block_index: int, farmer_id: str, failure: Failure) -> None:
        raise AssertionError("nothing is given up")

    def finish_block(self, block_index: int) -> None:
        raise AssertionError("the block is not finished")


class StuckHasher(QuickHasher):
    """Takes no command any more."""

    async def cancel(self, farmer_id: str, block_index: int) -> None:
        await asyncio.Event().wait()


class Managed:
    """Two farmers with nonces in a block whose moment of submission has come."""

    def __init__(self, hasher: QuickHasher, *, now: int = T + 285) -> None:
        self.hasher, self.link, self.book = hasher, KeepingLink(), BlockBook()
        changes, clock = Changes(), ChainClock()
        clock.observe(LedgerHead(120, now))
        self.monitor = BlockMonitor(OneFarm(), clock, changes, RecentErrors(), 5.0)
        self.manager = WorkManager(
            self.link,
            hasher,
            verify_nonce,
            self.monitor,
            self.book,
            clock,
            changes,
            WorkPolicy(work_delay_seconds=280.0, candidate_interval_seconds=20.0),
        )

    @property
    def farmers(self) -> list[PlantedFarmer]:
        return list(self.book.block(7).farmers.values())

    async def plant(self) -> None:
        await self.monitor.look()
        for farmer_id in FARMERS:
            address = Keypair.random().public_key
            self.book.note_planted(FarmerPlanted(7, farmer_id, address, stake_stroops=1, plant_ledger=99))
            await self.hasher.assign(HashJob(farmer_id, 7, BLOCK.entropy, farmer_key(address), 0))
        for farmer in self.farmers:
            farmer.hashing = True


async def test_a_work_that_could_not_be_sent_is_sent_later() -> None:
    managed = Managed(QuickHasher())
    await managed.plant()
    managed.link.full = True
    with pytest.raises(CapacityExceeded):
        await managed.manager.manage_forever()
    assert [farmer.work for farmer in managed.farmers] == [WorkState.HASHING, WorkState.HASHING]
    managed.link.full = False
    managing = asyncio.create_task(managed.manager.manage_forever())
    await until(managed.link.changes, lambda: managed.link.submitted == ["a", "b"])
    assert [farmer.work for farmer in managed.farmers] == [WorkState.SUBMITTING, WorkState.SUBMITTING]
    managing.cancel()


@pytest.mark.parametrize(("recorded", "nonce_from"), [(5, 6), (2**64 - 1, 0)])
async def test_hashing_goes_on_behind_the_recorded_nonce_and_behind_the_last_of_all_from_the_first(
    recorded: int, nonce_from: int
) -> None:
    hasher = QuickHasher()
    hasher.holding = True
    managed = Managed(hasher, now=T + 100)
    await managed.plant()
    hasher.jobs.clear()
    for farmer in managed.farmers:
        farmer.hashing, farmer.recorded_nonce, farmer.recorded_zeros = False, recorded, 64
    managing = asyncio.create_task(managed.manager.manage_forever())
    async with asyncio.timeout(60):
        while len(hasher.jobs) < len(FARMERS):
            await asyncio.sleep(0.01)
    assert [job.nonce_from for job in hasher.jobs] == [nonce_from, nonce_from]
    managing.cancel()


async def test_a_hasher_that_takes_no_commands_holds_no_work_back() -> None:
    managed = Managed(StuckHasher())
    await managed.plant()
    managing = asyncio.create_task(managed.manager.manage_forever())
    async with asyncio.timeout(60):
        await until(managed.link.changes, lambda: managed.link.submitted == ["a", "b"])
    managing.cancel()
