import asyncio
from dataclasses import replace

from kale.farm import Block, Farm
from pooler_svc.block_monitor import BlockMonitor
from pooler_svc.changes import Changes
from pooler_svc.recent_errors import RecentErrors
from poolkit.chain_clock import ChainClock
from poolkit.errors import RpcUnavailable
from poolkit.farm_reader import CurrentBlockView
from poolkit.rpc_answers import LedgerHead
from tests.pooler_svc.fakes import until

T = 1_000_000
BLOCK = Block(bytes(32), 0, 0, 0, 0, 0, 0, 0, 0, timestamp=T)
COLLECTED = replace(BLOCK, entropy=bytes([7]) * 32, max_gap=9)
VIEW = CurrentBlockView(Farm("G…", "C…", 7, COLLECTED, paused=False), BLOCK, ledger=100)


class ScriptedFarms:
    """Answers with `answer`, which a test sets; counts the reads."""

    def __init__(self, answer: CurrentBlockView | RpcUnavailable) -> None:
        self.answer = answer
        self.reads = 0
        self.changes = Changes()

    async def current_block(self, guess: int | None = None) -> CurrentBlockView:
        self.reads += 1
        self.changes.announce()
        if isinstance(self.answer, RpcUnavailable):
            raise self.answer
        return self.answer


class Watched:
    """A monitor over scripted reads, with a clock that moves by `observe`."""

    def __init__(self, *, poll_interval_seconds: float = 5.0) -> None:
        self.farms = ScriptedFarms(VIEW)
        self.clock = ChainClock(initial_pace=60.0)
        self.changes = Changes()
        self.errors = RecentErrors()
        self.monitor = BlockMonitor(self.farms, self.clock, self.changes, self.errors, poll_interval_seconds)


async def test_a_new_index_is_seen_and_announced() -> None:
    watched = Watched()
    await watched.monitor.look()
    before = watched.changes.version
    await watched.monitor.look()
    assert watched.changes.version == before
    watched.farms.answer = replace(VIEW, farm=replace(VIEW.farm, index=8), ledger=101)
    await watched.monitor.look()
    assert watched.changes.version > before
    assert watched.monitor.find_block(8) == BLOCK
    assert watched.monitor.find_block(7) is None


async def test_the_block_is_its_own_entry_and_not_what_the_farm_collects_for_the_next() -> None:
    watched = Watched()
    await watched.monitor.look()
    found = watched.monitor.find_block(7)
    assert found is not None
    assert found.entropy == BLOCK.entropy
    assert found.max_gap == BLOCK.max_gap


async def test_a_node_that_lags_behind_is_not_believed() -> None:
    watched = Watched()
    await watched.monitor.look()
    watched.farms.answer = replace(VIEW, farm=replace(VIEW.farm, index=6), ledger=99)
    await watched.monitor.look()
    assert watched.monitor.view == VIEW


async def test_a_failed_read_is_noted_and_keeps_the_view() -> None:
    watched = Watched()
    await watched.monitor.look()
    watched.farms.answer = RpcUnavailable("no node answers")
    await watched.monitor.look()
    await watched.monitor.look()
    assert repr(watched.monitor) == "BlockMonitor(index=7, reads_fail=True)"
    assert watched.monitor.view == VIEW
    (error,) = watched.errors.newest_first()
    assert (error.reason, error.count) == ("REASON_RPC_UNAVAILABLE", 2)
    watched.farms.answer = VIEW
    await watched.monitor.look()
    assert repr(watched.monitor) == "BlockMonitor(index=7, reads_fail=False)"


async def test_near_the_boundary_each_ledger_is_one_read() -> None:
    watched = Watched()
    watched.clock.observe(LedgerHead(100, T + 295))
    watching = asyncio.create_task(watched.monitor.watch_forever())
    await watched.farms.changes.wait_beyond(0)
    for sequence in (101, 102):
        watched.farms.answer = replace(VIEW, ledger=sequence)
        seen = watched.farms.changes.version
        watched.clock.observe(LedgerHead(sequence, T + 295 + 5 * (sequence - 100)))
        await watched.farms.changes.wait_beyond(seen)
    assert watched.farms.reads == 3
    watching.cancel()


async def test_a_farm_that_was_read_before_the_first_ledger_is_seen_waits_for_it() -> None:
    watched = Watched()
    watching = asyncio.create_task(watched.monitor.watch_forever())
    await watched.farms.changes.wait_beyond(0)
    await asyncio.sleep(0)
    assert not watching.done()
    watched.clock.observe(LedgerHead(100, T + 10))
    assert await watched.farms.changes.wait_beyond(1) > 1
    watching.cancel()


async def test_a_node_that_lags_near_the_boundary_is_not_asked_without_pause() -> None:
    watched = Watched()
    watched.clock.observe(LedgerHead(105, T + 295))
    watching = asyncio.create_task(watched.monitor.watch_forever())
    await watched.farms.changes.wait_beyond(0)
    for _ in range(200):
        await asyncio.sleep(0)
    assert watched.farms.reads < 50
    watched.farms.answer = replace(VIEW, ledger=105)
    await until(watched.farms.changes, lambda: watched.monitor.view == watched.farms.answer)
    watching.cancel()


async def test_reading_goes_on_when_the_ledgers_stop() -> None:
    watched = Watched()
    watched.clock.observe(LedgerHead(100, T + 295))
    watching = asyncio.create_task(watched.monitor.watch_forever())
    await watched.farms.changes.wait_beyond(0)
    seen = watched.farms.changes.version
    assert await watched.farms.changes.wait_beyond(seen, timeout_wall_seconds=30) > seen
    watching.cancel()


async def test_a_chain_that_stands_still_is_noted_until_its_next_ledger() -> None:
    watched = Watched()
    watched.clock.observe(LedgerHead(100, T + 100))
    ticking = asyncio.create_task(watched.monitor.tick_forever())
    await until(watched.changes, lambda: watched.monitor.chain_is_silent)
    (error,) = watched.errors.newest_first()
    assert (error.reason, error.text) == (
        "REASON_RPC_UNAVAILABLE",
        "no ledger after 100 for 20 chain seconds",
    )
    watched.clock.observe(LedgerHead(101, T + 125))
    await until(watched.changes, lambda: not watched.monitor.chain_is_silent)
    ticking.cancel()
