import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from backend_svc.server import describe, serve_backend
from backend_svc.testing import local_settings, running_backend
from kalepool.v1 import backend_pb2, types_pb2
from kalepool.v1.backend_pb2_grpc import BackendServiceStub
from kalepool.v1.errors_pb2 import Reason
from localnet.testing import running_localnet
from poolkit.errors import BlockNotCurrent, Forbidden, InvalidField, Unauthenticated
from poolkit.grpc_client import open_channel
from poolkit.startup_error import StartupError
from tests.backend_svc.playground import Playground, new_id, plant_talk

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def has_health(ground: Playground, name: str, expected: object) -> bool:
    async with grpc.aio.insecure_channel(ground.backend.server.address) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
    return bool(answer.status == expected)


@pytest.mark.parametrize("name", ["", "database", "chain", "kalepool.v1.BackendService"])
async def test_the_standard_health_service_knows_each_part(ground: Playground, name: str) -> None:
    async def serves() -> bool:
        return await has_health(ground, name, SERVING)

    await ground.eventually(serves)


async def test_the_chain_is_not_serving_while_no_ledger_is_seen(ground: Playground) -> None:
    # Until the pace is measured nobody can say what is long on this chain.
    async def is_paced() -> bool:
        return ground.backend.chain.clock.pace_is_measured

    async def is_up() -> bool:
        return await has_health(ground, "chain", SERVING)

    await ground.eventually(is_paced)
    await ground.eventually(is_up)
    await ground.node.pause_rpc()

    async def is_down() -> bool:
        return await has_health(ground, "chain", NOT_SERVING)

    await ground.eventually(is_down)
    async with grpc.aio.insecure_channel(ground.backend.server.address) as channel:
        health = await BackendServiceStub(channel).GetHealth(backend_pb2.GetHealthRequest())
    assert health.status == backend_pb2.HEALTH_STATUS_DEGRADED
    assert health.chain.status == backend_pb2.HEALTH_STATUS_NOT_SERVING
    assert health.database.status == backend_pb2.HEALTH_STATUS_SERVING
    await ground.node.resume_rpc()


async def test_health_is_open_to_all(ground: Playground) -> None:
    await ground.add_farmer(kale=False)
    async with grpc.aio.insecure_channel(ground.backend.server.address) as channel:
        health = await BackendServiceStub(channel).GetHealth(backend_pb2.GetHealthRequest())
    assert health.status == backend_pb2.HEALTH_STATUS_SERVING
    assert health.chain.latest_ledger > 0
    assert health.chain.endpoint == ground.node.rpc_url
    assert health.active_farmers == 1


async def test_health_tells_what_is_pending_and_when_all_of_it_waits_for_a_ledger(ground: Playground) -> None:
    for _ in range(2):
        await ground.add_farmer()
    farm = await ground.skip_to(0)
    ground.node.clock.pause()
    ledger = ground.node.chain.latest.sequence
    talk = plant_talk(ground)
    await talk.open()
    talk.ask(plant_block=ground.plant_request(farm.index + 1))

    async with grpc.aio.insecure_channel(ground.backend.server.address) as channel:
        stub = BackendServiceStub(channel)

        async def look() -> backend_pb2.BackendActivity:
            health = await stub.GetHealth(backend_pb2.GetHealthRequest())
            assert health.chain.latest_ledger <= ledger
            return health.activity

        async def waits_for_a_ledger() -> bool:
            activity = await look()
            is_running = activity.queries_running or activity.rpc_calls_running
            return activity.transactions_in_flight == 2 and not is_running

        await ground.eventually(waits_for_a_ledger)
        waiting = await look()
        assert (waiting.plants_pending, waiting.works_pending, waiting.responses_total) == (2, 0, 0)
        assert waiting.rpc_calls_total > 0
        assert (await look()).rpc_calls_total == waiting.rpc_calls_total
        ground.node.close_ledgers()
        ledger += 1
        await talk.until("summary")
        done = await look()
    assert (done.transactions_in_flight, done.plants_pending, done.responses_total) == (0, 0, 3)
    await talk.break_off()


