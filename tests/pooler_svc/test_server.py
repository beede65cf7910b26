"""The whole Pooler over real gRPC and a real localnet; only the Backend's transactions are played."""

from pooler_svc.block_book import BlockCounts
from pooler_svc.rules.phases import Phase
from pooler_svc.settings import PoolerSettings
from pooler_svc.testing import running_pooler
from tests.pooler_svc.fakes import FakeBackend, FarmHand, QuickHasher, until


def holding(settings: PoolerSettings, seconds: float) -> PoolerSettings:
    """The same settings with another hold of the next block."""
    return settings.model_copy(update={"plant_hold_seconds": seconds})


async def test_a_block_is_opened_planted_worked_and_harvested(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        await until(backend.changes, lambda: len(backend.confirmed) == 3)
        opened = farm.farm.block.timestamp
        assert backend.plant_asked == [1]
        assert len(backend.submitted) == 3
        assert all(result.zeros >= 1 for result in backend.submitted)
        assert pooler.clock.now() - opened >= settings.work_delay_seconds
        pooler.coordinator.drain()
        farm.open_next_block()
        await until(pooler.changes, lambda: pooler.book.blocks_harvested == 1)
        assert backend.harvested == backend.confirmed
        assert backend.finished == [1]
        await until(pooler.changes, lambda: pooler.board.status().phase is Phase.IDLE)
        assert backend.plant_asked == [1]


async def test_a_block_that_somebody_else_opened_is_planted_at_once(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        await until(pooler.changes, lambda: pooler.link.caught_up)
        farm.open_next_block()
        await until(backend.changes, lambda: 1 in backend.plant_asked)
        assert farm.farm.index == 1


async def test_nothing_is_opened_for_nobody_until_a_farmer_is_active(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    backend.active = False
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        await until(pooler.changes, lambda: pooler.link.caught_up and pooler.monitor.view is not None)
        ledger = farm.latest_ledger
        await pooler.clock.wait_for_ledger(ledger + 8)
        assert backend.plant_asked == []
        backend.active = True
        await until(backend.changes, lambda: bool(backend.planted))


async def test_a_refused_plant_request_is_repeated(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    backend.planting = False
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        await until(backend.changes, lambda: len(backend.plant_asked) == 2)
        assert pooler.board.status().errors[0].reason == "REASON_RPC_UNAVAILABLE"
        backend.planting = True
        await until(backend.changes, lambda: bool(backend.planted))
        assert set(backend.plant_asked) == {1}


async def test_the_next_block_waits_for_works_in_flight_and_no_longer_than_the_hold(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    backend.confirming = False
    async with running_pooler(holding(settings, 90), hasher=QuickHasher()) as pooler:
        await until(backend.changes, lambda: len(backend.submitted) == 3)
        opened = farm.farm.block.timestamp
        await until(backend.changes, lambda: backend.plant_asked == [1, 2])
        assert pooler.clock.now() >= opened + 300 + 90
        assert backend.confirmed == set()


async def test_confirmed_works_open_the_next_block_without_waiting(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    backend.confirming = False
    async with running_pooler(holding(settings, 1_000_000), hasher=QuickHasher()) as pooler:
        await until(backend.changes, lambda: len(backend.submitted) == 3)
        opened = farm.farm.block.timestamp
        await pooler.clock.wait_until(opened + 310)
        assert backend.plant_asked == [1]
        backend.confirm_works()
        await until(backend.changes, lambda: backend.plant_asked == [1, 2])
        assert farm.now < opened + 300 + 1_000_000


async def test_a_farmer_without_a_nonce_at_the_moment_is_submitted_when_it_has_one(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    hasher = QuickHasher()
    hasher.holding = True
    async with running_pooler(settings, hasher=hasher) as pooler:
        await until(pooler.changes, lambda: pooler.book.block(1).counts().hashing == 3)
        await pooler.clock.wait_until(int(farm.farm.block.timestamp + settings.work_delay_seconds) + 5)
        assert backend.submitted == []
        hasher.release()
        await until(backend.changes, lambda: len(backend.confirmed) == 3)
        assert farm.farm.index == 1


async def test_what_was_never_found_is_given_up_when_the_block_is_over(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    hasher = QuickHasher()
    hasher.holding = True
    async with running_pooler(settings, hasher=hasher) as pooler:
        await until(pooler.changes, lambda: pooler.book.block(1).counts().hashing == 3)
        farm.open_next_block()
        await until(backend.changes, lambda: backend.finished == [1])
        assert len(backend.given_up) == 3
        assert pooler.book.block(1).counts() == BlockCounts(planted=3, work_failed=3)


async def test_a_restarted_pooler_goes_on_with_the_block_and_repeats_nothing(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    async with running_pooler(settings, hasher=QuickHasher()):
        await until(backend.changes, lambda: len({each.farmer_id for each in backend.candidates}) == 3)
        assert backend.submitted == []
    best = {each.farmer_id: each for each in backend.candidates}
    hasher = QuickHasher()
    hasher.holding = True
    async with running_pooler(settings, hasher=hasher) as pooler:
        await until(backend.changes, lambda: len(backend.confirmed) == 3)
        assert farm.farm.index == 1
        assert {job.farmer_id: job.nonce_from for job in hasher.jobs} == {
            farmer_id: each.nonce + 1 for farmer_id, each in best.items()
        }
        assert {each.farmer_id: each.nonce for each in backend.submitted} == {
            farmer_id: each.nonce for farmer_id, each in best.items()
        }
        assert len(backend.submitted) == 3
        assert backend.plant_asked == [1]
        await until(pooler.changes, lambda: pooler.book.block(1).counts().confirmed == 3)


async def test_a_pooler_that_restarts_after_the_works_submits_nothing_again(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    async with running_pooler(settings, hasher=QuickHasher()):
        await until(backend.changes, lambda: len(backend.confirmed) == 3)
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        await until(pooler.changes, lambda: pooler.book.block(1).counts().confirmed == 3)
        pooler.coordinator.drain()
        farm.open_next_block()
        await until(backend.changes, lambda: backend.harvested == backend.confirmed)
        assert len(backend.submitted) == 3


async def test_a_plant_stream_that_is_cut_is_resumed_with_one_outcome_a_farmer(
    settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    backend.cut_after_outcomes = 2
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        await until(pooler.changes, lambda: pooler.book.block(1).counts().planted == 3)
        assert backend.plant.connections == 2
        assert pooler.board.status().link.reconnects == 1
        assert backend.plant_asked == [1]
