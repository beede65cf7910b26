"""What the Pooler does while the Backend or the chain is away."""

import pytest

from localnet.testing import NodeHandle
from pooler_svc.rules.phases import Phase
from pooler_svc.settings import PoolerSettings
from pooler_svc.testing import running_pooler
from poolkit.breaker import BreakerState
from poolkit.ports import KeptPort
from poolkit.startup_error import StartupError
from tests.pooler_svc.conftest import pooler_settings
from tests.pooler_svc.fakes import FakeBackend, FarmHand, QuickHasher, until


async def test_the_block_goes_on_after_an_outage_of_the_rpc_of_30_chain_seconds(
    node: NodeHandle, settings: PoolerSettings, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        await until(pooler.changes, lambda: len(backend.candidates) >= 3 and pooler.clock.pace_is_measured)
        await node.pause_rpc()
        await until(pooler.changes, lambda: pooler.board.status().phase is Phase.DEGRADED)
        assert any(error.reason == "REASON_RPC_UNAVAILABLE" for error in pooler.board.status().errors)
        await node.wait_for_ledgers(6)
        await node.resume_rpc()
        await until(backend.changes, lambda: len(backend.confirmed) == 3)
        await until(backend.changes, lambda: backend.plant_asked == [1, 2])
        assert pooler.board.status().phase is not Phase.DEGRADED


async def test_the_first_call_that_fails_shows_in_the_status(
    node: NodeHandle, settings: PoolerSettings, farm: FarmHand
) -> None:
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        await until(pooler.changes, lambda: pooler.board.block() is not None and pooler.link.connected)
        await node.pause_rpc()
        await until(pooler.changes, lambda: bool(pooler.board.status().errors))
        status = pooler.board.status()
        assert [error.reason for error in status.errors] == ["REASON_RPC_UNAVAILABLE"]
        assert status.endpoints[0].breaker is BreakerState.CLOSED, "before the node is given up"
        assert status.phase is Phase.DEGRADED
        await node.resume_rpc()
        await until(pooler.changes, lambda: pooler.board.status().phase is not Phase.DEGRADED)


async def test_works_found_while_the_backend_is_away_are_submitted_once_when_it_is_back(
    node: NodeHandle, farm: FarmHand, backend: FakeBackend
) -> None:
    farm.age_block(300)
    kept = KeptPort()
    async with backend.serving(kept.number) as address:
        settings = pooler_settings(node, address)
        pooler_context = running_pooler(settings, hasher=QuickHasher())
        pooler = await pooler_context.__aenter__()
        await until(pooler.changes, lambda: pooler.book.block(1).counts().hashing == 3)
    try:
        await until(pooler.changes, lambda: pooler.book.block(1).counts().submitted == 3)
        status = pooler.board.status()
        assert status.phase is Phase.DEGRADED
        assert status.link.unacknowledged >= 3
        async with backend.serving(kept.number):
            await until(backend.changes, lambda: len(backend.confirmed) == 3)
            assert len(backend.submitted) == 3
            await until(pooler.changes, lambda: pooler.board.status().link.connected)
    finally:
        await pooler_context.__aexit__(None, None, None)
        kept.close()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"pooler_api_key": "kalepool_another_key"}, "BACKEND_ADDRESS and POOLER_API_KEY"),
        ({"backend_address": "127.0.0.1:1"}, "'Backend' failed"),
        ({"rpc_url": "http://127.0.0.1:1"}, "'network' failed"),
        ({"network_passphrase": "another network"}, "'network' failed"),
    ],
)
async def test_a_wrong_setting_is_one_clear_line_at_start(
    node: NodeHandle, backend_address: str, changes: dict[str, object], text: str
) -> None:
    settings = pooler_settings(node, backend_address, **changes)
    with pytest.raises(StartupError, match=text):
        async with running_pooler(settings, hasher=QuickHasher()):
            pass


async def test_a_taken_port_is_one_clear_line_at_start(settings: PoolerSettings) -> None:
    async with running_pooler(settings, hasher=QuickHasher()) as pooler:
        port = int(pooler.server.address.rpartition(":")[2])
        with pytest.raises(StartupError, match=f"127.0.0.1:{port}"):
            async with running_pooler(
                settings.model_copy(update={"pooler_port": port}), hasher=QuickHasher()
            ):
                pass