@pytest.mark.parametrize("key", [None, "wrong", "kp_" + "x" * 32])
async def test_a_call_without_a_valid_key_is_refused(ground: Playground, key: str | None) -> None:
    async with open_channel(ground.backend.server.address, key) as channel:
        stub = BackendServiceStub(channel)
        with pytest.raises(Unauthenticated):
            await stub.ListAssignedFarmers(backend_pb2.ListAssignedFarmersRequest())
        with pytest.raises(Unauthenticated):
            await anext(aiter(stub.Plant(iter([]))))


async def test_only_poolers_open_streams(ground: Playground) -> None:
    stub = BackendServiceStub(ground.admin)
    opening = backend_pb2.PlantRequest(open=types_pb2.SessionOpen())
    with pytest.raises(Forbidden, match="pooler"):
        await anext(aiter(stub.Plant(iter([opening]))))


async def test_a_pooler_lists_its_farmers_in_pages(ground: Playground) -> None:
    ids = [(await ground.register()).id for _ in range(3)]
    stub = BackendServiceStub(ground.pooler)
    first = await stub.ListAssignedFarmers(backend_pb2.ListAssignedFarmersRequest(page_size=2))
    rest = await stub.ListAssignedFarmers(
        backend_pb2.ListAssignedFarmersRequest(page_size=2, page_token=first.next_page_token)
    )
    assert [farmer.id for farmer in [*first.farmers, *rest.farmers]] == ids
    assert rest.next_page_token == ""


def report(index: int, **changes: object) -> backend_pb2.ReportBlockRequest:
    request = backend_pb2.ReportBlockRequest(
        request_id=new_id(), block_index=index, entropy=bytes(32), ledger=5
    )
    request.timestamp.seconds = 1_700_000_000
    for field, value in changes.items():
        setattr(request, field, value)
    return request


async def test_a_reported_block_is_answered_with_the_farmers_to_plant(ground: Playground) -> None:
    stub = BackendServiceStub(ground.pooler)
    index = (await ground.current_block()).index
    nobody = await stub.ReportBlock(report(index))
    assert (nobody.plant, nobody.reason) == (False, Reason.REASON_FARMER_NOT_ACTIVE)
    farmer = await ground.add_farmer(kale=False)
    somebody = await stub.ReportBlock(report(index))
    assert somebody.plant
    assert [each.id for each in somebody.farmers] == [farmer.id]
    planted = (await ground.plant_all()).block_index
    done = await stub.ReportBlock(report(planted))
    assert (done.plant, done.reason) == (False, Reason.REASON_FARM_PAIL_EXISTS)


async def test_a_reported_block_must_be_the_current_one(ground: Playground) -> None:
    stub = BackendServiceStub(ground.pooler)
    index = (await ground.current_block()).index
    with pytest.raises(BlockNotCurrent) as refusal:
        await stub.ReportBlock(report(index + 5))
    (violation,) = refusal.value.field_violations
    assert violation.field == "block_index"
    assert f"must be {index}, the current block (got {index + 5})" in violation.description
    with pytest.raises(InvalidField, match="entropy"):
        await stub.ReportBlock(report(index, entropy=b"short"))


async def test_draining_says_goodbye_on_streams_and_refuses_new_calls(ground: Playground) -> None:
    talk = plant_talk(ground)
    await talk.open()
    draining = asyncio.create_task(ground.backend.server.drain_and_stop())
    (goodbye,) = await talk.rest()
    assert goodbye.goodbye.reason == Reason.REASON_SHUTTING_DOWN
    await draining


async def test_the_banner_names_address_network_and_no_secret(ground: Playground) -> None:
    text = describe(ground.backend)
    assert ground.backend.server.address in text
    assert ground.node.network.farm_contract_id in text
    assert ground.backend.settings.admin_key_path.read_text().strip() not in text


async def test_the_first_start_leaves_the_admin_key_in_a_private_file(ground: Playground) -> None:
    path = ground.backend.settings.admin_key_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().strip()) >= 32


async def test_a_second_start_makes_no_other_admin_key(ground: Playground) -> None:
    settings = ground.backend.settings
    before = settings.admin_key_path.read_text()
    async with running_backend(settings):
        assert settings.admin_key_path.read_text() == before
    assert await ground.count("SELECT count(*) FROM api_keys WHERE kind = 'admin'") == 1


async def start(folder: Path, *, rpc_url: str, database_url: str, **others: object) -> None:
    settings = local_settings(folder, rpc_url=rpc_url, database_url=database_url, **others)
    async with serve_backend(settings):
        raise AssertionError("it started")


async def test_a_taken_port_ends_the_start_with_one_clear_line(ground: Playground, tmp_path: Path) -> None:
    port = int(ground.backend.server.address.rsplit(":", 1)[1])
    with pytest.raises(StartupError, match=rf"127\.0\.0\.1:{port}.*BACKEND_PORT"):
        await start(
            tmp_path,
            rpc_url=ground.node.rpc_url,
            database_url=ground.backend.database.url,
            backend_port=port,
        )


async def test_an_unreachable_rpc_ends_the_start(tmp_path: Path, database_url: str) -> None:
    with pytest.raises(StartupError, match="RPC_URL"):
        await start(tmp_path, rpc_url="http://127.0.0.1:9", database_url=database_url)


async def test_an_unreachable_database_ends_the_start_without_its_password(tmp_path: Path) -> None:
    url = "postgresql://pool:hush@127.0.0.1:9/kale"
    with pytest.raises(StartupError, match="DATABASE_URL") as refusal:
        await start(tmp_path, rpc_url="http://127.0.0.1:9", database_url=url)
    assert "hush" not in str(refusal.value)


async def test_another_networks_node_ends_the_start(tmp_path: Path, database_url: str) -> None:
    async with running_localnet() as node:
        with pytest.raises(StartupError, match="STELLAR_NETWORK"):
            await start(
                tmp_path,
                rpc_url=node.rpc_url,
                database_url=database_url,
                network_passphrase="Some Other Network",
            )


async def test_a_contract_that_is_no_farm_ends_the_start(tmp_path: Path, database_url: str) -> None:
    async with running_localnet() as node:
        with pytest.raises(StartupError, match="KALE_CONTRACT_ID"):
            await start(
                tmp_path,
                rpc_url=node.rpc_url,
                database_url=database_url,
                kale_contract_id=node.network.asset_contract_id,
            )


def run_main(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The entry in a process of its own."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("BACKEND_")}
    return subprocess.run(
        [sys.executable, "-m", "backend_svc.main"],
        env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        (
            {"STELLAR_NETWORK": "local", "RPC_URL": "http://x", "BACKEND_PROT": "1"},
            "did you mean BACKEND_PORT",
        ),
        ({"STELLAR_NETWORK": "local", "RPC_URL": "http://x", "JWT_SECRET": "1"}, "JWT_SECRET is not used"),
        ({"STELLAR_NETWORK": "local", "RPC_URL": "http://x", "BACKEND_PORT": "70000"}, "BACKEND_PORT"),
        ({"STELLAR_NETWORK": "moon", "RPC_URL": "http://x"}, "STELLAR_NETWORK"),
        ({"STELLAR_NETWORK": "local"}, "RPC_URL is missing"),
    ],
)
def test_a_bad_setting_is_one_line_and_exit_code_2(
    tmp_path: Path, environment: dict[str, str], text: str
) -> None:
    ended = run_main(tmp_path, **environment)
    assert ended.returncode == 2
    assert text in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


async def test_the_process_ends_cleanly_on_sigterm(tmp_path: Path, database_url: str) -> None:
    async with running_localnet() as node:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "STELLAR_NETWORK": "local",
            "RPC_URL": node.rpc_url,
            "DATABASE_URL": database_url,
            "BACKEND_PORT": "0",
            "BACKEND_DATA_DIR": str(tmp_path),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backend_svc.main",
            env=environment,
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        assert b"KALE pool Backend" in await asyncio.wait_for(process.stdout.readline(), 120)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 120) == 0
